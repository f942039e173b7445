"""Residuals of a solved key pose, in words that an author can act on."""

from __future__ import annotations

import mink
import numpy as np

from controller_server.clip.interaction import ROLES
from controller_server.core.errors import ClipError

from .posing_scene import Stage
from .script import SIDES, Key
from .surface_tasks import GapTask
from .tasks import ComTask, PointTask

FOOT_TOLERANCE, HOLD_TOLERANCE, HAND_TOLERANCE, COM_TOLERANCE = 0.01, 0.01, 0.1, 0.02
"""Largest distance of a solved key from what was written [m]."""


def require_met(stage: Stage, configuration: mink.Configuration, key: Key, tasks: list[mink.Task]) -> None:
    """Compare a solved pose with what was asked. Raises AssistMimicError naming key, person and part."""
    for p, person in enumerate(key.people):
        where = _where(key, p)
        for side, foot in zip(SIDES, person.feet, strict=True):
            off = _distance(configuration, stage.body(p, f"{side}_ankle"), stage.ankle_target(p, side, foot)[0])
            if off > FOOT_TOLERANCE:
                raise ClipError(
                    f"{where}: the {side} foot is {_cm(off)} off its place, out of the leg's reach; "
                    "lower the pelvis, move the foot nearer, or raise its heel"
                )
        for side, hand in zip(SIDES, person.hands, strict=True):
            palm = stage.flesh(p, f"{side}_wrist")
            if hand.hold is not None:
                gap = GapTask(palm, stage.flesh(1 - p, hand.hold.partner), target=0.0, cost=1.0).gap(configuration)
                if abs(gap) > HOLD_TOLERANCE:
                    state = "away from" if gap > 0 else "inside"
                    raise ClipError(
                        f"{where}: the {side} hand is {_cm(abs(gap))} {state} the partner's {hand.hold.partner} "
                        "that it should hold; move the people or choose another place to hold"
                    )
            elif hand.world is not None or hand.body is not None:
                off = _hand_error(configuration, tasks, palm.body)
                if off > HAND_TOLERANCE:
                    raise ClipError(
                        f"{where}: the {side} hand is {_cm(off)} off its place, out of the arm's reach; "
                        "bring the place nearer"
                    )
    # Last: a centre of mass is usually off because a hand or a foot reaches too far.
    for p in range(2):
        off = _com_error(configuration, tasks, int(stage.root[p]))
        if off > COM_TOLERANCE:
            raise ClipError(
                f"{_where(key, p)}: the centre of mass is {_cm(off)} off its place; "
                "lower the pelvis, lean the other way, or change `weight`"
            )


def _where(key: Key, p: int) -> str:
    return f"key at {key.time:g} s, {ROLES[p]}"


def _cm(metres: float) -> str:
    return f"{100 * metres:.1f} cm"


def _distance(configuration: mink.Configuration, body: int, target: np.ndarray) -> float:
    return float(np.linalg.norm(configuration.data.xpos[body] - target))


def _hand_error(configuration: mink.Configuration, tasks: list[mink.Task], palm: int) -> float:
    mine = [task for task in tasks if isinstance(task, PointTask) and task.body == palm]
    return max((float(np.linalg.norm(task.compute_error(configuration))) for task in mine), default=0.0)


def _com_error(configuration: mink.Configuration, tasks: list[mink.Task], root: int) -> float:
    mine = [task for task in tasks if isinstance(task, ComTask) and task.root == root]
    return max((float(np.linalg.norm(task.compute_error(configuration))) for task in mine), default=0.0)
