"""One key pose of the pair by inverse kinematics: what the author wrote becomes joint angles."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import mink
import numpy as np

from .anatomy import joint_limits, relaxed_qpos, stiffness
from .script import SIDES, Hand, Hold, Key, PersonKey
from .stage import Flesh, Stage, body_label, heading_vector, simulated_names, trunk_quat
from .tasks import (
    AimTask,
    ApartTask,
    ClearTask,
    ComTask,
    GapTask,
    LimitTask,
    PointTask,
    PoleTask,
    PostureTask,
    solve,
    world_point,
)
from .unmet import require_met

# Costs are 1 / (the error one would accept, in m or rad) up to a common factor.
FEET, HOLD, SURFACE, COM, APART, LIMIT = 200.0, 40.0, 300.0, 60.0, 120.0, 20.0
_SEAT, _PELVIS, _TRUNK, _HAND, _GAZE, _POLE, _PALM, _OWN_BODY = 150.0, 20.0, 5.0, 15.0, 0.8, 0.5, 0.25, 60.0
APART_MARGIN = 0.004
SEAT_PRESS = 0.002
"""How deep a sitting pelvis is in its seat [m], so that it bears from the first step of physics."""
GRIP_PRESS = 0.001
"""How deep a holding palm is in the partner [m], so that adhesion finds a contact."""
_ARM_PRESS = 0.004
_ITERATIONS = 400
_STEP = 0.06
_SAME_ARM = 0.25
_POLE_LENGTH = 0.2


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


@dataclass(frozen=True)
class KeyPose:
    """A solved key.

    Attributes:
        qpos: Shape (nq,).
        com: Centres of mass [m], shape (2, 3).
        anchors: Holds of this pose.
    """

    qpos: np.ndarray
    com: np.ndarray
    anchors: Anchors


def solve_keys(stage: Stage, keys: tuple[Key, ...]) -> list[KeyPose]:
    """Solve the keys one after the other, each from where the one before ended.

    Raises:
        AssistMimicError: a key asks for what bodies cannot do.
    """
    configuration = mink.Configuration(stage.model)
    configuration.update(_start(stage, keys[0].people))
    poses: list[KeyPose] = []
    anchors: dict[tuple[int, str], Anchor] = {}
    for k, key in enumerate(keys):
        if k and key.people == keys[k - 1].people:
            poses.append(poses[-1])
            continue
        wanted = {(p, side): hand.hold for p, side, hand in _hands(key) if hand.hold is not None}
        anchors = {at: anchor for at, anchor in anchors.items() if wanted.get(at) == anchor.hold}
        tasks = pair_tasks(stage, key, anchors)
        if poses:
            # Arms that go on holding stay in the same one of the several poses that would do.
            tasks.append(PostureTask(poses[-1].qpos, _arm_cost(stage, anchors)))
        solve(configuration, tasks, iterations=_ITERATIONS, step=_STEP)
        require_met(stage, configuration, key, tasks)
        for (p, side), hold in wanted.items():
            if (p, side) not in anchors:
                anchors[p, side] = Anchor(hold, palm_in_partner(stage, configuration, p, side, hold.partner))
        com = configuration.data.subtree_com[stage.root].copy()
        poses.append(KeyPose(configuration.q, com, dict(anchors)))
    return poses


def _arm_cost(stage: Stage, arms: Collection[tuple[int, str]]) -> np.ndarray:
    cost = np.zeros(stage.model.nv)
    for p, side in arms:
        for part in ("collar", "shoulder", "elbow", "wrist"):
            cost[stage.layout.joint_qvel[p][simulated_names().index(f"{side}_{part}")]] = _SAME_ARM
    return cost


def _hands(key: Key):
    return [
        (p, side, hand) for p, person in enumerate(key.people) for side, hand in zip(SIDES, person.hands, strict=True)
    ]


def _start(stage: Stage, people: tuple[PersonKey, PersonKey]) -> np.ndarray:
    qpos = relaxed_qpos(stage, (people[0].seat, people[1].seat))
    for p, person in enumerate(people):
        a = stage.layout.root_qpos[p]
        ground = person.pelvis or np.mean([foot.at for foot in person.feet], axis=0)
        qpos[a : a + 3] = [*ground, person.height if person.seat is None else 0.5]
        qpos[a + 3 : a + 7] = trunk_quat(person.heading, person.tilt)
    return qpos


def palm_in_partner(stage: Stage, configuration: mink.Configuration, p: int, side: str, held: str) -> np.ndarray:
    """The palm's centre in the frame of a body of the partner [m], shape (3,)."""
    palm, body = stage.flesh(p, f"{side}_wrist"), stage.body(1 - p, held)
    point = world_point(configuration, palm.body, palm.at(0.5))
    data = configuration.data
    return data.xmat[body].reshape(3, 3).T @ (point - data.xpos[body])


