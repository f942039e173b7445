"""Hands that hold the partner: whether they stay on the part they held, how far off they are, whether they carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.physics.recorded_frames import frame_times
from controller_server.physics.recording import TOUCH_PARTNER, Recording
from controller_server.prepare.holds import Hold, find_holds, palm_centres, palm_on_partner, resolve_mode
from controller_server.prepare.poses import PairPoses
from controller_server.prepare.settings import GripMode
from controller_server.prepare.surfaces import Surfaces

from .capsules import CollisionCapsules, hand_gap, neighbours
from .effort import averaged, force_window

_SIDES = ("left", "right")


@dataclass(frozen=True)
class HoldOutcome:
    """What became of one hold of the input.

    Attributes:
        person: Whose hand, 0 supporter, 1 recipient.
        side: 0 left, 1 right.
        joint: SMPL-X joint whose part of the partner is held.
        start_s: [s].
        end_s: [s].
        frames: How many frames it lasts.
        kept: Share of them in which the hand is on that part or its neighbour.
        lost_s: When it is first not [s]; None if it always is.
        error_m: Largest distance of the palm from where the prepared clip has it on that part [m].
        error_s: When [s].
        grip_frames: In how many of the frames it is to grip.
        felt: Share of those in which it feels the partner; None where it never grips.
    """

    person: int
    side: int
    joint: int
    start_s: float
    end_s: float
    frames: int
    kept: float
    lost_s: float | None
    error_m: float
    error_s: float
    grip_frames: int
    felt: float | None


def input_holds(clip: InteractionClip, mode: GripMode = GripMode.AUTO) -> tuple[Hold, ...]:
    """Return when which hand holds the partner where in the clip as it was given.

    Raises:
        AssistMimicError: the mode asks for something the clip does not have.
    """
    return tuple(find_holds(clip, PairPoses.of(clip), Surfaces(clip), resolve_mode(clip, mode)))


def on_part(clip: InteractionClip, holds: Sequence[Hold]) -> list[np.ndarray]:
    """Gap of each holding hand to the part it holds or a neighbour of that [m], each shape (T,)."""
    capsules = [CollisionCapsules.of(clip, person) for person in range(2)]
    return [
        hand_gap(capsules[hold.person], hold.side, capsules[1 - hold.person], neighbours(hold.joint)) for hold in holds
    ]


def palms_on_parts(clip: InteractionClip, holds: Sequence[Hold]) -> list[np.ndarray]:
    """Centre of each holding palm in the axes of the part it holds [m], each shape (T, 3)."""
    poses, centres = PairPoses.of(clip), palm_centres(clip)
    return [
        palm_on_partner(poses, hold.person, hold.side, centres[hold.person, hold.side])[:, hold.joint] for hold in holds
    ]


def kept_frames(gap: np.ndarray, fps: float, *, within: float, around: float) -> np.ndarray:
    """Return frames with a touch in or near them, shape (T,).

    Args:
        gap: Of a hand to what it holds [m], shape (T,).
        fps: Frames per second.
        within: What counts as touching [m].
        around: How much earlier or later the touch may be [s].
    """
    near, reach = gap <= within, int(np.floor(around * fps + 1e-6))
    count = np.concatenate([[0], np.cumsum(near)])
    frames = np.arange(len(near))
    return count[np.minimum(frames + reach + 1, len(near))] > count[np.maximum(frames - reach, 0)]


def hand_force(recording: Recording, pair: PairBody, times: np.ndarray) -> np.ndarray:
    """Size of the net force each hand gets from the partner at each frame, averaged over 0.1 s [N], shape (T, 2, 2)."""
    rows = [
        [
            k
            for k, j in enumerate(pair.joints)
            if j == pair.joints[wrist] or (j > 24 and JOINT_NAMES[j].startswith(side))
        ]
        for side, wrist in zip(_SIDES, pair.hand_rows, strict=True)
    ]
    force = np.stack([recording.forces[:, :, hand, TOUCH_PARTNER].sum(axis=2) for hand in rows], axis=2)
    size = np.linalg.norm(averaged(force, force_window(recording.time)), axis=-1)
    return size[np.abs(recording.time - times[:, None]).argmin(axis=1)]


def follow_holds(
    holds: Sequence[Hold],
    simulated: InteractionClip,
    wanted: Sequence[np.ndarray],
    force: np.ndarray,
    grips: np.ndarray | None,
    *,
    within: float,
    around: float,
    felt_n: float,
) -> list[HoldOutcome]:
    """Return what became of each hold.

    Args:
        holds: Of the input.
        simulated: The motion, T frames as far as it was simulated.
        wanted: Of the prepared clip, as `palms_on_parts` gives it.
        force: Each hand feels [N], shape (T, 2, 2).
        grips: When hands are to grip, shape (at least T, 2, 2); None if never.
        within: What counts as touching [m].
        around: How much earlier or later [s].
        felt_n: What counts as felt [N].
    """
    times, outcomes = frame_times(simulated), []
    gaps, palms = on_part(simulated, holds), palms_on_parts(simulated, holds)
    for hold, gap, palm, goal in zip(holds, gaps, palms, wanted, strict=True):
        run = np.arange(hold.run[0], min(hold.run[1], simulated.n_frames))
        if not len(run):
            continue
        kept = kept_frames(gap, simulated.fps, within=within, around=around)[run]
        error = np.linalg.norm(palm[run] - goal[run], axis=-1)
        gripping = np.zeros(len(run), bool) if grips is None else grips[run, hold.person, hold.side] > 0.5
        felt = force[run[gripping], hold.person, hold.side] > felt_n
        worst = int(error.argmax())
        outcomes.append(
            HoldOutcome(
                person=hold.person,
                side=hold.side,
                joint=hold.joint,
                start_s=float(times[run[0]]),
                end_s=float(times[run[-1]]),
                frames=len(run),
                kept=float(kept.mean()),
                lost_s=None if kept.all() else float(times[run[int(np.argmin(kept))]]),
                error_m=float(error[worst]),
                error_s=float(times[run[worst]]),
                grip_frames=int(gripping.sum()),
                felt=float(felt.mean()) if gripping.any() else None,
            )
        )
    return outcomes


def share_felt(outcomes: Sequence[HoldOutcome]) -> float | None:
    """Share of all frames in which hands grip that they feel the partner; None where none is to grip."""
    frames = sum(hold.grip_frames for hold in outcomes)
    return sum((hold.felt or 0.0) * hold.grip_frames for hold in outcomes) / frames if frames else None


def share_kept(outcomes: Sequence[HoldOutcome]) -> float | None:
    """Share of all frames of all holds in which the hand is where it held; None without a hold."""
    frames = sum(hold.frames for hold in outcomes)
    return sum(hold.kept * hold.frames for hold in outcomes) / frames if frames else None
