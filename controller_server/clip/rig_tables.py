"""The rigs that are known: `rigs.yaml`, and tables of the user's own, which motion files and Blender read alike."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from controller_server.core.errors import AssistMimicError, ClipError
from controller_server.core.validation import Where, build
from controller_server.core.yaml_file import read_yaml

from .skeleton import JOINT_NAMES

TIPS = ("left_toes", "right_toes", "left_hand", "right_hand")
_RIGS = Path(__file__).with_name("rigs.yaml")
_Names = str | tuple[str, ...]


@dataclass(frozen=True)
class JointTable:
    """Names a rig uses. Each SMPL-X joint (or tip) has a list of alternatives, best first.

    Attributes:
        name: Of the table, in messages.
        joints: Joints whose position and rotation are the SMPL-X joint's.
        rotations: Joints of which only the rotation is.
        tips: Points that tell where toes and hands point, by the names of `TIPS`.
        only_with: Names of which one must be there, for tables that other rigs would fit too.
        called: The rig in messages.
        exact: Whether names are taken as they stand, but for a namespace.
        controls: Where the rig's skeleton follows controls: control to the joint it moves and what carries it.
        at_rest: Controls between these, put to rest where they are not.
        properties: Custom properties of bones under which the skeleton follows these controls and nothing else.
    """

    name: str
    joints: Mapping[str, Sequence[str]]
    rotations: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tips: Mapping[str, Sequence[str]] = field(default_factory=dict)
    only_with: Sequence[str] = ()
    called: str = ""
    exact: bool = False
    controls: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    at_rest: Sequence[str] = ()
    properties: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Entry:
    """A table as files have it; the attributes are those of `JointTable`, and the texts of left and right."""

    joints: Mapping[str, _Names]
    rotations: Mapping[str, _Names] = field(default_factory=dict)
    tips: Mapping[str, _Names] = field(default_factory=dict)
    sides: tuple[str, str] = ("left_", "right_")
    only_with: _Names = ()
    called: str = ""
    exact: bool = False
    controls: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    at_rest: tuple[str, ...] = ()
    properties: Mapping[str, Mapping[str, int | float | bool]] = field(default_factory=dict)


@cache
def built_in_tables() -> tuple[JointTable, ...]:
    """Return the tables of the rigs known without the user's help, SMPL-X's own names first."""
    tips = {f"{side}_toes": (f"{side}_foot_end",) for side in ("left", "right")}
    tips |= {f"{side}_hand": (f"{side}_middle1",) for side in ("left", "right")}
    smplx = JointTable("smplx", {name: (name,) for name in JOINT_NAMES}, tips=tips, called="SMPL-X")
    return (smplx, *(_table(name, entry, f"{_RIGS.name}: {name}") for name, entry in read_yaml(_RIGS).items()))


@cache
def motion_file_tables() -> tuple[JointTable, ...]:
    """Return those that names in motion files are held against: what a skeleton does, not who is in charge of it."""
    return tuple(table for table in built_in_tables() if not table.controls)


def read_joint_table(path: str | Path) -> JointTable:
    """Return a built-in table by its name, or a user's.

    A user's is an entry as `rigs.yaml` has them, in YAML or JSON; or, as Blender's bone mappings were saved,
    `{"name": "Mine", "bones": {"pelvis": "Hips", ...}}`, whose names are taken as they stand.

    Raises:
        AssistMimicError: naming the file and what is wrong with it.
    """
    named = next((table for table in built_in_tables() if table.name == str(path)), None)
    if named is not None:
        return named
    path = Path(path)
    if not path.exists() and path.suffix.lower() not in (".yaml", ".yml", ".json"):
        names = ", ".join(table.name for table in built_in_tables())
        raise ClipError(f"{path}: no table of joint names is called so; there are {names}, or give a YAML file")
    return _table(path.name, _read_json(path) if path.suffix.lower() == ".json" else read_yaml(path), str(path))


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ClipError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, RecursionError) as error:
        raise ClipError(f"{path}: not readable as JSON ({error})") from None


def _table(name: str, content: Any, where: str) -> JointTable:
    if isinstance(content, Mapping) and "bones" in content:
        kept = {key: content[key] for key in ("controls", "at_rest", "properties") if key in content}
        called = str(content.get("name", Path(name).stem))
        content = {"called": called, "joints": content["bones"], "exact": True, **kept}
    if not isinstance(content, Mapping) or "joints" not in content:
        raise ClipError(
            f"{where}: a joint table has a 'joints' mapping, and may have 'rotations', 'tips', 'sides' and 'only_with'"
        )
    given = {key: value for key, value in content.items() if value is not None}
    entry = build(_Entry, given, Where(where, error=AssistMimicError))
    for control, (takes, _) in entry.controls.items():
        if takes not in JOINT_NAMES:
            raise ClipError(f"{where}: control {control} moves {takes!r}, which is no SMPL-X joint")
    return JointTable(
        name,
        **{part: _spelled_out(entry, part, where) for part in ("joints", "rotations", "tips")},
        only_with=_listed(entry.only_with),
        called=entry.called or name[:1].upper() + name[1:],
        exact=entry.exact,
        controls=entry.controls,
        at_rest=entry.at_rest,
        properties=entry.properties,
    )


def _spelled_out(entry: _Entry, part: str, where: str) -> dict[str, tuple[str, ...]]:
    """Return a part of a table with an entry for each joint: both sides, three joints of a finger."""
    known = TIPS if part == "tips" else JOINT_NAMES
    found: dict[str, tuple[str, ...]] = {}
    for key, names in getattr(entry, part).items():
        for digit in ("1", "2", "3") if "#" in key else ("",):
            plain, spelled = key.replace("#", digit), tuple(name.replace("#", digit) for name in _listed(names))
            if plain in known:
                found[plain] = spelled
                continue
            if f"left_{plain}" not in known:
                raise ClipError(f"{where}: {part} names {key!r}, which is none of {', '.join(known[:22])}")
            for side, text in zip(("left", "right"), entry.sides, strict=True):
                found[f"{side}_{plain}"] = tuple(name.replace("*", text) for name in spelled)
    return found


def _listed(names: _Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names