def held_geoms(stage: Stage, holds: list[tuple[int, str, str]]) -> set[tuple[int, int]]:
    """Geom pairs, smaller id first, of (person, side, held joint): they are meant to touch."""
    pairs = set()
    for p, side, held in holds:
        for a in stage.geoms(p, f"{side}_wrist"):
            pairs |= {(min(a, b), max(a, b)) for b in stage.geoms(1 - p, held)}
    return pairs


def apart_task(stage: Stage, holds: list[tuple[int, str, str]]) -> ApartTask:
    """Keep everything apart but feet and floor, and holding palms and what they hold.

    What people sit on may be pressed a little at any time, so that nothing jumps when somebody rises, and so may
    arms that lie side by side because one hand holds the other person's arm.
    """
    touching, feet = held_geoms(stage, holds), stage.foot_geoms()
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


def own_body_tasks(stage: Stage) -> list[mink.Task]:
    """Each person's forearms and hands outside their own trunk, head and thighs."""
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


def limit_task(stage: Stage) -> LimitTask:
    """Joints of both people inside human ranges."""
    return LimitTask(*joint_limits(stage), cost=LIMIT)


def seat_task(stage: Stage, p: int, seat: str) -> PointTask:
    """The pelvis' flesh on the top of its seat."""
    flesh = stage.flesh(p, "pelvis")
    top = 0.0
    for prop in stage.pair.props:
        if prop.name == seat:
            top = float(prop.position[2] + prop.size[2] / 2)
    target = np.array([0, 0, top + flesh.radius - SEAT_PRESS])
    return PointTask(flesh.body, flesh.at(0.5), target, (0, 0, _SEAT))


def pair_tasks(stage: Stage, key: Key, anchors: Anchors) -> list[mink.Task]:
    """Everything a key pose asks for."""
    seats = (key.people[0].seat, key.people[1].seat)
    relaxed = relaxed_qpos(stage, seats)
    for p, person in enumerate(key.people):
        for side, foot in zip(SIDES, person.feet, strict=True):
            set_toes(stage, relaxed, p, side, foot.heel)
    idle = [(p, side) for p, side, hand in _hands(key) if hand == Hand()]
    tasks: list[mink.Task] = [PostureTask(relaxed, stiffness(stage, idle)), limit_task(stage)]
    for p, person in enumerate(key.people):
        tasks += _trunk(stage, p, person) + _legs(stage, p, person) + _arms(stage, p, key, anchors)
        tasks.append(_gaze(stage, p, person))
    holds = [(p, side, hand.hold.partner) for p, side, hand in _hands(key) if hand.hold is not None]
    tasks += [apart_task(stage, holds), *own_body_tasks(stage)]
    return tasks


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


def foot_task(stage: Stage, p: int, side: str, position: np.ndarray, quat: np.ndarray) -> mink.FrameTask:
    """An ankle at a place, all six degrees of freedom."""
    task = mink.FrameTask(body_label(stage, p, f"{side}_ankle"), "body", position_cost=FEET, orientation_cost=FEET / 2)
    task.set_target(mink.SE3.from_rotation_and_translation(mink.SO3(quat), position))
    return task


def set_toes(stage: Stage, qpos: np.ndarray, p: int, side: str, heel: float) -> None:
    """Bend the toes so that they stay flat under a raised heel; changes `qpos`."""
    row = simulated_names().index(f"{side}_foot")
    qpos[stage.layout.joint_qpos[p][row]] = stage.heel_quat(p, side, -heel)


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
            tasks += hold_tasks(stage, p, side, hand.hold, anchor.point if anchor else None, partner.heading)
    return tasks


_INSIDE_OF_HAND = np.array([0, -1.0, 0])
"""Where the palm looks in the T-pose."""


def _look_task(body: int, direction: np.ndarray) -> AimTask:
    return AimTask(body, _INSIDE_OF_HAND, lambda c: c.data.xpos[body] + direction, _PALM)


def hold_tasks(
    stage: Stage, p: int, side: str, hold: Hold, point: np.ndarray | None, partner_heading: float
) -> list[mink.Task]:
    """A palm on the partner: surfaces touching, its centre at `point` of the held body or, at first, where written."""
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

    def __init__(self, palm: Flesh, flesh: Flesh, spot: np.ndarray, direction: np.ndarray, cost: float) -> None:
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
