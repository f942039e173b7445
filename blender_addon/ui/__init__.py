# SPDX-License-Identifier: GPL-3.0-or-later
"""What an animator sees: properties, operators, panels, overlay. Thin; the work is done in `blender`, `rig`, `job`."""
