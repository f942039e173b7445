"""The author's YAML file, read into a `Script` with errors that name key, person and field."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.clip.interaction import ROLES, Prop
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.core.errors import AssistMimicError, ClipError
from controller_server.core.yaml_file import read_yaml

from .script import Foot, Hand, Hold, Key, PersonKey, Script, Weight

DIRECTIONS = {
    "front": (1.0, 0.0, 0.0),
    "back": (-1.0, 0.0, 0.0),
    "left": (0.0, 1.0, 0.0),
    "right": (0.0, -1.0, 0.0),
    "above": (0.0, 0.0, 1.0),
    "below": (0.0, 0.0, -1.0),
}
"""Forward, left, up in a person's heading frame."""
_HELD_JOINTS = JOINT_NAMES[:22]


class _Where:
    """Place in the file, for error messages."""

    def __init__(self, path: str) -> None:
        self.path = path

    def at(self, part: object) -> _Where:
        return _Where(f"{self.path}, {part}")

    def error(self, text: str) -> AssistMimicError:
        return ClipError(f"{self.path}: {text}")


def _number(value: Any, where: _Where, low: float = -1e4, high: float = 1e4) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise where.error(f"expected a number from {low:g} to {high:g}, got {value!r}")
    return float(value)


def _numbers(value: Any, count: int, where: _Where) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or len(value) != count:
        raise where.error(f"expected {count} numbers in brackets, got {value!r}")
    return tuple(_number(v, where) for v in value)


def _mapping(value: Any, allowed: tuple[str, ...], where: _Where) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise where.error(f"expected `name: value` pairs, got {value!r}")
    for name in value:
        if name not in allowed:
            raise where.error(f"no field {name!r}; there are {', '.join(allowed)}")
    return value


def _direction(value: Any, where: _Where) -> tuple[float, float, float]:
    if isinstance(value, str):
        if value not in DIRECTIONS:
            raise where.error(f"no direction {value!r}; there are {', '.join(DIRECTIONS)}, or three numbers")
        return DIRECTIONS[value]
    x, y, z = _numbers(value, 3, where)
    norm = float(np.sqrt(x * x + y * y + z * z))
    if norm < 1e-6:
        raise where.error("a direction must not be zero")
    return (x / norm, y / norm, z / norm)


def _foot(value: Any, where: _Where) -> Foot:
    value = _mapping(value, ("at", "yaw", "lift", "heel"), where)
    if "at" not in value:
        raise where.error("`at: [x, y]` is missing")
    at = _numbers(value["at"], 2, where.at("at"))
    yaw = np.radians(_number(value.get("yaw", 0.0), where.at("yaw"), -720, 720))
    heel = float(np.radians(_number(value.get("heel", 0.0), where.at("heel"), 0, 60)))
    return Foot(at, float(yaw), _number(value.get("lift", 0.0), where.at("lift"), 0, 1), heel)


def _hand(value: Any, where: _Where) -> Hand:
    if value == "free":
        return Hand()
    value = _mapping(value, ("world", "body", "hold", "palm"), where)
    places = [kind for kind in ("world", "body", "hold") if kind in value]
    if len(places) != 1:
        raise where.error("expected one of world, body, hold, or the word free")
    if places != ["hold"]:
        palm = _direction(value["palm"], where.at("palm")) if "palm" in value else None
        point = _numbers(value[places[0]], 3, where.at(places[0]))
        return Hand(world=point, palm=palm) if places == ["world"] else Hand(body=point, palm=palm)
    if "palm" in value:
        raise where.error("a holding hand looks at what it holds; leave `palm` out")
    where = where.at("hold")
    hold = _mapping(value["hold"], ("partner", "along", "side", "grip"), where)
    joint = hold.get("partner")
    if joint not in _HELD_JOINTS:
        raise where.error(
            f"`partner` must name a joint of the partner, one of {', '.join(_HELD_JOINTS)}; got {joint!r}"
        )
    return Hand(
        hold=Hold(
            joint,
            along=_number(hold.get("along", 0.5), where.at("along"), 0, 1),
            side=_direction(hold["side"], where.at("side")) if "side" in hold else None,
            grip=_number(hold.get("grip", 1.0), where.at("grip"), 0, 1),
        )
    )


def _weight(value: Any, where: _Where) -> Weight | None:
    if value == "carried":
        return None
    value = _mapping(value, ("left", "forward"), where)
    return Weight(
        _number(value.get("left", 0.5), where.at("left"), 0, 1),
        _number(value.get("forward", 0.0), where.at("forward"), -1, 1),
    )


