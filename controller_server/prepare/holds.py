"""Hand holds on the partner over time: from the clip's grips, from closed fingers, from closeness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controller_server.body.shape import body_shapes
from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.rotation import quat_rotate, quat_rotate_inverse
from controller_server.clip.skeleton import joint
from controller_server.core.errors import AssistMimicError
from controller_server.core.time_series import Interval, gaussian, hysteresis, inside_of, intervals

from .legs import SIDES
from .poses import PairPoses
from .settings import GripMode
from .surfaces import PALMS, Nearness, Surfaces

NEAR, STILL_NEAR = 0.15, 0.18
"""Surface distances a hold starts and ends at [m]: captured hands that held each other are so far apart when fitted."""
_HANGING_NEAR, _STILL_HANGING_NEAR = 0.03, 0.05  # m, for an arm that just hangs beside the partner
_SLOW, _STILL_SLOW = 0.3, 0.5  # m/s against the held body
_SHORTEST, _BRIDGE = 0.3, 0.15  # s
_HANGING = np.cos(np.radians(35))
_CURLED, _STILL_CURLED = 0.6, 0.35  # rad, mean over the finger joints
_FINGERS_SPEAK = 0.2  # rad: a clip whose fingers never close further says nothing by them
_CLIP_REACH = 0.28  # m: a grip further from the partner than this holds nobody
_THUMB = slice(12, 15)


@dataclass(frozen=True)
class Hold:
    """One hand holding one body of the partner for a while.

    Attributes:
        person: Whose hand, 0 or 1.
        side: 0 left, 1 right.
        joint: The partner's joint whose body is held.
        run: First frame and one past the last.
    """

    person: int
    side: int
    joint: int
    run: Interval

    def mask(self, n_frames: int) -> np.ndarray:
        """Shape (T,)."""
        return inside_of([self.run], n_frames)


def palm_centres(clip: InteractionClip) -> np.ndarray:
    """Centre of each palm relative to its wrist [m], in the wrist's axes, shape (2 people, 2 sides, 3)."""
    return np.array(
        [
            [next(s.position for s in body_shapes(m.skeleton) if s.is_palm and s.joint == palm) for palm in PALMS]
            for _, m in clip.people
        ]
    )


def palm_on_partner(poses: PairPoses, person: int, side: int, centre: np.ndarray) -> np.ndarray:
    """Return a palm's centre in the axes of each of the partner's joints [m], shape (T, 22, 3)."""
    positions, quats = poses.world
    palm = positions[:, person, PALMS[side]] + quat_rotate(quats[:, person, PALMS[side]], centre)
    return quat_rotate_inverse(quats[:, 1 - person], palm[:, None] - positions[:, 1 - person])


def resolve_mode(clip: InteractionClip, mode: GripMode) -> GripMode:
    """Return what `auto` means for a clip. Raises AssistMimicError when the clip lacks what the mode needs."""
    if mode is GripMode.CLIP and clip.grips is None:
        raise AssistMimicError(f"grips: this clip has none of its own; use {GripMode.PROXIMITY.value} or auto")
    if mode is not GripMode.AUTO:
        return mode
    if clip.grips is not None:
        return GripMode.CLIP
    curls = [finger_curl(motion, side) for _, motion in clip.people for side in range(2)]
    speaks = any(np.ptp(c) > _FINGERS_SPEAK and c.max() > _CURLED for c in curls)
    return GripMode.FINGERS if speaks else GripMode.PROXIMITY


def finger_curl(motion: SmplxMotion, side: int) -> np.ndarray:
    """Mean bend of the twelve joints of the four fingers [rad], shape (T,)."""
    pose = motion.left_hand_pose if side == 0 else motion.right_hand_pose
    assert pose is not None
    bend = np.linalg.norm(pose.reshape(-1, 15, 3), axis=-1)
    return np.delete(bend, np.arange(15)[_THUMB], axis=1).mean(axis=1)


def find_holds(clip: InteractionClip, poses: PairPoses, surfaces: Surfaces, mode: GripMode) -> list[Hold]:
    """Return all holds, by person, side and time.

    Args:
        clip: For its grips and fingers.
        poses: Where the bodies are (the clip's own, or further prepared).
        surfaces: Of the clip.
        mode: As `resolve_mode` gives it; `off` finds contacts to close by closeness all the same.
    """
    centres = palm_centres(clip)
    found: list[Hold] = []
    for person in range(2):
        for side in range(2):
            near = surfaces.nearness(poses, person, side)
            if not np.isfinite(near.distance).any():
                continue
            speed = _speed_along(poses, person, side, centres[person, side], near)
            if mode is GripMode.CLIP:
                assert clip.grips is not None
                stay = near.distance < _CLIP_REACH
                held = (clip.grips[:, person, side] > 0.5) & stay.any(axis=1)
            else:
                stay, held = _by_motion(clip, poses, person, side, near, speed, mode)
            shortest = 2 if mode is GripMode.CLIP else round(_SHORTEST * clip.fps)
            runs = intervals(held, shortest=shortest, bridge=round(_BRIDGE * clip.fps))
            for run in runs:
                found += _assign(person, side, run, near, speed, stay, shortest, round(_BRIDGE * clip.fps))
    return found


