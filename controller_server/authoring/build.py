"""From a script to a clip: solve the keys, spline between them, correct every frame by inverse kinematics."""

from __future__ import annotations

import mink
import numpy as np
import threadpoolctl

from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.rotation import rotvec_from_quat

from .fingers import finger_pose
from .inbetween import (
    FootTrack,
    HoldTrack,
    PalmOf,
    foot_track,
    hold_tracks,
    min_jerk,
    one_foot_share,
    smooth_qpos,
    smooth_track,
)
from .key_pose import KeyPose, solve_keys
from .objectives import (
    COM,
    GRIP_PRESS,
    HOLD,
    SURFACE,
    apart_task,
    foot_task,
    limit_task,
    own_body_tasks,
    palm_in_partner,
    seat_task,
    set_toes,
)
from .posing_scene import Stage, simulated_names
from .pressure import com_above_pressure, needed_pressure
from .script import SIDES, Script
from .solve import solve
from .surface_tasks import GapTask
from .tasks import ComTask, PointTask, PostureTask

_SIGMA = 0.09
"""Rounding of the tracks between keys [s]."""
_SMOOTH = ((0.06, 4.0), (0.06, 6.0), (0.04, 8.0))
"""Rounding of the corrected frames before each further correction [s], and how much more that one clings to them."""
_STILL = 0.5
"""Time before the start and after the end of a clip in which nothing moves ahead of the keys [s]."""
_ITERATIONS = 25
_JOINT_COST, _TOE_COST, _ROOT_COST, _ROOT_TURN_COST = 1.0, 60.0, 6.0, 3.0
_WALKING_ROOT_COST, _WALKING_TRUNK_COST = 0.3, 5.0
"""Costs for people whose centre of mass has a `vault`: legs carry it along, and not a trunk that swings to and fro."""
_TRUNK = ("spine1", "spine2", "spine3", "neck", "head")


def build_clip(script: Script) -> InteractionClip:
    """Return the clip of a script. Raises AssistMimicError."""
    # Threads cost more than they save on systems of 138 unknowns.
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        return _build(script)


def _build(script: Script) -> InteractionClip:
    stage = Stage.of(script)
    poses = solve_keys(stage, script.keys)
    times = np.array([key.time for key in script.keys])
    at = np.minimum(np.arange(script.n_frames) / script.fps, script.duration)
    qpos = smooth_qpos(stage, times, np.array([pose.qpos for pose in poses]), at, _SIGMA)
    scene = _Scene(stage, script, poses, at)
    qpos = scene.correct(qpos)
    for sigma, cling in _SMOOTH:
        if script.vault is not None:
            scene.rebalance(qpos)
        qpos = scene.correct(smooth_qpos(stage, at, qpos, at, sigma), cling=cling)
    return _clip(script, stage, qpos, scene.grips())


