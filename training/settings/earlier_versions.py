"""Configurations as earlier versions wrote them, in today's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FRICTION = 0.2  # half the width of the friction factors that `start.noise` was a factor on

_RENAMED: Mapping[tuple[str, ...], Mapping[str, str]] = {
    ("reward", "supporter"): {"jerk": "action_rate"},
    ("reward", "recipient"): {"jerk": "action_rate"},
    ("ppo",): {"lasting": "noise_correlation", "siblings": "group_size"},
}


def in_todays_words(values: Mapping[str, Any], events: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration in which what has another name today is called so.

    | then | today |
    | --- | --- |
    | `termination: 0.25` | `termination: {deviation: {params: {limit: 0.25}}}` |
    | `start: {noise: 0.5}` | `events: {start_noise: {params: {factor: 0.5}}, friction: {params: {half_width: 0.1}}}` |
    | `dynamics: [seen, mass1.2]` | `events: {dealt_strengths: {params: {recipients: [seen, mass1.2]}}}` |
    | `reward: {supporter: {jerk: -0.1}}` | `reward: {supporter: {action_rate: -0.1}}` |
    | `ppo: {lasting: 0.5, siblings: 8}` | `ppo: {noise_correlation: 0.5, group_size: 8}` |

    Names alone of observations, and weights alone of rewards, are today's words too.

    Args:
        values: As it was read.
        events: Those of a configuration that says nothing about them, in plain values.
    """
    values = _renamed(values)
    limit = values.get("termination")
    if isinstance(limit, (int, float)) and not isinstance(limit, bool):
        values["termination"] = {"deviation": {"params": {"limit": limit}}}
    start, given = values.get("start"), values.get("events", events)
    given = dict.fromkeys(given) if isinstance(given, list) else given
    if not isinstance(given, Mapping):
        return values
    given = dict(given)
    if isinstance(start, Mapping) and "noise" in start:
        values["start"] = {name: value for name, value in start.items() if name != "noise"}
        noise = start["noise"]
        _set(given, "start_noise", "factor", noise)
        _set(given, "friction", "half_width", _FRICTION * noise if isinstance(noise, (int, float)) else noise)
        values["events"] = given
    if "dynamics" in values:
        dynamics = values.pop("dynamics")
        names = dynamics if isinstance(dynamics, (list, tuple)) else [dynamics]
        recipients = [name for text in names for name in str(text).split(",") if name]
        _set(given, "dealt_strengths", "recipients", recipients)
        values["events"] = given
    return values


def _renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy in which former names of entries are today's; where both stand, the former one was set last."""
    values = dict(values)
    for path, names in _RENAMED.items():
        *outer, last = path
        holder = values
        for name in outer:
            if not isinstance(holder.get(name), Mapping):
                break
            holder[name] = holder = dict(holder[name])
        else:
            entries = holder.get(last)
            if isinstance(entries, Mapping) and set(names) & set(entries):
                kept = {names.get(name, name): value for name, value in entries.items()}
                holder[last] = kept | {today: entries[then] for then, today in names.items() if then in entries}
    return values


def _set(events: dict[str, Any], name: str, parameter: str, value: Any) -> None:
    event = events.get(name)
    event = dict(event) if isinstance(event, Mapping) else {}
    events[name] = {**event, "params": {**(event.get("params") or {}), parameter: value}}
