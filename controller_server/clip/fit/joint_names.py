"""Mapping of a rig's joints to SMPL-X joints, by tables of names."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from controller_server.clip.rig_tables import JointTable, motion_file_tables
from controller_server.core.errors import ClipError

REQUIRED = tuple(
    f"{side}_{part}" for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for side in ("left", "right")
)
"""Joints without which nobody can be fitted."""


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
    tables = (table,) if table else [t for t in motion_file_tables() if not t.only_with or find({"": t.only_with})]
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
        raise ClipError(
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