class _Scene:
    """What every frame must fulfil: the tracks of feet, holds, seats and centres of mass."""

    def __init__(self, stage: Stage, script: Script, poses: list[KeyPose], at: np.ndarray) -> None:
        self.stage, self.script, self.at = stage, script, at
        self.configuration = mink.Configuration(stage.model)
        self.feet: dict[tuple[int, str], FootTrack] = {
            (p, side): foot_track(stage, script, p, side, at) for p in range(2) for side in SIDES
        }
        self.holds = hold_tracks(script, poses, self._palms(poses), at)
        self.seats = _seats(script, at)
        times = np.array([key.time for key in script.keys])
        people = [key.people for key in script.keys]
        balanced = np.array([[person.weight is not None for person in pair] for pair in people], dtype=float)
        falling = np.array([[person.unbalanced for person in pair] for pair in people], dtype=float)
        self.com_share = _steps(times, balanced, at)
        keys = np.array([pose.com for pose in poses]).reshape(len(times), 6)
        # Where the pressure should be, at the height of the centre of mass, shape (T, 2, 3).
        self.wanted = smooth_track(times, keys, at, _SIGMA).reshape(-1, 2, 3)
        # Who falls does as written, and everybody stands still at the clip's ends.
        ends = min_jerk(at / _STILL) * min_jerk((script.duration - at) / _STILL)
        self.balancing = (ends[:, None] * (1 - _steps(times, falling, at)))[..., None]
        self.com = self._com_path(np.zeros((len(at), 2, 2)))
        self.limits, self.own_body = limit_task(stage), own_body_tasks(stage)
        self.cost = self._posture_cost()

    def _com_path(self, limbs: np.ndarray) -> np.ndarray:
        """Return where centres of mass go, shape (T, 2, 2), or with a height (T, 2, 3) where the script has a `vault`.

        As written for who falls, else so that the pressure goes as written; `limbs` is what they add to it, (T, 2, 2).
        """
        written, height = self.wanted[..., :2], self.wanted[..., 2]
        moved = [com_above_pressure(written[:, p] - limbs[:, p], height[:, p], self.script.fps) for p in range(2)]
        ground = written + self.balancing * (np.stack(moved, axis=1) - written)
        if self.script.vault is None:
            return ground
        carrying = np.stack([one_foot_share(self.script, p, self.at) for p in range(2)], axis=1)
        return np.concatenate([ground, (height + self.script.vault * carrying)[..., None]], axis=-1)

    def rebalance(self, qpos: np.ndarray) -> None:
        """Let centres of mass make up for what limbs do to the pressure in a motion of shape (T, nq)."""
        whole, point = needed_pressure(self.stage.model, self.stage.root, qpos, self.script.fps)
        self.com = self._com_path(whole - point)

    def _palms(self, poses: list[KeyPose]) -> PalmOf:
        def palm(key: int, person: int, side: str, held: str) -> tuple[np.ndarray, float]:
            self.configuration.update(poses[key].qpos)
            surfaces = self.stage.flesh(person, f"{side}_wrist"), self.stage.flesh(1 - person, held)
            gap = GapTask(*surfaces, target=0.0, cost=1.0).gap(self.configuration)
            return palm_in_partner(self.stage, self.configuration, person, side, held), gap

        return palm

    def _posture_cost(self) -> np.ndarray:
        cost = np.full(self.stage.model.nv, _JOINT_COST)
        walking = self.script.vault is not None
        for p in range(2):
            a = self.stage.layout.root_qvel[p]
            cost[a : a + 3] = _WALKING_ROOT_COST if walking else _ROOT_COST
            cost[a + 3 : a + 6] = _WALKING_TRUNK_COST if walking else _ROOT_TURN_COST
            for row, name in enumerate(simulated_names()):
                if name.endswith("foot"):
                    cost[self.stage.layout.joint_qvel[p][row]] = _TOE_COST
                elif walking and name in _TRUNK:
                    cost[self.stage.layout.joint_qvel[p][row]] = _WALKING_TRUNK_COST
        return cost

    def correct(self, qpos: np.ndarray, *, cling: float = 1.0) -> np.ndarray:
        """Return every frame moved as little as its tasks allow. Shape (T, nq) to the same.

        A frame that clings to its reference does not snap from one way to fulfil its tasks to another.
        """
        out = np.empty_like(qpos)
        for t, reference in enumerate(qpos):
            self.configuration.update(reference)
            solve(self.configuration, self._tasks(t, reference, cling), iterations=_ITERATIONS)
            out[t] = self.configuration.q
        return out

    def _tasks(self, t: int, reference: np.ndarray, cling: float) -> list[mink.Task]:
        stage, reference = self.stage, reference.copy()
        tasks: list[mink.Task] = [PostureTask(reference, cling * self.cost), self.limits]
        for (p, side), foot in self.feet.items():
            set_toes(stage, reference, p, side, foot.heel[t])
            tasks.append(foot_task(stage, p, side, foot.position[t], foot.quat[t]))
        for p in range(2):
            seat = self.seats[t][p]
            if seat is not None:
                tasks.append(seat_task(stage, p, seat))
            if self.com_share[t, p] > 0:
                tasks.append(ComTask(int(stage.root[p]), self.com[t, p], COM * cling * self.com_share[t, p]))
        touching = []
        for track in self.holds:
            row = t - track.frames[0]
            if not 0 <= row < len(track.frames) or track.strength[row] <= 0:
                continue
            tasks += self._hold(track, row)
            if track.strength[row] > 0.5:
                touching.append((track.person, track.side, track.held))
        tasks += [apart_task(stage, touching), *self.own_body]
        return tasks

    def _hold(self, track: HoldTrack, row: int) -> list[mink.Task]:
        palm = self.stage.flesh(track.person, f"{track.side}_wrist")
        flesh = self.stage.flesh(1 - track.person, track.held)
        strength = track.strength[row]
        tasks: list[mink.Task] = [
            PointTask(palm.body, palm.at(0.5), track.point[row], HOLD * strength, other=flesh.body)
        ]
        tasks.append(GapTask(palm, flesh, track.gap[row] - GRIP_PRESS, SURFACE * strength**2))
        return tasks

    def grips(self) -> np.ndarray:
        """Shape (T, 2, 2)."""
        grips = np.zeros((len(self.at), 2, 2))
        for track in self.holds:
            hand = grips[:, track.person, SIDES.index(track.side)]
            hand[track.frames] = np.maximum(hand[track.frames], track.grip)
        return grips


def _seats(script: Script, at: np.ndarray) -> list[tuple[str | None, str | None]]:
    """Return what each person sits on at each frame: a seat named by the key before and the key after."""
    times = np.array([key.time for key in script.keys])
    rows = []
    for now in at:
        k = int(np.clip(np.searchsorted(times, now, side="right") - 1, 0, len(times) - 1))
        following = script.keys[k] if now <= times[k] + 1e-9 else script.keys[min(k + 1, len(times) - 1)]
        both = zip(script.keys[k].people, following.people, strict=True)
        rows.append(tuple(a.seat if a.seat == b.seat else None for a, b in both))
    return rows


def _steps(times: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Minimum-jerk steps between key values. Shapes (K,), (K, N), (T,) to (T, N)."""
    k = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    u = (at - times[k]) / (times[k + 1] - times[k])
    return values[k] + min_jerk(u)[:, None] * (values[k + 1] - values[k])


def _clip(script: Script, stage: Stage, qpos: np.ndarray, grips: np.ndarray) -> InteractionClip:
    motions = []
    for p, person in enumerate(stage.pair.people):
        a = stage.layout.root_qpos[p]
        rest = person.skeleton.rest_joints
        body = rotvec_from_quat(qpos[:, stage.layout.joint_qpos[p]])
        left, right = (finger_pose(grips[:, p, side], SIDES[side], script.fps) for side in range(2))
        motions.append(
            SmplxMotion(
                trans=qpos[:, a : a + 3] - rest[0],
                root_orient=rotvec_from_quat(qpos[:, a + 3 : a + 7]),
                pose_body=body.reshape(len(qpos), 63),
                left_hand_pose=left,
                right_hand_pose=right,
                rest_joints=None if script.statures[p] is None else rest,
            )
        )
    return InteractionClip(
        fps=script.fps,
        supporter=motions[0],
        recipient=motions[1],
        props=script.props,
        grips=grips,
        source=f"authored: {script.name}. {script.description}".strip(),
    )
