"""Hands that hold the partner reach them: both people are moved until the surfaces touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..clip.interaction import InteractionClip
from ..clip.rotation import quat_rotate, quat_rotate_inverse
from ..clip.skeleton import JOINT_NAMES, joint
from .holds import Hold, palm_centres, palm_on_partner
from .ik import PERSON_DOFS, Rows, point_jacobian, rows_from, solve, solve_smoothly
from .intervals import fade_weights, gaussian, still_pieces
from .legs import keep_feet
from .poses import PairPoses
from .surfaces import PALMS, Surfaces

GAP = -0.002
"""Surface distance of a closed contact [m]: touching, a little pressed."""
_BLEND = 0.25  # s
_WANDER = 0.08  # m: a hold that slides less than this stays on one spot
_STAY, _SHIFT = 0.4, 0.12  # s: how long it stays on each of several spots at least, how fast it shifts between them
_SMOOTH = 0.06  # s
_TOUCH_WEIGHT, _SPOT_WEIGHT, _PLACE_WEIGHT = 5e3, 50.0, 500.0

ELBOWS = (joint("left_elbow"), joint("right_elbow"))
_COMPLIANCE = {
    "root": 0.001,  # m^2; the others rad^2
    "spine1": 0.08,
    "spine2": 0.08,
    "spine3": 0.08,
    "collar": 0.3,
    "shoulder": 1.0,
    "elbow": 1.0,
    "wrist": 0.5,
}
"""Arms mostly, a little trunk, the pelvis only where these do not suffice."""


def compliance(table: dict[str, float]) -> np.ndarray:
    """How willingly each unknown of `ik.solve` changes, from names of joints without their side; shape (2, 69)."""
    one = np.zeros(PERSON_DOFS)
    one[:3] = table.get("root", 0)
    for j, name in enumerate(JOINT_NAMES[: (PERSON_DOFS - 3) // 3]):
        one[3 + 3 * j : 6 + 3 * j] = table.get(name.split("_")[-1], 0)
    return np.stack([one, one])


@dataclass(frozen=True)
class HoldTarget:
    """Where a holding palm belongs on the partner.

    Attributes:
        hold: Who holds what, and when.
        centre: The palm's centre in the wrist's axes [m], shape (3,).
        spot: Where that centre should be in the axes of the held joint [m], shape (T, 3).
        touch: Frames in which the distance is closed along the surfaces' normal, shape (T,).
        place: Frames in which the palm's centre goes exactly to `spot`, shape (T,).
    """

    hold: Hold
    centre: np.ndarray
    spot: np.ndarray
    touch: np.ndarray
    place: np.ndarray


def hold_targets(
    poses: PairPoses, clip: InteractionClip, holds: Sequence[Hold], surfaces: Surfaces
) -> list[HoldTarget]:
    """One spot on the partner for each hold, at touching distance, moving only if the hand really slides."""
    targets = []
    for hold, centre, relative in _relative(poses, clip, holds):
        spot = relative.copy()
        a, b = hold.run
        near = surfaces.nearness(poses, hold.person, hold.side, (hold.joint,))
        way = near.on_body[a:b, hold.joint] - near.on_palm[a:b, hold.joint]
        way = quat_rotate_inverse(poses.world[1][a:b, 1 - hold.person, hold.joint], way)
        pieces = still_pieces(relative / _WANDER, hold.run, shortest=max(2, round(_STAY * poses.fps)))
        for start, end in pieces:
            # Captured gaps are a matter of flesh, not of motion: one way to the surface for the whole piece.
            way_there = np.median(way[start - a : end - a], axis=0)
            spot[start:end] = np.median(relative[start:end], axis=0) + way_there
        if len(pieces) > 1:
            spot[a:b] = gaussian(spot[a:b], max(_SHIFT * poses.fps, 0.5))
        mask = hold.mask(poses.n_frames)
        targets.append(HoldTarget(hold, centre, spot, mask, np.zeros_like(mask)))
    return targets


def keep_holds(poses: PairPoses, clip: InteractionClip, holds: Sequence[Hold]) -> list[HoldTarget]:
    """Targets that keep every hold where it is, touching."""
    return [
        HoldTarget(hold, centre, relative, hold.mask(poses.n_frames), np.zeros(poses.n_frames, bool))
        for hold, centre, relative in _relative(poses, clip, holds)
    ]


def close_contacts(clip: InteractionClip, holds: Sequence[Hold], surfaces: Surfaces) -> InteractionClip:
    """Bring each holding palm onto the partner's surface, blending in before the hold and out after it.

    Both people give way, arms first; the feet stay where they are.
    """
    if not holds:
        return clip
    before = PairPoses.of(clip)
    targets = hold_targets(before, clip, holds, surfaces)
    eased = compliance(_COMPLIANCE)
    sigma = max(_SMOOTH * clip.fps, 0.5)
    closed = solve(before, lambda p: hold_rows(p, surfaces, targets), eased, iterations=6, reference=before)
    # What closing changed at the ends of a hold fades out beyond them, measured on the partner.
    targets = _with_fades(before, closed, clip, targets)
    closed = solve_smoothly(before, lambda p: hold_rows(p, surfaces, targets), eased, sigma=sigma)
    return keep_feet(closed, before).to_clip(clip)


def hold_rows(poses: PairPoses, surfaces: Surfaces, targets: Sequence[HoldTarget]) -> Rows:
    """Rows that close, place and keep holds."""
    parts: list[Rows] = []
    positions, quats = poses.world
    for t in targets:
        me, partner, wrist, held = t.hold.person, 1 - t.hold.person, PALMS[t.hold.side], t.hold.joint
        palm = positions[:, me, wrist] + quat_rotate(quats[:, me, wrist], t.centre)
        spot = positions[:, partner, held] + quat_rotate(quats[:, partner, held], t.spot)
        frames = np.flatnonzero(t.touch | t.place)
        jacobian = _relative_jacobian(poses, frames, me, wrist, palm[frames], held, spot[frames])
        error = (spot - palm)[frames]
        project = np.broadcast_to(np.eye(3), (len(frames), 3, 3)).copy()
        touching = np.zeros(len(frames), bool)
        if t.touch.any():
            near = surfaces.nearness(poses, me, t.hold.side, (held,))
            gap = near.distance[frames, held]
            touching = t.touch[frames] & np.isfinite(gap)
            ends = near.on_palm[frames, held], near.on_body[frames, held]
            normal = (ends[1] - ends[0])[touching] / np.where(np.abs(gap) < 1e-9, 1e-9, gap)[touching, None]
            project[touching] -= normal[:, :, None] * normal[:, None, :]
            rows = _relative_jacobian(poses, frames[touching], me, wrist, ends[0][touching], held, ends[1][touching])
            along = np.einsum("ni,nipq->npq", normal, rows)[:, None]
            parts.append(rows_from(frames[touching], along, (gap[touching] - GAP)[:, None], _TOUCH_WEIGHT))
        parts.append(
            rows_from(
                frames,
                np.einsum("nij,njpq->nipq", project, jacobian),
                np.einsum("nij,nj->ni", project, error),
                np.where(touching, _SPOT_WEIGHT, _PLACE_WEIGHT),
            )
        )
    return Rows.concat(parts)


def _relative_jacobian(
    poses: PairPoses, frames: np.ndarray, me: int, wrist: int, palm: np.ndarray, held: int, spot: np.ndarray
) -> np.ndarray:
    """How palm minus spot changes, shape (N, 3, 2, 69)."""
    ones = np.ones(len(frames), int)
    return point_jacobian(poses, frames, ones * me, ones * wrist, palm) - point_jacobian(
        poses, frames, ones * (1 - me), ones * held, spot
    )


def one_of_two(holds: Sequence[Hold]) -> list[Hold]:
    """Two hands that hold each other are one contact: as two they would also prescribe how the hands are turned."""

    def clasped(a: Hold, b: Hold) -> bool:
        on_palm, on_arm = a.joint == PALMS[b.side], b.joint in (PALMS[a.side], ELBOWS[a.side])
        together = max(a.run[0], b.run[0]) < min(a.run[1], b.run[1])
        return a.person != b.person and on_palm and on_arm and together

    kept: list[Hold] = []
    for hold in sorted(holds, key=lambda h: (h.joint not in PALMS, h.person)):
        for k, other in enumerate(kept):
            if clasped(other, hold):
                if hold.joint in PALMS:
                    run = (min(hold.run[0], other.run[0]), max(hold.run[1], other.run[1]))
                    kept[k] = replace(other, run=run)
                break
        else:
            kept.append(hold)
    return kept


def _relative(
    poses: PairPoses, clip: InteractionClip, holds: Sequence[Hold]
) -> list[tuple[Hold, np.ndarray, np.ndarray]]:
    centres = palm_centres(clip)
    return [
        (h, centres[h.person, h.side], palm_on_partner(poses, h.person, h.side, centres[h.person, h.side])[:, h.joint])
        for h in one_of_two(holds)
    ]


def _with_fades(
    before: PairPoses, closed: PairPoses, clip: InteractionClip, targets: Sequence[HoldTarget]
) -> list[HoldTarget]:
    blend = max(_BLEND * before.fps, 1.0)
    frames = np.arange(before.n_frames)
    faded = []
    for target in targets:
        hold = target.hold
        same_hand = [t.hold for t in targets if (t.hold.person, t.hold.side) == (hold.person, hold.side)]
        (_, _, old), (_, _, new) = (_relative(p, clip, [hold])[0] for p in (before, closed))
        a, b = hold.run
        runs = [h.run for h in same_hand]
        weight = fade_weights(before.n_frames, runs, blend)[runs.index(hold.run)]
        move = (new - old)[np.clip(frames, a, b - 1)]
        busy = np.any([h.mask(before.n_frames) for h in same_hand], axis=0)
        place = (weight > 0) & ~busy
        spot = np.where(target.touch[:, None], target.spot, old + weight[:, None] * move)
        faded.append(HoldTarget(hold, target.centre, spot, target.touch, place))
    return faded
