"""Nobody inside anything: floor, furniture, partner."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..clip.interaction import InteractionClip
from ..clip.rotation import quat_conj, quat_mul, rotvec_from_quat
from .bearing import Bearing
from .contacts import HoldTarget, compliance, hold_rows, keep_holds
from .holds import Hold
from .ik import Rows, point_jacobian, rows_from, solve_smoothly, turn_jacobian
from .legs import ANKLE, TOE
from .poses import PairPoses
from .surfaces import MARGIN, ON_PROP, Overlaps, Surfaces

ALLOWED = 0.001
"""How deep bodies may rest in floor and props [m]."""
ALLOWED_IN_PARTNER = 0.004
"""How deep bodies may press into the partner [m]."""
_PAIRS = 1_000_000  # more than there are pairs of shapes
_SMOOTH = 0.06  # s
_OUT_WEIGHT, _FOOT_WEIGHT = 1e4, 1e4

_COMPLIANCE = {
    "root": 0.01,  # m^2; the others rad^2
    "pelvis": 0.01,
    "hip": 0.2,
    "knee": 0.4,
    "ankle": 0.3,
    "spine1": 0.08,
    "spine2": 0.08,
    "spine3": 0.08,
    "neck": 0.2,
    "head": 0.2,
    "collar": 0.3,
    "shoulder": 1.0,
    "elbow": 1.0,
    "wrist": 0.5,
}


def depenetrate(
    clip: InteractionClip, holds: Sequence[Hold], bearing: list[list[Bearing]], surfaces: Surfaces
) -> InteractionClip:
    """Push bodies out of each other by the least change, smoothly over time.

    Bearing feet keep their place and holding hands their hold while the rest gives way; frames where nothing is deep
    are touched only by the smoothing of their neighbours' pushes.

    Args:
        clip: What to change.
        holds: Contacts to keep.
        bearing: Feet to keep, [person][side].
        surfaces: Of the clip.
    """
    start = PairPoses.of(clip)
    kept = keep_holds(start, clip, holds)
    if not _too_deep(surfaces.overlaps(start)).any():
        return clip
    watched = np.zeros(0, int)

    def wishes(now: PairPoses) -> Rows:
        nonlocal watched
        near = surfaces.overlaps(now, over=-MARGIN)
        key = near.frame * _PAIRS + near.pair
        # A pair of shapes once too deep stays watched: else it would spring back the moment it is out.
        watched = np.union1d(watched, key[_too_deep(near)])
        use = np.isin(key, watched)
        rows = _out_rows(now, near, use)
        busy = np.unique(rows.frame)
        feet = _keep_rows(now, start, bearing, busy, _stuck(near, use, clip.n_frames))
        return Rows.concat([rows, *feet, hold_rows(now, surfaces, _only(kept, busy))])

    sigma = max(_SMOOTH * clip.fps, 0.5)
    return solve_smoothly(start, wishes, compliance(_COMPLIANCE), sigma=sigma).to_clip(clip)


def _too_deep(overlaps: Overlaps) -> np.ndarray:
    return overlaps.depth > np.where(overlaps.person[:, 1] >= 0, ALLOWED_IN_PARTNER, ALLOWED)


def _out_rows(poses: PairPoses, near: Overlaps, use: np.ndarray) -> Rows:
    """One row for each watched point: to be no deeper than allowed."""
    frame, point, person, joint = near.frame[use], near.point[use], near.person[use], near.joint[use]
    allowed = np.where(person[:, 1] >= 0, ALLOWED_IN_PARTNER, ALLOWED)
    first, second = (point_jacobian(poses, frame, person[:, k], joint[:, k], point) for k in range(2))
    along = np.einsum("ni,nipq->npq", near.normal[use], first - second)[:, None]
    return rows_from(frame, along, (near.depth[use] - 0.8 * allowed)[:, None], _OUT_WEIGHT, one_sided=True)


def _stuck(near: Overlaps, use: np.ndarray, n_frames: int) -> np.ndarray:
    """Whether a foot is inside a prop and has to step out of it, shape (T, 2 people, 2 sides)."""
    stuck = np.zeros((n_frames, 2, 2), bool)
    for side in range(2):
        foot = use & (near.person[:, 1] == ON_PROP) & np.isin(near.joint[:, 0], (ANKLE[side], TOE[side]))
        stuck[near.frame[foot], near.person[foot, 0], side] = True
    return stuck


def _keep_rows(
    poses: PairPoses, start: PairPoses, bearing: list[list[Bearing]], busy: np.ndarray, stuck: np.ndarray
) -> list[Rows]:
    """Rows that hold bearing feet where they were; a stuck one only level and at its height."""
    parts = []
    (now, turned), (was, level) = poses.world, start.world
    for person in range(2):
        for side in range(2):
            ankle = ANKLE[side]
            frames = busy[bearing[person][side].mask(poses.n_frames)[busy]]
            ones = np.ones(len(frames), int)
            at = now[frames, person, ankle]
            free = np.ones((len(frames), 3))
            free[stuck[frames, person, side], :2] = 0
            jacobian = point_jacobian(poses, frames, ones * person, ones * ankle, at) * free[..., None, None]
            parts.append(rows_from(frames, jacobian, (was[frames, person, ankle] - at) * free, _FOOT_WEIGHT))
            back = quat_mul(level[frames, person, ankle], quat_conj(turned[frames, person, ankle]))
            parts.append(
                rows_from(frames, turn_jacobian(poses, frames, person, ankle), rotvec_from_quat(back), _FOOT_WEIGHT)
            )
    return parts


def _only(targets: Sequence[HoldTarget], frames: np.ndarray) -> list[HoldTarget]:
    if not targets:
        return []
    mask = np.zeros(len(targets[0].touch), bool)
    mask[frames] = True
    return [HoldTarget(t.hold, t.centre, t.spot, t.touch & mask, t.place & mask) for t in targets]
