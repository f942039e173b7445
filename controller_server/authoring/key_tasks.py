"""Inverse-kinematics tasks of one key pose, person by person and part by part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import mink
import numpy as np

from .anatomy import relaxed_qpos, stiffness
from .objectives import (
    COM,
    GRIP_PRESS,
    HOLD,
    SURFACE,
    apart_task,
    foot_task,
    limit_task,
    own_body_tasks,
    seat_task,
    set_toes,
)
from .posing_scene import CollisionGeom, Stage, body_label, heading_vector, trunk_quat
from .script import SIDES, Hand, Hold, Key, PersonKey
from .surface_tasks import GapTask
from .tasks import AimTask, ComTask, PointTask, PoleTask, PostureTask, world_point

_PELVIS, _TRUNK, _HAND, _GAZE, _POLE, _PALM = 20.0, 5.0, 15.0, 0.8, 0.5, 0.25
_POLE_LENGTH = 0.2
_INSIDE_OF_HAND = np.array([0, -1.0, 0])
"""Direction of the palm in the T-pose."""


@dataclass(frozen=True)
class Anchor:
    """A hold that has begun: the palm's centre fixed to the partner.

    Attributes:
        hold: As written.
        point: In the held body's frame [m], shape (3,).
    """

    hold: Hold
    point: np.ndarray


Anchors = Mapping[tuple[int, str], Anchor]
"""Holds by (person, side)."""


def pair_tasks(stage: Stage, key: Key, anchors: Anchors) -> list[mink.Task]:
    """Return everything a key pose asks for."""
    seats = (key.people[0].seat, key.people[1].seat)
    relaxed = relaxed_qpos(stage, seats)
    for p, person in enumerate(key.people):
        for side, foot in zip(SIDES, person.feet, strict=True):
            set_toes(stage, relaxed, p, side, foot.heel)
    idle = [(p, side) for p, side, hand in hands_of(key) if hand == Hand()]
    tasks: list[mink.Task] = [PostureTask(relaxed, stiffness(stage, idle)), limit_task(stage)]
    for p, person in enumerate(key.people):
        tasks += _trunk(stage, p, person) + _legs(stage, p, person) + _arms(stage, p, key, anchors)
        tasks.append(_gaze(stage, p, person))
    holds = [(p, side, hand.hold.partner) for p, side, hand in hands_of(key) if hand.hold is not None]
    tasks += [apart_task(stage, holds), *own_body_tasks(stage)]
    return tasks


def hands_of(key: Key) -> list[tuple[int, str, Hand]]:
    """Person, side and what is asked of each of the four hands."""
    return [
        (p, side, hand) for p, person in enumerate(key.people) for side, hand in zip(SIDES, person.hands, strict=True)
    ]


def _turn_task(stage: Stage, p: int, name: str, quat: np.ndarray, cost: float) -> mink.FrameTask:
    task = mink.FrameTask(body_label(stage, p, name), "body", position_cost=0.0, orientation_cost=cost)
    task.set_target(mink.SE3.from_rotation(mink.SO3(quat)))
    return task


def _trunk(stage: Stage, p: int, person: PersonKey) -> list[mink.Task]:
    middle = np.mean([foot.at for foot in person.feet], axis=0)
    ground = middle if person.pelvis is None else np.array(person.pelvis)
    hold_ground = 0.5 if person.pelvis is None else 2.0 if person.weight is not None else _PELVIS
    up = _PELVIS * 3 if person.seat is None else 0.0
    target = np.array([*ground, person.height])
    tasks: list[mink.Task] = [
        PointTask(stage.body(p, "pelvis"), np.zeros(3), target, (hold_ground, hold_ground, up)),
        _turn_task(stage, p, "pelvis", trunk_quat(person.heading, person.tilt), _TRUNK),
        _turn_task(stage, p, "spine3", trunk_quat(person.heading + person.turn, person.lean, person.sway), _TRUNK),
    ]
    if person.seat is not None:
        tasks.append(seat_task(stage, p, person.seat))
    if person.weight is not None:
        share = person.weight.left
        left, right = (
            stage.sole(p, side, foot)[:, :2].mean(axis=0) for side, foot in zip(SIDES, person.feet, strict=True)
        )
        ahead = heading_vector(person.heading, (person.weight.forward, 0, 0))[:2]
        tasks.append(ComTask(int(stage.root[p]), share * left + (1 - share) * right + ahead, COM))
    return tasks


def _legs(stage: Stage, p: int, person: PersonKey) -> list[mink.Task]:
    tasks: list[mink.Task] = []
    for side, foot in zip(SIDES, person.feet, strict=True):
        tasks.append(foot_task(stage, p, side, *stage.ankle_target(p, side, foot)))
        bodies = tuple(stage.body(p, f"{side}_{part}") for part in ("hip", "knee", "ankle"))
        ahead = heading_vector(foot.yaw, (0.9, 0.15 if side == "left" else -0.15, 0.45))
        tasks.append(PoleTask((bodies[0], bodies[1], bodies[2]), _POLE_LENGTH * ahead, _POLE))
    return tasks


def _arms(stage: Stage, p: int, key: Key, anchors: Anchors) -> list[mink.Task]:
    tasks: list[mink.Task] = []
    person, partner = key.people[p], key.people[1 - p]
    for side, hand in zip(SIDES, person.hands, strict=True):
        palm = stage.flesh(p, f"{side}_wrist")
        bodies = tuple(stage.body(p, f"{side}_{part}") for part in ("shoulder", "elbow", "wrist"))
        if hand == Hand():
            continue
        forward, out, up = person.elbows
        pole = heading_vector(person.heading, (forward, out if side == "left" else -out, up))
        tasks.append(PoleTask((bodies[0], bodies[1], bodies[2]), _POLE_LENGTH * pole, _POLE))
        if hand.world is not None:
            tasks.append(PointTask(palm.body, palm.at(0.5), np.array(hand.world), _HAND))
        if hand.body is not None:
            chest = mink.SO3(trunk_quat(person.heading + person.turn, person.lean, person.sway))
            target = chest.inverse().apply(heading_vector(person.heading, hand.body))
            tasks.append(PointTask(palm.body, palm.at(0.5), target, _HAND, other=stage.body(p, "spine3")))
        if hand.palm is not None:
            tasks.append(_look_task(palm.body, heading_vector(person.heading, hand.palm)))
        if hand.hold is not None:
            anchor = anchors.get((p, side))
            tasks += _hold_tasks(stage, p, side, hand.hold, anchor.point if anchor else None, partner.heading)
    return tasks


def _look_task(body: int, direction: np.ndarray) -> AimTask:
    return AimTask(body, _INSIDE_OF_HAND, lambda c: c.data.xpos[body] + direction, _PALM)


def _hold_tasks(
    stage: Stage, p: int, side: str, hold: Hold, point: np.ndarray | None, partner_heading: float
) -> list[mink.Task]:
    """Return the task of a palm that touches the partner.

    Its centre is at `point` of the held body or, at first, where written.
    """
    palm, flesh = stage.flesh(p, f"{side}_wrist"), stage.flesh(1 - p, hold.partner)
    spot = flesh.at(hold.along)
    tasks: list[mink.Task] = [GapTask(palm, flesh, -GRIP_PRESS, SURFACE)]
    if point is not None:
        tasks.append(PointTask(palm.body, palm.at(0.5), point, HOLD, other=flesh.body))
    elif hold.side is not None:
        tasks.append(_BesideTask(palm, flesh, spot, heading_vector(partner_heading, hold.side), _HAND))
    else:
        tasks.append(PointTask(palm.body, palm.at(0.5), spot, 2.0, other=flesh.body))
    tasks.append(AimTask(palm.body, _INSIDE_OF_HAND, lambda c: world_point(c, flesh.body, spot), _PALM))
    return tasks


class _BesideTask(mink.Task):
    """The palm's centre beside a spot of the partner's flesh, in a direction of the world."""

    def __init__(
        self, palm: CollisionGeom, flesh: CollisionGeom, spot: np.ndarray, direction: np.ndarray, cost: float
    ) -> None:
        super().__init__(cost=np.full(3, cost))
        offset = direction * (palm.radius + flesh.radius)
        self.here = PointTask(palm.body, palm.at(0.5), offset, cost)
        self.there = PointTask(flesh.body, spot, np.zeros(3), cost)

    def compute_error(self, configuration: mink.Configuration) -> np.ndarray:
        return self.here.compute_error(configuration) - self.there.compute_error(configuration)

    def compute_jacobian(self, configuration: mink.Configuration) -> np.ndarray:
        return self.here.compute_jacobian(configuration) - self.there.compute_jacobian(configuration)


def _gaze(stage: Stage, p: int, person: PersonKey) -> AimTask:
    head = stage.body(p, "head")
    if person.gaze == "partner":
        other = stage.body(1 - p, "head")
        return AimTask(head, np.array([0, 0, 1.0]), lambda c: c.data.xpos[other], _GAZE)
    if person.gaze == "forward":
        ahead = heading_vector(person.heading + person.turn, (3.0, 0, -0.3))
        return AimTask(head, np.array([0, 0, 1.0]), lambda c: c.data.xpos[head] + ahead, _GAZE)
    target = np.array(person.gaze)
    return AimTask(head, np.array([0, 0, 1.0]), lambda c: target, _GAZE)
