# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulation as a job: the embedded server, and the thread that talks to a server. No Blender in here."""
