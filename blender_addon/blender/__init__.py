# SPDX-License-Identifier: GPL-3.0-or-later
"""What touches Blender's data: armatures, actions, meshes. No panels and no operators."""
