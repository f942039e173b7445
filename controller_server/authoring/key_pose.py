"""One key pose of the pair by inverse kinematics: what the author wrote becomes joint angles."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import mink
import numpy as np

from .anatomy import relaxed_qpos
from .key_tasks import Anchor, Anchors, hands_of, pair_tasks
from .objectives import palm_in_partner
from .posing_scene import Stage, simulated_names, trunk_quat
from .residuals import require_met
from .script import Key, PersonKey
from .solve import solve
from .tasks import PostureTask

_ITERATIONS = 400
_STEP = 0.06
_SAME_ARM = 0.25


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
        wanted = {(p, side): hand.hold for p, side, hand in hands_of(key) if hand.hold is not None}
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


def _start(stage: Stage, people: tuple[PersonKey, PersonKey]) -> np.ndarray:
    qpos = relaxed_qpos(stage, (people[0].seat, people[1].seat))
    for p, person in enumerate(people):
        a = stage.layout.root_qpos[p]
        ground = person.pelvis or np.mean([foot.at for foot in person.feet], axis=0)
        qpos[a : a + 3] = [*ground, person.height if person.seat is None else 0.5]
        qpos[a + 3 : a + 7] = trunk_quat(person.heading, person.tilt)
    return qpos
