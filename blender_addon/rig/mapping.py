# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone of an armature is which SMPL-X joint: tables as JSON, shipped and of the user's own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from controller_server.clip.joint_names import REQUIRED as LIMBS
from controller_server.clip.joint_names import JointTable, built_in_tables, table_rows
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.errors import AssistMimicError

from .controls import Control, Controls

REQUIRED = ("pelvis", "head", *LIMBS)
"""Joints without which a rig is no person."""
_WITH_FILES = ("smplx", "mixamo", "rigify")
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

    def match(self, names: Sequence[str]) -> dict[str, int]:
        """SMPL-X joint name to row, for the joints that are there."""
        rows = {name.rsplit(":", 1)[-1]: row for row, name in enumerate(names)}
        return {joint: rows[bone] for joint, bone in self.bones.items() if bone in rows}


@dataclass(frozen=True)
class TableMapping(BoneMapping):
    """A rig of the clip readers' tables, names compared as they compare them.

    Attributes:
        table: Of joint names.
    """

    table: JointTable | None = None

    def match(self, names: Sequence[str]) -> dict[str, int]:
        """SMPL-X joint name to row, for the joints that are there; none for a table that takes one bone for two."""
        rows = {} if self.table is None else table_rows(self.table, names)
        return rows if len(set(rows.values())) == len(rows) else {}


def read_mapping(path: Path) -> BoneMapping:
    """A mapping from a JSON file: `{"name": "My rig", "bones": {"pelvis": "Hips", ...}}`.

    Rigs with controls have three entries more: `"controls": {"torso": ["spine1", "root"], ...}` with the joint each
    control moves and what carries it, `"at_rest": ["hips", ...]` and `"properties": {"torso": {"head_follow": 1}, ...}`
    (`Controls`).

    Raises:
        AssistMimicError: naming the file and what is wrong with it.
    """
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
    """SMPL-X first, then the files that come with the extension, then the clip readers' tables of further rigs."""
    files = [read_mapping(path) for path in sorted(_FOLDER.glob("*.json"))]
    tables = [table for table in built_in_tables() if table.name not in _WITH_FILES]
    return (*_smplx(), *files, *(TableMapping(table.name, {}, None, table) for table in tables))
