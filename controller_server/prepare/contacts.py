"""Hands that hold the partner reach them: both people are moved until the surfaces touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.rotation import quat_rotate, quat_rotate_inverse
from controller_server.clip.skeleton import JOINT_NAMES, N_BODY_JOINTS, joint
from controller_server.core.time_series import gaussian, still_pieces

from .holds import Hold, palm_centres, palm_on_partner
from .ik import PERSON_DOFS, Rows, along_jacobian, point_jacobian, rows_from
from .legs import keep_feet
from .poses import PairPoses
from .surfaces import PALMS, Surfaces
from .whole_clip_solve import CALM, solve_over_time
from .windows import change_in_windows, part_of

GAP = -0.002
"""Surface distance of a closed contact [m]: touching, a little pressed."""
_WANDER = 0.08  # m: a hold that slides less than this stays on one spot
_SAME_SIDE = 0.3  # cosine
_STAY, _SHIFT = 0.4, 0.12  # s: how long it stays on each of several spots at least, how fast it shifts between them
_TOUCH_WEIGHT, _SPOT_WEIGHT, _PLACE_WEIGHT = 5e3, 200.0, 500.0

_KNOTS = 0.05  # s
_QUICK = 0.05  # s: see `_calm`
_CALMING = 0.05  # s
_ARMS = tuple(
    tuple(joint(f"{side}_{part}") for part in ("collar", "shoulder", "elbow", "wrist")) for side in ("left", "right")
)
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
    """Return how willingly each unknown of `ik.solve` changes, from names of joints without their side.

    Shape (2, 69).
    """
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
        side: Outward direction of the surface there, in the axes of the held joint, shape (3,).
    """

    hold: Hold
    centre: np.ndarray
    spot: np.ndarray
    side: np.ndarray


def hold_targets(
    poses: PairPoses, clip: InteractionClip, holds: Sequence[Hold], surfaces: Surfaces
) -> list[HoldTarget]:
    """Return one spot on the partner for each hold, at touching distance, moving only if the hand really slides.

    The side of the held body is the usual one over the whole hold: a hand that noise drives through a forearm does not
    come out behind it.
    """
    targets = []
    for hold, centre, spot in _relative(poses, clip, holds):
        relative, (a, b) = spot.copy(), hold.run
        way, outwards = to_surface(poses, hold, surfaces)
        side = _unit(outwards.sum(axis=0))
        meant = outwards @ side > _SAME_SIDE
        pieces = still_pieces(relative / _WANDER, hold.run, shortest=max(2, round(_STAY * poses.fps)))
        for start, end in pieces:
            # Captured gaps are a matter of flesh, not of motion: one way to the surface for the whole piece.
            part = slice(start - a, end - a)
            use = meant[part] if meant[part].any() else np.ones(end - start, bool)
            spot[start:end] = np.median(relative[start:end][use] + np.median(way[part][use], axis=0), axis=0)
        if len(pieces) > 1:
            spot[a:b] = gaussian(spot[a:b], max(_SHIFT * poses.fps, 0.5))
        targets.append(HoldTarget(hold, centre, spot, side))
    return targets


def keep_holds(poses: PairPoses, clip: InteractionClip, holds: Sequence[Hold], surfaces: Surfaces) -> list[HoldTarget]:
    """Targets that keep every hold where it is, touching."""
    return [
        HoldTarget(hold, centre, relative, _unit(to_surface(poses, hold, surfaces)[1].sum(axis=0)))
        for hold, centre, relative in _relative(poses, clip, holds)
    ]


def to_surface(poses: PairPoses, hold: Hold, surfaces: Surfaces) -> tuple[np.ndarray, np.ndarray]:
    """From the palm's nearest point to the held body's [m], and the outward normal there, in the held joint's axes.

    Shapes (frames of the hold, 3); zero where they are too far apart.
    """
    frames = np.arange(*hold.run)
    near = surfaces.at(frames).nearness(poses.frames(frames), hold.person, hold.side, (hold.joint,))
    way = near.on_body[:, hold.joint] - near.on_palm[:, hold.joint]
    way = quat_rotate_inverse(poses.world[1][frames, 1 - hold.person, hold.joint], way)
    gap = near.distance[:, hold.joint]
    return way, _unit(way) * np.where(np.isfinite(gap), -np.sign(gap), 0)[:, None]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def close_contacts(clip: InteractionClip, holds: Sequence[Hold], surfaces: Surfaces) -> InteractionClip:
    """Bring each holding palm onto the partner's surface, blending in before the hold and out after it.

    Both people give way, arms first; the feet stay where they are.
    """
    if not holds:
        return clip
    before = PairPoses.of(clip)
    targets = hold_targets(before, clip, holds, surfaces)
    calm = _calm(before, holds)

    def closed(part: PairPoses, frames: np.ndarray) -> PairPoses:
        near, own = surfaces.at(frames), in_part(targets, frames)
        if not own:
            return part
        wishes = partial(hold_rows, surfaces=near, targets=own)
        return solve_over_time(part, wishes, compliance(_COMPLIANCE), calm[frames], knots=_KNOTS)

    return keep_feet(change_in_windows(before, closed), before).to_clip(clip)


