# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone of an armature is which SMPL-X joint: the clip readers' tables, and files of the user's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from controller_server.clip.fit.joint_names import REQUIRED as LIMBS
from controller_server.clip.fit.joint_names import JointMatch, JointTable, match_joints, read_joint_table
from controller_server.clip.io.rig import helper_rows
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.core.errors import AssistMimicError

from .bones import Bones
from .controls import Control, Controls

REQUIRED = ("pelvis", "head", *LIMBS)
"""Joints without which a rig is no person."""
_CALLED = {
    "bandai_namco": "Bandai Namco",
    "cmu": "CMU",
    "cmu_cgspeed": "CMU, cgspeed",
    "daz": "DAZ",
    "hhi_assist": "HHI-Assist",
    "iclone": "iClone",
    "ipi": "iPi",
    "makehuman": "MakeHuman",
    "mmd": "MikuMikuDance",
    "mocapnet": "MocapNET",
    "rigify": "Rigify meta-rig",
    "smpl": "SMPL",
    "smplx": "SMPL-X",
    "soma": "SOMA",
    "unreal5": "Unreal 5",
    "vrm": "VRM",
}
"""What rigs are called that are not called like their table, with a capital."""
_FOLDER = Path(__file__).parent / "mappings"


@dataclass(frozen=True)
class BoneMapping:
    """Names a kind of rig uses.

    Attributes:
        name: What the rig is called in messages.
        bones: SMPL-X joint name to the bone's name; without namespace, so that `mixamorig1:Hips` is found as `Hips`.
        controls: What is keyed where these bones follow controls; None where they are keyed themselves.
    """

    name: str
    bones: Mapping[str, str]
    controls: Controls | None = None

    def match(self, bones: Bones) -> tuple[str, dict[str, int]]:
        """What the rig is called, and SMPL-X joint name to row for the joints that are there."""
        rows = {name.rsplit(":", 1)[-1]: row for row, name in enumerate(bones.names)}
        return self.name, {joint: rows[bone] for joint, bone in self.bones.items() if bone in rows}


@dataclass(frozen=True)
class TableMapping(BoneMapping):
    """The clip readers' tables: the one they would choose, names compared as they compare them.

    Attributes:
        table: The only one to try; all that the readers know by default.
    """

    table: JointTable | None = None

    def match(self, bones: Bones) -> tuple[str, dict[str, int]]:
        """What the rig is called, and SMPL-X joint name to row; none where no table finds arms and legs.

        Joints of which only the rotation is SMPL-X's count as well: in an armature they are bones like any other. No
        bone is taken for two joints.
        """
        try:
            match = match_joints(bones.names, self.name, self.table, helper_rows(bones.heads, bones.parents))
        except AssistMimicError:
            return self.name, {}
        found: dict[str, int] = {}
        for joint in sorted({**match.rotations, **match.joints}, key=JOINT_NAMES.index):
            row = _row(match, joint)
            if row not in found.values():
                found[joint] = row
        return called(match.table), found


def called(table: str) -> str:
    """What the rigs of a table are called in messages."""
    return _CALLED.get(table, table[:1].upper() + table[1:])


def _row(match: JointMatch, joint: str) -> int:
    return match.joints[joint] if joint in match.joints else match.rotations[joint]


def read_mapping(path: Path) -> BoneMapping:
    """A mapping from a file: YAML as `--joint-map` takes it, or JSON: `{"name": "Mine", "bones": {"pelvis": "Hips"}}`.

    Rigs with controls have three entries more: `"controls": {"torso": ["spine1", "root"], ...}` with the joint each
    control moves and what carries it, `"at_rest": ["hips", ...]` and `"properties": {"torso": {"head_follow": 1}, ...}`
    (`Controls`).

    Raises:
        AssistMimicError: naming the file and what is wrong with it.
    """
    if path.suffix.lower() in (".yaml", ".yml"):
        return TableMapping(path.stem, {}, None, read_joint_table(path))
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name, bones = str(content["name"]), dict(content["bones"])
        controls = _controls(content) if "controls" in content else None
    except OSError as error:
        raise AssistMimicError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AssistMimicError(
            f'{path}: not a bone mapping, which is {{"name": ..., "bones": ...}} ({error})'
        ) from None
    used = {c.takes: "" for c in controls.keyed} if controls else {}
    for joint, bone in {**used, **bones}.items():
        if joint not in JOINT_NAMES:
            raise AssistMimicError(
                f"{path}: {joint!r} is no SMPL-X joint; there are {', '.join(JOINT_NAMES[:22])}, ..."
            )
        if not isinstance(bone, str):
            raise AssistMimicError(f"{path}: {joint}: expected a bone's name, got {bone!r}")
    return BoneMapping(name, bones, controls)


def _controls(content: Mapping[str, Any]) -> Controls:
    keyed = tuple(Control(bone, *map(str, entry)) for bone, entry in content["controls"].items())
    properties = {bone: dict(values) for bone, values in content.get("properties", {}).items()}
    return Controls(keyed, tuple(content.get("at_rest", ())), properties)


def _smplx() -> tuple[BoneMapping, ...]:
    """The SMPL-X family under its own names; eyes are called `left_eye` in some rigs."""
    own = {name: name for name in JOINT_NAMES}
    short = {**own, "left_eye_smplhf": "left_eye", "right_eye_smplhf": "right_eye"}
    return BoneMapping("SMPL-X", own), BoneMapping("SMPL-X", short)


@cache
def shipped_mappings() -> tuple[BoneMapping, ...]:
    """SMPL-X first, then rigs with controls, whose files come with the extension, then the clip readers' tables."""
    files = [read_mapping(path) for path in sorted(_FOLDER.glob("*.json"))]
    return (*_smplx(), *files, TableMapping("the rigs known", {}))
