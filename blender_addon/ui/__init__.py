# SPDX-License-Identifier: GPL-3.0-or-later
"""User interface: properties, operators, panels, overlay. Thin; the work is done in `blender`, `rig`, `job`."""
