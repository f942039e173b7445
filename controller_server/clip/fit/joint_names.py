"""Which joint of a rig is which SMPL-X joint: tables for the usual rigs, and the user's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.core.errors import AssistMimicError
from controller_server.core.yaml_file import read_yaml

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
        only_with: Names of which one must be there, for tables that other rigs would fit too.
    """

    name: str
    joints: Mapping[str, Sequence[str]]
    rotations: Mapping[str, Sequence[str]]
    tips: Mapping[str, Sequence[str]]
    only_with: Sequence[str] = ()


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
    """Return a name without case, namespace, the usual prefixes, spaces, dots, hyphens and underscores."""
    name = name.strip().lower().split("|")[-1].split(":")[-1]
    name = re.sub(r"[\s._-]", "", name)
    return _PREFIX.sub("", name, count=1) or name


_PREFIX = re.compile(
    r"^(mixamorig\d*|character\d+|valvebiped|bip\d+|j(bip|sec|adj)|(def|org|mch)(?=[a-z])|robot(?=hips|spine|left|right)|gt(?=hips))+"
)


@cache
def built_in_tables() -> tuple[JointTable, ...]:
    """Tables of the rigs known without the user's help, SMPL-X's own names first."""
    files = ("joint_tables.yaml", "rig_tables.yaml")
    tables = [(f, read_yaml(Path(__file__).with_name(f))) for f in files]
    smplx = JointTable("smplx", {name: (name,) for name in JOINT_NAMES}, {}, _SMPLX_TIPS)
    return (smplx, *(_table(name, entry, f) for f, entries in tables for name, entry in entries.items()))


_SMPLX_TIPS = {f"{s}_toes": (f"{s}_foot_end",) for s in ("left", "right")} | {
    f"{s}_hand": (f"{s}_middle1",) for s in ("left", "right")
}


def read_joint_table(path: str | Path) -> JointTable:
    """Return a built-in table by its name, or a user's in YAML (see docs/formats.md). Raises AssistMimicError."""
    named = next((table for table in built_in_tables() if table.name == str(path)), None)
    if named is not None:
        return named
    path = Path(path)
    if not path.exists() and path.suffix.lower() not in (".yaml", ".yml"):
        names = ", ".join(table.name for table in built_in_tables())
        raise AssistMimicError(f"{path}: no table of joint names is called so; there are {names}, or give a YAML file")
    return _table(path.name, read_yaml(path), str(path))


def _table(name: str, content: Any, where: str) -> JointTable:
    parts = ("joints", "rotations", "tips")
    if not isinstance(content, dict) or "joints" not in content or set(content) - {*parts, "sides", "only_with"}:
        raise AssistMimicError(
            f"{where}: a joint table has a 'joints' mapping, and may have 'rotations', 'tips', 'sides' and 'only_with'"
        )
    sides = content.get("sides", ["left_", "right_"])
    if not (isinstance(sides, list) and len(sides) == 2 and all(isinstance(side, str) for side in sides)):
        raise AssistMimicError(f"{where}: sides must be two texts, those of left and right")
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for part in parts:
        entries = content.get(part) or {}
        if not isinstance(entries, dict):
            raise AssistMimicError(f"{where}: {part} must map SMPL-X names to the file's names")
        found[part] = {}
        for key, names in entries.items():
            names = [names] if isinstance(names, str) else names
            if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
                raise AssistMimicError(f"{where}: {part} of {key} must be a name or a list of names")
            found[part] |= _spelled_out(str(key), names, sides, TIPS if part == "tips" else JOINT_NAMES, where, part)
    needed = content.get("only_with") or []
    return JointTable(name, **found, only_with=tuple(map(str, needed)) if isinstance(needed, list) else ())


def _spelled_out(
    key: str, names: Sequence[str], sides: Sequence[str], known: Sequence[str], where: str, part: str
) -> dict[str, tuple[str, ...]]:
    """Return an entry of a table for each joint it stands for: both sides, three joints of a finger."""
    digits = ("1", "2", "3") if "#" in key else ("",)
    found = {}
    for digit in digits:
        plain = key.replace("#", digit)
        spelled = tuple(name.replace("#", digit) for name in names)
        if plain in known:
            found[plain] = spelled
            continue
        if f"left_{plain}" not in known:
            raise AssistMimicError(f"{where}: {part} names {key!r}, which is none of {', '.join(known[:22])}")
        for side, text in zip(("left", "right"), sides, strict=True):
            found[f"{side}_{plain}"] = tuple(name.replace("*", text) for name in spelled)
    return found


def _finder(names: Sequence[str]) -> Callable[[Mapping[str, Sequence[str]]], dict[str, int]]:
    """Return what finds entries of a table among names: as they stand first, then by what they mean."""
    rows: dict[str, int] = {}
    for row, name in enumerate(names):
        rows.setdefault(_plain(name), row)
    exact = {name: row for row, name in reversed(list(enumerate(names)))}

    def find(entries: Mapping[str, Sequence[str]]) -> dict[str, int]:
        found = {}
        for key, alternatives in entries.items():
            places = (exact.get(name, rows.get(_plain(name))) for name in alternatives)
            row = next((place for place in places if place is not None), None)
            if row is not None:
                found[key] = row
        return found

    return find


def match_joints(
    names: Sequence[str], where: str, table: JointTable | None = None, helpers: Collection[int] = ()
) -> JointMatch:
    """Find the SMPL-X joints among a rig's names.

    Args:
        names: The rig's joint names.
        where: File to name in errors.
        table: The user's table; the built-in one that finds most otherwise.
        helpers: Joints that lie on their parents: no places in the body, whatever they are called.

    Raises:
        AssistMimicError: listing the joints that could not be found.
    """
    find = _finder(names)
    tables = (table,) if table else [t for t in built_in_tables() if not t.only_with or find({"": t.only_with})]
    matches = [JointMatch(t.name, find(t.joints), find(t.rotations), find(t.tips)) for t in tables]

    def worth(k: int) -> tuple[int, int, int]:
        match, rows = matches[k], [row for name, row in matches[k].joints.items()]
        # A joint twice in a table, or a helper joint taken for a place in the body, speaks against the table.
        doubtful = sum(row in helpers for row in rows) + len(rows) - len(set(rows))
        required = sum(name in match.joints for name in REQUIRED)
        return required, len(rows) + len(match.rotations) - 2 * doubtful, -len(tables[k].joints)

    best = matches[max(range(len(matches)), key=worth)]
    missing = [name for name in REQUIRED if name not in best.joints]
    if missing:
        seen = ", ".join(list(names)[:6])
        raise AssistMimicError(
            f"{where}: cannot find the SMPL-X joints {', '.join(missing)} (closest names: {best.table}; the file has "
            f"{seen}, ...); give a table of your names with --joint-map FILE.yaml, see docs/formats.md"
        )
    return best


def exchanged(match: JointMatch) -> JointMatch:
    """Return the match with left and right exchanged, for files that name them the wrong way round."""

    def other(name: str) -> str:
        side, _, part = name.partition("_")
        return f"{'right' if side == 'left' else 'left'}_{part}" if side in ("left", "right") else name

    def turn(rows: Mapping[str, int]) -> dict[str, int]:
        return {other(name): row for name, row in rows.items()}

    return JointMatch(match.table, turn(match.joints), turn(match.rotations), turn(match.tips))