def _person_field(name: str, value: Any, where: _Where, seats: tuple[str, ...]) -> Any:
    if name in ("left_foot", "right_foot"):
        return _foot(value, where)
    if name in ("left_hand", "right_hand"):
        return _hand(value, where)
    if name in ("heading", "tilt", "lean", "sway", "turn"):
        return float(np.radians(_number(value, where, -720, 720)))
    if name == "height":
        return _number(value, where, 0.05, 2)
    if name == "pelvis":
        return None if value == "free" else _numbers(value, 2, where)
    if name == "seat":
        if value not in (*seats, "floor", None, "none"):
            raise where.error(f"no seat {value!r}; there are {', '.join((*seats, 'floor', 'none'))}")
        return None if value == "none" else value
    if name == "gaze":
        return value if value in ("partner", "forward") else _numbers(value, 3, where)
    if name == "elbows":
        return _numbers(value, 3, where)
    if name == "weight":
        return _weight(value, where)
    if not isinstance(value, bool):
        raise where.error(f"expected true or false, got {value!r}")
    return value


_PERSON_FIELDS = tuple(f.name for f in fields(PersonKey))


def _person(value: Any, before: PersonKey | None, where: _Where, seats: tuple[str, ...]) -> PersonKey:
    """Return a key says what changes; everything else stays as it was in the key before."""
    value = _mapping(value or {}, _PERSON_FIELDS, where)
    changes = {name: _person_field(name, v, where.at(name), seats) for name, v in value.items()}
    if before is not None:
        return replace(before, **changes)
    for name in ("left_foot", "right_foot"):
        if name not in changes:
            raise where.error(f"the first key must say where {name} is")
    return PersonKey(**changes)


def _times(value: Any, where: _Where) -> tuple[float, ...]:
    times = value if isinstance(value, list) else [value]
    if not 1 <= len(times) <= 2:
        raise where.error("expected a time, or [from, to] for a pose that is held")
    return tuple(_number(t, where, 0, 600) for t in times)


def _props(value: Any, where: _Where) -> tuple[Prop, ...]:
    props = []
    for k, item in enumerate(value or []):
        here = where.at(f"prop {k}")
        item = _mapping(item, ("name", "position", "size", "yaw"), here)
        missing = [name for name in ("name", "position", "size") if name not in item]
        if missing:
            raise here.error(f"`{missing[0]}` is missing")
        half = np.radians(_number(item.get("yaw", 0.0), here.at("yaw"))) / 2
        position, size = (np.array(_numbers(item[name], 3, here.at(name))) for name in ("position", "size"))
        props.append(Prop(str(item["name"]), position, size, np.array([np.cos(half), 0, 0, np.sin(half)])))
    return tuple(props)


_TOP = ("name", "description", "fps", "stature", "props", "step_height", "vault", "keys")


def read_script(path: str | Path) -> Script:
    """Read and check an author's file. Raises AssistMimicError naming key, person and field."""
    path = Path(path)
    return parse_script(read_yaml(path), name=path.stem, where=str(path))


def parse_script(raw: Any, *, name: str = "clip", where: str = "script") -> Script:
    """Check what YAML gave. Raises AssistMimicError naming key, person and field."""
    at = _Where(where)
    raw = _mapping(raw, _TOP, at)
    props = _props(raw.get("props"), at)
    seats = tuple(prop.name for prop in props)
    if not isinstance(raw.get("keys"), list) or not raw["keys"]:
        raise at.error("`keys` must be a list of key poses")
    keys: list[Key] = []
    for k, item in enumerate(raw["keys"]):
        here = at.at(f"key {k}")
        item = _mapping(item, ("at", *ROLES), here)
        if "at" not in item:
            raise here.error("`at` (the time in seconds) is missing")
        before = keys[-1].people if keys else (None, None)
        people = [_person(item.get(role), b, here.at(role), seats) for role, b in zip(ROLES, before, strict=True)]
        for time in _times(item["at"], here.at("at")):
            if keys and time <= keys[-1].time:
                raise here.error(f"time {time:g} s does not come after the key before at {keys[-1].time:g} s")
            keys.append(Key(time, (people[0], people[1])))
    if keys[0].time != 0 or len(keys) < 2:
        raise at.error("the first key must be at 0 s and a second one must follow")
    stature = _mapping(raw.get("stature") or {}, ROLES, at.at("stature"))
    statures = [_number(stature[r], at.at(f"stature of {r}"), 1, 2.3) if r in stature else None for r in ROLES]
    return Script(
        name=str(raw.get("name", name)),
        fps=_number(raw.get("fps", 30), at.at("fps"), 1, 240),
        duration=keys[-1].time,
        statures=(statures[0], statures[1]),
        props=props,
        keys=tuple(keys),
        step_height=_number(raw.get("step_height", 0.06), at.at("step_height"), 0, 0.5),
        vault=_number(raw["vault"], at.at("vault"), 0, 0.1) if "vault" in raw else None,
        description=str(raw.get("description", "")).strip(),
    )
