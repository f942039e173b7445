"""The pair as a model to pose: MuJoCo's kinematics of the simulated bodies, and where flesh, palms and soles are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import mujoco
import numpy as np

from controller_server.body.layout import PairLayout
from controller_server.body.mjcf import body_name, compile_pair, palm_name
from controller_server.body.pair import PairBody, PersonBody
from controller_server.body.shape import Shape
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, quat_rotate
from controller_server.clip.skeleton import JOINT_NAMES, Skeleton, joint
from controller_server.core.errors import ClipError

from .script import SIDES, Foot, Script

UPRIGHT = np.array([0.5, 0.5, 0.5, 0.5])
"""World rotation of a model-frame body that stands upright and looks along world +x."""
_CONTACT_RANGE = 0.03


@dataclass(frozen=True)
class CollisionGeom:
    """A capsule (or sphere) on a body: a segment with a radius.

    Attributes:
        body: Body id.
        start: Segment's first end in the body's frame [m], shape (3,).
        end: Segment's last end.
        radius: [m].
    """

    body: int
    start: np.ndarray
    end: np.ndarray
    radius: float

    @cached_property
    def half_length(self) -> float:
        """Half the length of the segment [m]."""
        return float(np.linalg.norm(self.end - self.start)) / 2

    def at(self, along: float) -> np.ndarray:
        """Point of the axis in the body's frame, 0 at the start."""
        return self.start + along * (self.end - self.start)


@dataclass(frozen=True)
class Stage:
    """Everything inverse kinematics needs to know about the pair.

    Attributes:
        pair: The bodies.
        model: Compiled, with a contact range so that near surfaces are seen before they touch.
        layout: Addresses in the model.
        root: Pelvis body ids, shape (2,).
    """

    pair: PairBody
    model: mujoco.MjModel
    layout: PairLayout
    root: np.ndarray

    @staticmethod
    def of(script: Script) -> Stage:
        """Return the stage of a script's two people and props."""
        people = [
            PersonBody(role, _skeleton(s)) for role, s in zip(("supporter", "recipient"), script.statures, strict=True)
        ]
        pair = PairBody(people[0], people[1], script.props)
        model = compile_pair(pair, sensors=False, springs=False)
        model.geom_margin[:] = _CONTACT_RANGE
        layout = PairLayout.of(model, pair)
        return Stage(pair, model, layout, layout.body[:, 0])

    def body(self, person: int, name: str) -> int:
        """Body id of a joint of a person."""
        return int(self.layout.body[person, self.pair.joints.index(joint(name))])

    def flesh(self, person: int, name: str) -> CollisionGeom:
        """Return the capsule or sphere at a joint. Raises AssistMimicError where there is only a box (feet)."""
        for shape in self.pair.people[person].shapes:
            if shape.joint == joint(name) and shape.kind in ("capsule", "sphere"):
                half = shape.size[1] if shape.kind == "capsule" else 0.0
                reach = quat_rotate(shape.quat, np.array([0, 0, half]))
                return CollisionGeom(
                    self.body(person, name), shape.position - reach, shape.position + reach, shape.size[0]
                )
        raise ClipError(f"nobody can be held at {name!r}; choose a limb, the trunk or the head")

    def geoms(self, person: int, name: str) -> frozenset[int]:
        """Ids of all geoms on a joint's body, its palm included."""
        bodies = {self.body(person, name)}
        if name.endswith("wrist"):
            bodies.add(self.model.body(palm_name(self.pair.people[person].role, name.split("_")[0])).id)
        return frozenset(np.flatnonzero(np.isin(self.model.geom_bodyid, list(bodies))).tolist())

    def foot_geoms(self) -> frozenset[int]:
        """Ids of everybody's foot and toe boxes."""
        names = [f"{side}_{part}" for side in SIDES for part in ("ankle", "foot")]
        return frozenset().union(*(self.geoms(p, n) for p in range(2) for n in names))

    def ankle_target(self, person: int, side: str, foot: Foot) -> tuple[np.ndarray, np.ndarray]:
        """World position and rotation of the ankle joint of a foot at its place."""
        skeleton = self.pair.people[person].skeleton
        ankle, ball = (skeleton.rest_joints[joint(f"{side}_{part}")] for part in ("ankle", "foot"))
        flat = quat_mul(yaw_quat(foot.yaw), UPRIGHT)
        quat = quat_mul(flat, self.heel_quat(person, side, foot.heel))
        position = np.array([*foot.at, ankle[1] - skeleton.sole_height + foot.lift])
        return position + quat_rotate(flat, ball - ankle) + quat_rotate(quat, ankle - ball), quat

    def heel_quat(self, person: int, side: str, angle: float) -> np.ndarray:
        """Rotation of the foot's body across the foot that raises the heel; the toes need its inverse."""
        rest = self.pair.people[person].skeleton.rest_joints
        x, _, z = rest[joint(f"{side}_foot")] - rest[joint(f"{side}_ankle")]
        axis = np.array([z, 0.0, -x]) / np.hypot(x, z)
        return quat_from_rotvec(angle * axis)

    def sole(self, person: int, side: str, foot: Foot) -> np.ndarray:
        """World corners of a flat foot's sole, heel to toes [m], shape (8, 3)."""
        position, quat = self.ankle_target(person, side, replace(foot, heel=0.0))
        return position + quat_rotate(quat[None], sole_corners(self.pair.people[person], side))


