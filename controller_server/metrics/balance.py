"""Balance at the end of a clip: whether people are about to fall, what carries them, whether they are at rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from controller_server.clip.interaction import Prop

from .capsules import CollisionCapsules
from .effort import GRAVITY

WINDOW = 0.1
"""The end that is judged [s]."""
BEARS = 0.03
"""What is lower than this over floor or furniture carries [m]."""
_EDGE, _SUNK = 0.05, 0.15  # m: how far beside a prop and how deep in it still counts as on it
_SPEED_OVER = 0.1  # s
_LOWEST = 0.3  # m: nobody's centre of mass sways as if it were lower
_MARGIN = 0.02  # m a centre of mass may be beyond the edge of what carries it
_DIRECTIONS = 32


def capture_point(com: np.ndarray, time: np.ndarray, *, window: float = WINDOW) -> np.ndarray:
    """Return where a body will come to stand that moves as it does at the end.

    Com + velocity * sqrt(height / g), horizontal.

    Position and velocity are those of the straight line through the last `window` seconds.

    Args:
        com: Centres of mass [m], shape (S, ..., 3).
        time: [s], shape (S,).
        window: [s].

    Returns:
        [m], shape (..., 2).
    """
    last = time >= time[-1] - window - 1e-9
    if last.sum() < 2:
        last = np.arange(len(time)) >= len(time) - 2
    t = time[last] - time[last].mean()
    mean = com[last].mean(axis=0)
    velocity = np.tensordot(t, com[last], axes=(0, 0)) / float(t @ t)
    height = np.maximum(mean[..., 2:], _LOWEST)
    return mean[..., :2] + velocity[..., :2] * np.sqrt(height / GRAVITY)


def ends_at_rest(
    com: np.ndarray, points: np.ndarray, bears: np.ndarray, fps: float, *, speed: float, seconds: float
) -> bool:
    """Return whether both people are slow and over what carries them for the last part of a clip.

    Args:
        com: Centres of mass of the motion asked for [m], shape (T, 2, 3).
        points: Of each body, as `support` gives them [m], shape (2, T, N, 3).
        bears: Which of them carry, shape (2, T, N).
        fps: Frames per second.
        speed: What is slow [m/s].
        seconds: Length of that part [s].
    """
    frames = min(max(2, round(seconds * fps) + 1), len(com))
    # Over some frames: the noise of a capture, a millimetre from frame to frame, is no movement.
    span = min(max(1, round(_SPEED_OVER * fps)), frames - 1)
    last = com[-frames:]
    if np.linalg.norm(last[span:] - last[:-span], axis=-1).max(initial=0) * fps / span > speed:
        return False
    return all(over(com[t, p, :2], points[p, t][bears[p, t], :2]) for t in (-frames, -1) for p in range(2))


def support(
    capsules: CollisionCapsules, corners: np.ndarray, props: Sequence[Prop], *, height: float = BEARS
) -> tuple[np.ndarray, np.ndarray]:
    """Lowest points of a body's pieces, and which of them are on the floor or on furniture.

    Args:
        capsules: The body's capsules.
        corners: Of its foot boxes [m], shape (T, 2, C, 3).
        props: Furniture; a turned box counts by its edges' reach along the axes.
        height: How near counts as on it [m].

    Returns:
        Points [m], shape (T, N, 3), and shape (T, N).
    """
    ends = capsules.ends - np.array([0, 0, 1.0]) * capsules.radius[:, None, None]
    frames = len(ends)
    points = np.concatenate([ends.reshape(frames, -1, 3), corners.reshape(frames, -1, 3)], axis=1)
    bears = points[..., 2] < height
    for prop in props:
        inside = (np.abs(points[..., :2] - prop.position[:2]) < prop.size[:2] / 2 + _EDGE).all(axis=-1)
        over_top = points[..., 2] - prop.position[2] - prop.size[2] / 2
        bears |= inside & (over_top < height) & (over_top > -_SUNK)
    return points, bears


def over(point: np.ndarray, carriers: np.ndarray) -> bool:
    """Return whether a point lies in the hull of others seen from above, to within 2 cm. Shapes (2,) and (N, 2) [m]."""
    if not len(carriers):
        return False
    angle = np.linspace(0, 2 * np.pi, _DIRECTIONS, endpoint=False)
    ways = np.stack([np.cos(angle), np.sin(angle)])
    return bool(((carriers - point) @ ways).max(axis=0).min() >= -_MARGIN)
