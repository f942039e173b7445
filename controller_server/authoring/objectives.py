"""Objectives common to key poses and frames: feet, seats, joint limits, no penetration."""

from __future__ import annotations

import mink
import numpy as np

from controller_server.body.mjcf import SIDES

from .anatomy import joint_limits
from .posing_scene import Stage, body_label, simulated_names
from .surface_tasks import ApartTask, ClearTask
from .tasks import LimitTask, PointTask, world_point

# Costs are 1 / (the error one would accept, in m or rad) up to a common factor.
FEET, HOLD, SURFACE, COM, APART, LIMIT = 200.0, 40.0, 300.0, 60.0, 120.0, 20.0
_SEAT, _OWN_BODY = 150.0, 60.0
APART_MARGIN = 0.004
SEAT_PRESS = 0.002
"""Depth of a sitting pelvis in its seat [m], so that it bears load from the first step of physics."""
GRIP_PRESS = 0.001
"""Depth of a holding palm in the partner [m], so that adhesion finds a contact."""
_ARM_PRESS = 0.004


def palm_in_partner(stage: Stage, configuration: mink.Configuration, p: int, side: str, held: str) -> np.ndarray:
    """Return the palm's centre in the frame of a body of the partner [m], shape (3,)."""
    palm, body = stage.flesh(p, f"{side}_wrist"), stage.body(1 - p, held)
    point = world_point(configuration, palm.body, palm.at(0.5))
    data = configuration.data
    return data.xmat[body].reshape(3, 3).T @ (point - data.xpos[body])


def foot_task(stage: Stage, p: int, side: str, position: np.ndarray, quat: np.ndarray) -> mink.FrameTask:
    """Return an ankle at a place, all six degrees of freedom."""
    task = mink.FrameTask(body_label(stage, p, f"{side}_ankle"), "body", position_cost=FEET, orientation_cost=FEET / 2)
    task.set_target(mink.SE3.from_rotation_and_translation(mink.SO3(quat), position))
    return task


def set_toes(stage: Stage, qpos: np.ndarray, p: int, side: str, heel: float) -> None:
    """Bend the toes so that they stay flat under a raised heel; changes `qpos`."""
    row = simulated_names().index(f"{side}_foot")
    qpos[stage.layout.joint_qpos[p][row]] = stage.heel_quat(p, side, -heel)


def seat_task(stage: Stage, p: int, seat: str) -> PointTask:
    """Return the pelvis' flesh on the top of its seat."""
    flesh = stage.flesh(p, "pelvis")
    top = 0.0
    for prop in stage.pair.props:
        if prop.name == seat:
            top = float(prop.position[2] + prop.size[2] / 2)
    target = np.array([0, 0, top + flesh.radius - SEAT_PRESS])
    return PointTask(flesh.body, flesh.at(0.5), target, (0, 0, _SEAT))


def limit_task(stage: Stage) -> LimitTask:
    """Joints of both people inside human ranges."""
    return LimitTask(*joint_limits(stage), cost=LIMIT)


def own_body_tasks(stage: Stage) -> list[mink.Task]:
    """Return each person's forearms and hands outside their own trunk, head and thighs."""
    trunk = ("pelvis", "spine1", "spine2", "spine3", "head", "left_hip", "right_hip")
    return [
        ClearTask(
            [stage.flesh(p, f"{side}_{part}") for side in SIDES for part in ("elbow", "wrist")],
            [stage.flesh(p, name) for name in trunk],
            margin=0.0,
            cost=_OWN_BODY,
        )
        for p in range(2)
    ]


def apart_task(stage: Stage, holds: list[tuple[int, str, str]]) -> ApartTask:
    """Keep everything apart but feet and floor, and holding palms and what they hold.

    What people sit on may be pressed a little at any time, so that nothing jumps when somebody rises, and so may
    arms that lie side by side because one hand holds the other person's arm.
    """
    touching, feet = _held_geoms(stage, holds), stage.foot_geoms()
    beside = _arms_beside(stage, holds)
    floor = stage.model.geom("floor").id
    seats = {floor, *np.flatnonzero(stage.model.geom_bodyid == stage.model.body("props").id).tolist()}
    sitting = {g for p in range(2) for name in ("pelvis", "left_hip", "right_hip") for g in stage.geoms(p, name)}

    def margin(a: int, b: int) -> float | None:
        a, b = min(a, b), max(a, b)
        if (a, b) in touching or (a == floor and b in feet):
            return None
        if (a, b) in beside:
            return -_ARM_PRESS
        return -SEAT_PRESS if a in seats and b in sitting else APART_MARGIN

    return ApartTask(margin, APART)


def _held_geoms(stage: Stage, holds: list[tuple[int, str, str]]) -> set[tuple[int, int]]:
    """Geom pairs, smaller id first, of (person, side, held joint): they are meant to touch."""
    pairs = set()
    for p, side, held in holds:
        for a in stage.geoms(p, f"{side}_wrist"):
            pairs |= {(min(a, b), max(a, b)) for b in stage.geoms(1 - p, held)}
    return pairs


def _arms_beside(stage: Stage, holds: list[tuple[int, str, str]]) -> set[tuple[int, int]]:
    pairs = set()
    for p, side, held in holds:
        other = held.split("_")[0]
        if other in SIDES:
            own, theirs = (
                {g for part in ("elbow", "wrist") for g in stage.geoms(q, f"{s}_{part}")}
                for q, s in ((p, side), (1 - p, other))
            )
            pairs |= {(min(a, b), max(a, b)) for a in own for b in theirs}
    return pairs
