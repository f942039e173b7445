# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs as arrays: recognising them, reading SMPL-X motion off them and writing it back. No Blender in here."""