def _speed_along(poses: PairPoses, person: int, side: int, centre: np.ndarray, near: Nearness) -> np.ndarray:
    """Return how fast a palm moves against each of the partner's bodies [m/s], shape (T, 22).

    Against the body as a rigid thing, or against its nearest point if that is slower: a forearm that twists in the hand
    does not leave it.
    """
    relative = palm_on_partner(poses, person, side, centre)
    positions, quats = poses.world
    palm = positions[:, person, PALMS[side]] + quat_rotate(quats[:, person, PALMS[side]], centre)
    apart = np.where(np.isfinite(near.distance)[..., None], near.on_body - palm[:, None], 0)
    width = max(0.05 * poses.fps, 0.5)
    speeds = [
        gaussian(np.linalg.norm(np.gradient(gaussian(track, width), axis=0), axis=-1) * poses.fps, width)
        for track in (relative, apart)
    ]
    return np.where(np.isfinite(near.distance), np.minimum(*speeds), speeds[0])


def _by_motion(
    clip: InteractionClip,
    poses: PairPoses,
    person: int,
    side: int,
    near: Nearness,
    speed: np.ndarray,
    mode: GripMode,
) -> tuple[np.ndarray, np.ndarray]:
    """Near and moving along per partner body (T, 22), and whether the hand holds anything (T,)."""
    hanging = _hangs(poses, person, side)[:, None]
    enter = (near.distance < np.where(hanging, _HANGING_NEAR, NEAR)) & (speed < _SLOW)
    stay = (near.distance < np.where(hanging, _STILL_HANGING_NEAR, STILL_NEAR)) & (speed < _STILL_SLOW)
    if mode is GripMode.FINGERS:
        curl = finger_curl(clip.people[person][1], side)
        closed = hysteresis(curl > _CURLED, curl > _STILL_CURLED)
        stay = near.distance < STILL_NEAR
        return stay, closed & np.asarray(stay.any(axis=1))
    stay = np.stack([hysteresis(enter[:, j], stay[:, j]) for j in range(stay.shape[1])], axis=1)
    return stay, np.asarray(stay.any(axis=1))


def _hangs(poses: PairPoses, person: int, side: int) -> np.ndarray:
    """Return whether upper arm and forearm both point to the floor, shape (T,)."""
    shoulder, elbow, wrist = (
        poses.positions[:, person, joint(f"{SIDES[side]}_{part}")] for part in ("shoulder", "elbow", "wrist")
    )
    down = [
        (a - b)[:, 2] / np.maximum(np.linalg.norm(a - b, axis=-1), 1e-9) for a, b in ((shoulder, elbow), (elbow, wrist))
    ]
    return np.asarray(np.minimum(*down) > _HANGING)


def _assign(
    person: int,
    side: int,
    run: Interval,
    near: Nearness,
    speed: np.ndarray,
    stay: np.ndarray,
    shortest: int,
    bridge: int,
) -> list[Hold]:
    """Split a run among the partner's bodies: first the one that is nearest and stillest, then what is left."""
    a, b = run
    closeness = np.exp(-near.distance[a:b] / 0.05) / (1 + (speed[a:b] / 0.5) ** 2)
    score = (closeness * stay[a:b]).sum(axis=0)
    best = int(score.argmax())
    if score[best] <= 0:
        return []
    own = np.zeros(len(stay), dtype=bool)
    own[a:b] = stay[a:b, best]
    parts = intervals(own, shortest=shortest, bridge=bridge)
    if not parts:
        return []
    left = inside_of([run], len(stay)) & ~inside_of(parts, len(stay))
    holds = [Hold(person, side, best, part) for part in parts]
    for rest in intervals(left, shortest=shortest):
        holds += _assign(person, side, rest, near, speed, stay, shortest, bridge)
    return sorted(holds, key=lambda h: h.run)


def grips_of(holds: Sequence[Hold], n_frames: int) -> np.ndarray:
    """1 while a hand holds, shape (T, 2 people, 2 sides)."""
    grips = np.zeros((n_frames, 2, 2))
    for hold in holds:
        grips[slice(*hold.run), hold.person, hold.side] = 1
    return grips