def in_part(targets: Sequence[HoldTarget], frames: np.ndarray) -> list[HoldTarget]:
    """Return the targets that concern some of the clip's frames, counted in these."""
    own = []
    for t in targets:
        run = part_of(t.hold.run, frames)
        if run[0] < run[1]:
            own.append(replace(t, hold=replace(t.hold, run=run), spot=t.spot[frames]))
    return own


def _calm(poses: PairPoses, holds: Sequence[Hold]) -> np.ndarray:
    """Return how slowly corrections change [s], shape (T, 2, 69): less so in arms that hold or are held, while they do.

    There, what is noise in the distance between hand and partner goes; before and after, the arm goes and comes calmly.
    """
    quick = np.zeros((poses.n_frames, 2, N_BODY_JOINTS))
    for hold in holds:
        quick[slice(*hold.run), hold.person, list(_ARMS[hold.side])] = 1
        for arm in _ARMS:
            if hold.joint in arm:
                quick[slice(*hold.run), 1 - hold.person, list(arm)] = 1
    quick = gaussian(quick, max(_CALMING * poses.fps, 0.5))
    calm = np.full((poses.n_frames, 2, PERSON_DOFS), CALM)
    calm[..., 3:] = np.repeat(CALM * (_QUICK / CALM) ** quick, 3, axis=-1)
    return calm


def hold_rows(poses: PairPoses, surfaces: Surfaces, targets: Sequence[HoldTarget]) -> Rows:
    """Return rows that close and keep holds."""
    parts: list[Rows] = []
    positions, quats = poses.world
    for t in targets:
        me, partner, wrist, held = t.hold.person, 1 - t.hold.person, PALMS[t.hold.side], t.hold.joint
        palm = positions[:, me, wrist] + quat_rotate(quats[:, me, wrist], t.centre)
        spot = positions[:, partner, held] + quat_rotate(quats[:, partner, held], t.spot)
        frames = np.arange(*t.hold.run)
        jacobian = _relative_jacobian(poses, frames, me, wrist, palm[frames], held, spot[frames])
        error = (spot - palm)[frames]
        project = np.broadcast_to(np.eye(3), (len(frames), 3, 3)).copy()
        near = surfaces.nearness(poses, me, t.hold.side, (held,))
        gap = near.distance[frames, held]
        ends = near.on_palm[frames, held], near.on_body[frames, held]
        normal = (ends[1] - ends[0]) / np.where(np.isfinite(gap) & (np.abs(gap) > 1e-9), gap, 1e-9)[:, None]
        outwards = quat_rotate(quats[frames, partner, held], t.side)
        # From behind, the nearest way to the surface is not the way to go.
        touching = np.isfinite(gap) & (np.sum(-normal * outwards, axis=-1) > _SAME_SIDE)
        ends, normal = (ends[0][touching], ends[1][touching]), normal[touching]
        project[touching] -= normal[:, :, None] * normal[:, None, :]
        near_frames, ones = frames[touching], np.ones(int(touching.sum()), int)
        along = along_jacobian(poses, near_frames, ones * me, ones * wrist, ends[0], normal)
        along += along_jacobian(poses, near_frames, ones * partner, ones * held, ends[1], -normal)
        parts.append(rows_from(near_frames, along[:, None], (gap[touching] - GAP)[:, None], _TOUCH_WEIGHT))
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
    """Return how palm minus spot changes, shape (N, 3, 2, 69)."""
    ones = np.ones(len(frames), int)
    return point_jacobian(poses, frames, ones * me, ones * wrist, palm) - point_jacobian(
        poses, frames, ones * (1 - me), ones * held, spot
    )


def one_of_two(holds: Sequence[Hold]) -> list[Hold]:
    """Return two hands that hold each other are one contact.

    As two they would also prescribe how the hands are turned.
    """

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
    """Each hold, the palm's centre in the wrist's axes (3,), and in those of the held joint while it lasts, (T, 3)."""
    centres, found = palm_centres(clip), []
    for h in one_of_two(holds):
        centre, relative = centres[h.person, h.side], np.zeros((poses.n_frames, 3))
        run = slice(*h.run)
        relative[run] = palm_on_partner(poses.frames(run), h.person, h.side, centre)[:, h.joint]
        found.append((h, centre, relative))
    return found
