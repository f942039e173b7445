# SPDX-License-Identifier: GPL-3.0-or-later
"""Code that touches Blender's data: armatures, actions, meshes. No panels and no operators."""