def _skeleton(stature: float | None) -> Skeleton:
    neutral = Skeleton.neutral()
    return neutral if stature is None else Skeleton(neutral.rest_joints * stature / neutral.stature)


def sole_corners(person: PersonBody, side: str) -> np.ndarray:
    """Lower corners of foot and toe box relative to the ankle in the rest pose [m], shape (8, 3)."""
    ankle, toes = joint(f"{side}_ankle"), joint(f"{side}_foot")
    corners = []
    for shape in person.shapes:
        if shape.joint in (ankle, toes) and shape.kind == "box":
            offset = person.skeleton.rest_joints[shape.joint] - person.skeleton.rest_joints[ankle]
            corners.append(offset + _lower_corners(shape))
    return np.concatenate(corners)


def _lower_corners(shape: Shape) -> np.ndarray:
    signs = np.array(list(product((-1.0, 1.0), (-1.0,), (-1.0, 1.0))))
    return shape.position + quat_rotate(shape.quat[None], signs * np.array(shape.size))


def yaw_quat(angle: float) -> np.ndarray:
    """Rotation about the world's z by an angle [rad]."""
    return np.array([np.cos(angle / 2), 0, 0, np.sin(angle / 2)])


def trunk_quat(heading: float, forward: float, left: float = 0.0) -> np.ndarray:
    """World rotation of a trunk segment with a heading that leans forward and to the left [rad]."""
    leaning = np.array([np.cos(forward / 2), np.sin(forward / 2), 0, 0])
    # The model's +z is ahead: turning about it by a negative angle brings the top (+y) to the left (+x).
    swaying = np.array([np.cos(left / 2), 0, 0, -np.sin(left / 2)])
    return quat_mul(yaw_quat(heading), quat_mul(UPRIGHT, quat_mul(swaying, leaning)))


def heading_vector(heading: float, vector: tuple[float, float, float] | np.ndarray) -> np.ndarray:
    """(forward, left, up) of a heading frame as a world vector."""
    return quat_rotate(yaw_quat(heading), np.asarray(vector, dtype=float))


def rest_qpos(stage: Stage) -> np.ndarray:
    """Return both people in the rest pose, shape (nq,)."""
    qpos = np.zeros(stage.model.nq)
    for person in range(2):
        a = stage.layout.root_qpos[person]
        qpos[a + 3] = 1
        qpos[stage.layout.joint_qpos[person][:, 0]] = 1
    return qpos


def simulated_names() -> tuple[str, ...]:
    """Return names of the joints below the pelvis that are posed."""
    return JOINT_NAMES[1:22]


def body_label(stage: Stage, person: int, name: str) -> str:
    """MJCF name of a joint's body."""
    return body_name(stage.pair.people[person].role, joint(name))
