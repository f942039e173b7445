"""Which joint of a rig is which SMPL-X joint: tables for the usual rigs, and the user's own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import AssistMimicError
from ..yamlfile import read_yaml
from .skeleton import JOINT_NAMES

TIPS = ("left_toes", "right_toes", "left_hand", "right_hand")
REQUIRED = tuple(
    f"{side}_{part}" for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for side in ("left", "right")
)
"""Joints without which nobody can be fitted."""


@dataclass(frozen=True)
class JointTable:
    """Names a rig uses. Each SMPL-X joint (or tip) has a list of alternatives, best first.

    Attributes:
        name: What the table is called in messages.
        joints: Joints whose position and rotation are the SMPL-X joint's.
        rotations: Joints of which only the rotation is.
        tips: Points that tell where toes and hands point, by the names of `TIPS`.
    """

    name: str
    joints: Mapping[str, Sequence[str]]
    rotations: Mapping[str, Sequence[str]]
    tips: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class JointMatch:
    """Where a rig's joints were found: SMPL-X joint (or tip) name to index in the rig.

    Attributes:
        table: Name of the table used.
        joints: As `JointTable.joints`.
        rotations: As `JointTable.rotations`.
        tips: As `JointTable.tips`.
    """

    table: str
    joints: Mapping[str, int]
    rotations: Mapping[str, int]
    tips: Mapping[str, int]


def _plain(name: str) -> str:
    """A name without case, namespace or Mixamo's prefix."""
    return re.sub(r"^mixamorig\d*[_:]?", "", name.strip().lower().split("|")[-1].split(":")[-1])


@cache
def built_in_tables() -> tuple[JointTable, ...]:
    """Tables of the rigs known without the user's help, SMPL-X's own names first."""
    tables = read_yaml(Path(__file__).with_name("joint_tables.yaml"))
    smplx = JointTable("smplx", {name: (name,) for name in JOINT_NAMES}, {}, _SMPLX_TIPS)
    return (smplx, *(_table(name, entry, "joint_tables.yaml") for name, entry in tables.items()))


_SMPLX_TIPS = {f"{s}_toes": (f"{s}_foot_end",) for s in ("left", "right")} | {
    f"{s}_hand": (f"{s}_middle1",) for s in ("left", "right")
}


def read_joint_table(path: str | Path) -> JointTable:
    """A user's table in YAML (see docs/formats.md). Raises AssistMimicError."""
    path = Path(path)
    return _table(path.name, read_yaml(path), str(path))


def _table(name: str, content: Any, where: str) -> JointTable:
    parts = ("joints", "rotations", "tips")
    if not isinstance(content, dict) or "joints" not in content or set(content) - set(parts):
        raise AssistMimicError(f"{where}: a joint table has a 'joints' mapping, and may have 'rotations' and 'tips'")
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for part in parts:
        entries = content.get(part) or {}
        if not isinstance(entries, dict):
            raise AssistMimicError(f"{where}: {part} must map SMPL-X names to the file's names")
        known = TIPS if part == "tips" else JOINT_NAMES
        found[part] = {}
        for key, names in entries.items():
            if key not in known:
                raise AssistMimicError(f"{where}: {part} names {key!r}, which is none of {', '.join(known[:22])}")
            names = [names] if isinstance(names, str) else names
            if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
                raise AssistMimicError(f"{where}: {part} of {key} must be a name or a list of names")
            found[part][key] = tuple(names)
    return JointTable(name, **found)


def match_joints(names: Sequence[str], where: str, table: JointTable | None = None) -> JointMatch:
    """Find the SMPL-X joints among a rig's names.

    Args:
        names: The rig's joint names.
        where: File to name in errors.
        table: The user's table; the built-in one that finds most otherwise.

    Raises:
        AssistMimicError: listing the joints that could not be found.
    """
    rows: dict[str, int] = {}
    for row, name in enumerate(names):
        rows.setdefault(_plain(name), row)
    exact = {name: row for row, name in reversed(list(enumerate(names)))}

    def find(entries: Mapping[str, Sequence[str]]) -> dict[str, int]:
        found = {}
        for key, alternatives in entries.items():
            for name in alternatives:
                row = exact.get(name, rows.get(_plain(name)))
                if row is not None:
                    found[key] = row
                    break
        return found

    matches = [
        JointMatch(t.name, find(t.joints), find(t.rotations), find(t.tips))
        for t in ((table,) if table else built_in_tables())
    ]
    best = max(matches, key=lambda m: (sum(j in m.joints for j in REQUIRED), len(m.joints) + len(m.rotations)))
    missing = [name for name in REQUIRED if name not in best.joints]
    if missing:
        seen = ", ".join(list(names)[:6])
        raise AssistMimicError(
            f"{where}: cannot find the SMPL-X joints {', '.join(missing)} (closest names: {best.table}; the file has "
            f"{seen}, ...); give a table of your names with --joint-map FILE.yaml, see docs/formats.md"
        )
    return best
