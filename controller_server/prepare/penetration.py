"""Removal of penetration: floor, furniture, partner."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.rotation import quat_conj, quat_mul, rotvec_from_quat
from controller_server.core.time_series import inside_of

from .contacts import compliance, hold_rows, in_part, keep_holds
from .holds import Hold
from .ik import PERSON_DOFS, Rows, along_jacobian, point_jacobian, rows_from, turn_jacobian
from .legs import ANKLE, TOE
from .poses import PairPoses
from .self_penetration import OwnOverlaps, own_overlaps
from .stance import Bearing
from .surfaces import ON_PROP, Overlaps, Surfaces
from .whole_clip_solve import solve_over_time
from .windows import change_in_windows, part_of

ALLOWED = 0.001
"""How deep bodies may rest in floor and props [m]."""
ALLOWED_IN_PARTNER = 0.004
"""How deep bodies may press into the partner [m]."""
ALLOWED_IN_ONESELF = 0.005
"""How much deeper than they were arms may be in their own trunk and thighs [m]."""
_NEAR = 0.01  # m: surfaces this near are watched, or they would be driven into each other
_KNOTS = 0.1  # s
_CALM = 0.15  # s: how slowly people give way
_OUT_WEIGHT, _FOOT_WEIGHT, _SWING_WEIGHT = 1e4, 1e5, 200.0

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
    clip: InteractionClip,
    holds: Sequence[Hold],
    bearing: list[list[Bearing]],
    surfaces: Surfaces,
    original: InteractionClip | None = None,
) -> InteractionClip:
    """Push bodies out of each other by the least change, smoothly over time.

    Bearing feet keep their place and holding hands their hold while the rest gives way. Arms stay out of their own
    trunk and thighs as far as they were in `original`.

    Args:
        clip: What to change.
        holds: Contacts to keep.
        bearing: Feet to keep, by person, then side.
        surfaces: Of the clip.
        original: The clip before hands were closed; `clip` by default.
    """
    start = PairPoses.of(clip)
    meant = own_overlaps(start if original is None else PairPoses.of(original), clip).depth
    allowed = np.maximum(meant, 0) + ALLOWED_IN_ONESELF
    kept = keep_holds(start, clip, holds, surfaces)

    def pushed_out(part: PairPoses, frames: np.ndarray) -> PairPoses:
        own, near_surfaces = in_part(kept, frames), surfaces.at(frames)
        if not _too_deep(near_surfaces.overlaps(part)) and (own_overlaps(part, clip).depth < allowed[frames]).all():
            return part
        bears = [[inside_of([part_of(r, frames) for r in b.runs], len(frames)) for b in sides] for sides in bearing]

        def wishes(now: PairPoses) -> Rows:
            near = near_surfaces.overlaps(now, over=-_NEAR)
            feet = _keep_rows(now, part, bears, _stuck(near, len(frames)))
            oneself = _own_rows(now, own_overlaps(now, clip), allowed[frames])
            return Rows.concat([_out_rows(now, near), oneself, *feet, hold_rows(now, near_surfaces, own)])

        calm = np.full((len(frames), 2, PERSON_DOFS), _CALM)
        return solve_over_time(part, wishes, compliance(_COMPLIANCE), calm, knots=_KNOTS)

    changed = change_in_windows(start, pushed_out)
    return clip if changed is start else changed.to_clip(clip)


def _too_deep(overlaps: Overlaps) -> bool:
    return bool((overlaps.depth > np.where(overlaps.person[:, 1] >= 0, ALLOWED_IN_PARTNER, ALLOWED)).any())


def _out_rows(poses: PairPoses, near: Overlaps) -> Rows:
    """Return one row for each point: to be no deeper than allowed."""
    allowed = np.where(near.person[:, 1] >= 0, ALLOWED_IN_PARTNER, ALLOWED)
    along = along_jacobian(poses, near.frame, near.person[:, 0], near.joint[:, 0], near.point, near.normal)
    along += along_jacobian(poses, near.frame, near.person[:, 1], near.joint[:, 1], near.point, -near.normal)
    return rows_from(near.frame, along[:, None], (near.depth - 0.8 * allowed)[:, None], _OUT_WEIGHT, one_sided=True)


def _own_rows(poses: PairPoses, own: OwnOverlaps, allowed: np.ndarray) -> Rows:
    """Return one row for each arm near or in its own body: to be no deeper than allowed, (T, 2, P)."""
    frame, person, pair = np.nonzero(own.depth > allowed - _NEAR)
    at = (frame, person, pair)
    along = along_jacobian(poses, frame, person, own.arm[pair], own.point[at], own.normal[at])
    along += along_jacobian(poses, frame, person, own.body[pair], own.point[at], -own.normal[at])
    return rows_from(frame, along[:, None], (own.depth - allowed)[at][:, None], _OUT_WEIGHT, one_sided=True)


def _stuck(near: Overlaps, n_frames: int) -> np.ndarray:
    """Return whether a foot is inside or at a prop and may have to step out of it, shape (T, 2 people, 2 sides)."""
    stuck = np.zeros((n_frames, 2, 2), bool)
    for side in range(2):
        foot = (near.person[:, 1] == ON_PROP) & np.isin(near.joint[:, 0], (ANKLE[side], TOE[side]))
        stuck[near.frame[foot], near.person[foot, 0], side] = True
    return stuck


def _keep_rows(poses: PairPoses, start: PairPoses, bears: list[list[np.ndarray]], stuck: np.ndarray) -> list[Rows]:
    """Return rows that hold feet where they were, bearing ones firmly; a stuck one only level and at its height."""
    parts = []
    (now, turned), (was, level) = poses.world, start.world
    frames = np.arange(poses.n_frames)
    for person in range(2):
        for side in range(2):
            ankle = ANKLE[side]
            ones = np.ones(len(frames), int)
            at = now[:, person, ankle]
            weight = np.where(bears[person][side], _FOOT_WEIGHT, _SWING_WEIGHT)
            free = np.ones((len(frames), 3))
            free[stuck[:, person, side], :2] = 0
            jacobian = point_jacobian(poses, frames, ones * person, ones * ankle, at) * free[..., None, None]
            parts.append(rows_from(frames, jacobian, (was[:, person, ankle] - at) * free, weight))
            back = quat_mul(level[:, person, ankle], quat_conj(turned[:, person, ankle]))
            parts.append(rows_from(frames, turn_jacobian(poses, frames, person, ankle), rotvec_from_quat(back), weight))
    return parts
