"""Check for human speed: fastest joints, duration of steps, falling speed."""

from __future__ import annotations

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.skeleton import L_ANKLE, L_WRIST, PELVIS, R_ANKLE, R_WRIST

_FASTEST = 15.0  # m/s of a wrist or ankle; kicks and throws reach it, helping does not
_FASTEST_PELVIS = 4.5  # m/s; running
_STRIDE = 0.7  # m an ankle goes in one swing before its duration tells anything
_SWING = (0.24, 0.80)  # s a swing of a stride takes people at the least and at the most
_LEAST_SWINGS = 2
_GRAVITY = 9.81
_FLIGHT = 0.12  # s nobody touches anything before it tells anything
_FLIGHT_HEIGHT = 0.06  # m over the person's own lowest
_FLIGHT_FACTOR = (0.6, 1.6)  # of the true speed
_FACTORS = np.array([0.2, 0.25, 0.5, 2.0, 4.0, 5.0])  # rates are usually wrong by
_OUT_OF_REACH = 1.0  # m from any joint of the partner


def speed_findings(clip: InteractionClip) -> list[str]:
    """Return a sentence for each person who is faster than people are; single jumps of a frame are left to others."""
    found = []
    for role, motion in clip.people:
        speed = np.linalg.norm(np.diff(motion.joints[0], axis=0), axis=-1) * clip.fps
        limbs = float(np.percentile(speed[:, [L_ANKLE, R_ANKLE, L_WRIST, R_WRIST]].max(axis=1), 98))
        trunk = float(np.percentile(speed[:, PELVIS], 90))
        if limbs > _FASTEST or trunk > _FASTEST_PELVIS:
            what = f"hands or feet at {limbs:.0f} m/s" if limbs > _FASTEST else f"the pelvis at {trunk:.1f} m/s"
            found.append(
                f"{role}: moves {what}, faster than people help each other; {clip.fps:g} fps were taken, "
                "say another rate with --fps"
            )
    return found


def rate_findings(clip: InteractionClip) -> list[str]:
    """Return a sentence if steps or falls are slower or faster than people and gravity have them."""
    factors = []
    swings = np.concatenate([swing_times(motion.joints[0], clip.fps) for _, motion in clip.people])
    if len(swings) >= _LEAST_SWINGS and not _SWING[0] <= np.median(swings) <= _SWING[1]:
        factors.append((float(np.median(swings)) / 0.42, f"a step takes {np.median(swings):.2f} s"))
    for person in range(2):
        drop = fall_acceleration(clip.joints[:, person], clip.joints[:, 1 - person], clip.fps)
        factor = None if drop is None else np.sqrt(max(drop, 0.0) / _GRAVITY)
        if factor is not None and not _FLIGHT_FACTOR[0] <= factor <= _FLIGHT_FACTOR[1]:
            factors.append((1 / max(float(factor), 0.1), f"people in the air fall with {drop:.1f} m/s2"))
    if not factors:
        return []
    slower, seen = factors[0]
    pace = "slow motion" if slower > 1 else "faster than life"
    return [
        f"the clip looks {pace}: {seen}; {clip.fps:g} fps were taken, say the true rate with --fps "
        f"(perhaps {clip.fps * _FACTORS[np.abs(np.log(_FACTORS / slower)).argmin()]:g})"
    ]


def swing_times(joints: np.ndarray, fps: float) -> np.ndarray:
    """Return how long the feet take for whole strides [s], shape (N,).

    A swing is a stretch in which an ankle is faster than a quarter of its fastest; the measure does not depend on
    the frame rate, so a clip in slow motion has long ones. People take 0.35 to 0.5 s whatever their pace.

    Args:
        joints: One person's joint positions [m], shape (T, 55, 3).
        fps: Frames per second.
    """
    found = []
    for ankle in (L_ANKLE, R_ANKLE):
        place = joints[:, ankle, :2]
        step = np.linalg.norm(np.diff(place, axis=0), axis=-1)
        if len(step) < 5:
            continue
        step = np.convolve(np.pad(step, 1, mode="edge"), np.ones(3) / 3, mode="valid")
        moving = np.concatenate([[False], step > 0.25 * np.percentile(step, 98), [False]])
        starts, ends = (
            np.flatnonzero(np.diff(moving.astype(int)) == 1),
            np.flatnonzero(np.diff(moving.astype(int)) == -1),
        )
        for a, b in zip(starts, ends, strict=True):
            whole = a > 0 and b < len(step)
            if whole and np.linalg.norm(place[b] - place[a]) > _STRIDE:
                found.append((b - a) / fps)
    return np.array(found)


def fall_acceleration(joints: np.ndarray, partner: np.ndarray, fps: float) -> float | None:
    """Return the downward acceleration of the pelvis in the longest flight of a person out of reach [m/s2].

    Args:
        joints: The person's joint positions [m], shape (T, 55, 3).
        partner: The other's, shaped alike.
        fps: Frames per second.

    Returns:
        The acceleration, None without a flight.
    """
    lowest = joints[..., 2].min(axis=1)
    in_air = lowest > np.percentile(lowest, 2) + _FLIGHT_HEIGHT
    far = np.linalg.norm(joints[:, PELVIS] - partner[:, PELVIS], axis=-1) > 2 * _OUT_OF_REACH
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (in_air & far).astype(int), [0]])))
    runs = edges.reshape(-1, 2)
    if not len(runs):
        return None
    a, b = runs[np.argmax(runs[:, 1] - runs[:, 0])]
    middle = joints[a:b, PELVIS, 2]
    if a == 0 or b == len(joints) or b - a < max(5, _FLIGHT * fps):
        return None
    time = np.arange(len(middle)) / fps
    curve, _, line = np.polyfit(time, middle, 2)
    fitted = np.polyval([curve, _, line], time)
    return float(-2 * curve) if np.abs(fitted - middle).max() < 0.03 else None
