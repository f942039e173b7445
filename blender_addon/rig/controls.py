# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs whose skeleton follows controls: which controls, and what keeps them in charge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from controller_server.clip.skeleton import JOINT_NAMES, joint
from controller_server.core.errors import SceneError

from .bones import Bones

_SAME_PLACE = 1e-3


@dataclass(frozen=True)
class Control:
    """A bone that animators key.

    Attributes:
        bone: Its name.
        takes: SMPL-X joint whose motion it makes.
        on: What carries it: a SMPL-X joint, or the name of a bone that keeps its own animation.
    """

    bone: str
    takes: str
    on: str


@dataclass(frozen=True)
class Controls:
    """The forward-kinematics controls of a kind of rig.

    Attributes:
        keyed: Controls that are written; the first is moved as well as turned.
        at_rest: Bones between them, put to rest where they are not.
        properties: Custom properties of bones under which the skeleton follows these controls and nothing else.
    """

    keyed: tuple[Control, ...]
    at_rest: tuple[str, ...] = ()
    properties: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def check(self, kind: str, bones: Bones, rows: np.ndarray) -> None:
        """Refuse a rig that is built otherwise.

        Args:
            kind: What the rig is called.
            bones: Bones of the armature.
            rows: Row of each SMPL-X joint's bone, shape (55,).

        Raises:
            AssistMimicError: a control is not there, or turns about another place than its joint.
        """
        size = float(np.ptp(bones.heads, axis=0).max())
        for control in self.keyed:
            name, is_there = control.bone, control.bone in bones.names
            if is_there and control.on in JOINT_NAMES:
                # It turns at the joint between what it makes move and what carries it.
                row = rows[max(joint(control.takes), joint(control.on))]
                is_there = np.abs(bones.heads[bones.names.index(name)] - bones.heads[row]).max() < _SAME_PLACE * size
            if rows[joint(control.takes)] >= 0 and not is_there:
                raise SceneError(
                    f"a {kind} rig without a control {name} where it moves the {control.takes.replace('_', ' ')}; "
                    "generate it from the human meta-rig with the spine it has, or simulate on the meta-rig and "
                    "constrain the controls to it"
                )
