# SPDX-License-Identifier: GPL-3.0-or-later
"""Mapping of an armature's bones to SMPL-X joints: the clip readers' tables, and files of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from controller_server.clip.fit.joint_names import REQUIRED as LIMBS
from controller_server.clip.fit.joint_names import JointMatch, match_joints
from controller_server.clip.io.rig import helper_rows
from controller_server.clip.rig_tables import JointTable, built_in_tables, read_joint_table
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.core.errors import AssistMimicError

from .bones import Bones
from .controls import Control, Controls

REQUIRED = ("pelvis", "head", *LIMBS)
"""Joints without which a rig is no person."""


@dataclass(frozen=True)
class BoneMapping:
    """Names a kind of rig uses.

    Attributes:
        name: What the rig is called in messages.
        table: Its names; None for all rigs that the clip readers know, of which they choose one.
    """

    name: str
    table: JointTable | None = None

    @cached_property
    def controls(self) -> Controls | None:
        """What is keyed where these bones follow controls; None where they are keyed themselves."""
        if self.table is None or not self.table.controls:
            return None
        keyed = tuple(Control(bone, takes, on) for bone, (takes, on) in self.table.controls.items())
        return Controls(keyed, tuple(self.table.at_rest), self.table.properties)

    def match(self, bones: Bones) -> tuple[str, dict[str, int]]:
        """Return what the rig is called, and SMPL-X joint name to row for the joints that are there.

        Names are compared as the clip readers compare them, where the table does not want them as they stand: without
        namespace, so that `mixamorig1:Hips` is found as `Hips`. Joints of which only the rotation is SMPL-X's count as
        well: in an armature they are bones like any other. No bone is taken for two joints.
        """
        if self.table is not None and self.table.exact:
            return self.name, _exact(self.table, bones)
        try:
            match = match_joints(bones.names, self.name, self.table, helper_rows(bones.heads, bones.parents))
        except AssistMimicError:
            return self.name, {}
        found: dict[str, int] = {}
        for joint in sorted({**match.rotations, **match.joints}, key=JOINT_NAMES.index):
            row = _row(match, joint)
            if row not in found.values():
                found[joint] = row
        return called(match.table) if self.table is None else self.name, found


def _exact(table: JointTable, bones: Bones) -> dict[str, int]:
    rows = {name.rsplit(":", 1)[-1]: row for row, name in enumerate(bones.names)}
    found = {joint: next((n for n in names if n in rows), None) for joint, names in table.joints.items()}
    return {joint: rows[name] for joint, name in found.items() if name is not None}


def called(name: str) -> str:
    """Return what the rigs of one of the tables known are called in messages."""
    return next(table.called for table in built_in_tables() if table.name == name)


def _row(match: JointMatch, joint: str) -> int:
    return match.joints[joint] if joint in match.joints else match.rotations[joint]


def read_mapping(path: Path) -> BoneMapping:
    """Return the mapping of a user's file: what `--joint-map` takes, in YAML or JSON, of rigs with controls too.

    Raises:
        AssistMimicError: naming the file and what is wrong with it.
    """
    table = read_joint_table(path)
    return BoneMapping(table.called, table)


def _smplx() -> tuple[BoneMapping, ...]:
    """Return the SMPL-X family under its own names; eyes are called `left_eye` in some rigs."""
    own = {name: (name,) for name in JOINT_NAMES}
    short = {**own, "left_eye_smplhf": ("left_eye",), "right_eye_smplhf": ("right_eye",)}
    tables = (JointTable("smplx", names, called="SMPL-X", exact=True) for names in (own, short))
    return tuple(BoneMapping(table.called, table) for table in tables)


@cache
def shipped_mappings() -> tuple[BoneMapping, ...]:
    """SMPL-X first, then rigs with controls, then the one that the clip readers would choose."""
    controlled = [BoneMapping(table.called, table) for table in built_in_tables() if table.controls]
    return (*_smplx(), *controlled, BoneMapping("the rigs known"))
