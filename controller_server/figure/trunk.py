"""The figure's trunk and neck at a person's own proportions, by hips, shoulders and head alone.

Where the joints of the spine lie within the trunk differs from rig to rig; where the flesh is does not.
"""

from __future__ import annotations

import numpy as np

from controller_server.clip.skeleton import HEAD, joint

TRUNK = tuple(joint(name) for name in ("pelvis", "spine1", "spine2", "spine3", "neck"))
COLLARS = {joint(f"{side}_collar"): joint(f"{side}_shoulder") for side in ("left", "right")}
_LEAST, _MOST = 0.6, 1.6
"""How much a part may be longer or wider than it is thick, relative to the figure."""


def fitted_trunk(points: np.ndarray, was: np.ndarray, now: np.ndarray, girth: float) -> np.ndarray:
    """Return where points of the trunk lie on a person.

    Args:
        points: In the figure's rest pose [m], shape (N, 3).
        was: The figure's rest joints [m], shape (55, 3).
        now: The person's rest joints [m], shape (55, 3).
        girth: How thick the person is, relative to the figure.
    """
    low, shoulder, head = (np.array([_middle(rest, part) for rest in (was, now)]) for part in ("hip", "shoulder", None))
    wide = [girth * _width(was, now, part, girth) for part in ("hip", "shoulder")]
    knots = np.array([low[0, 1], shoulder[0, 1], head[0, 1]])
    y = points[:, 1]
    upper = y > knots[1]
    share = np.where(upper, (y - knots[1]) / (knots[2] - knots[1]), (y - knots[0]) / (knots[1] - knots[0]))[:, None]
    start = np.where(upper[:, None, None], shoulder, low)  # points, figure and person, axes
    end = np.where(upper[:, None, None], head, shoulder)
    span = end - start
    axis, placed = start[:, 0] + share * span[:, 0], start[:, 1] + share * span[:, 1]
    across = np.where(upper, wide[1], wide[0] + np.clip(share[:, 0], 0, 1) * (wide[1] - wide[0]))
    off = points - axis
    return placed + np.stack([across * off[:, 0], np.zeros(len(points)), girth * off[:, 2]], axis=1)


def _middle(rest: np.ndarray, part: str | None) -> np.ndarray:
    """Return the place between both hips or shoulders, or the head's."""
    if part is None:
        return rest[HEAD]
    return (rest[joint(f"left_{part}")] + rest[joint(f"right_{part}")]) / 2


def _width(was: np.ndarray, now: np.ndarray, part: str, girth: float) -> float:
    """Return how wide a part is beside how thick it is: half as much as its joints are apart."""
    left, right = joint(f"left_{part}"), joint(f"right_{part}")
    ratio = float((now[left, 0] - now[right, 0]) / (was[left, 0] - was[right, 0])) / girth
    return (1 + min(max(ratio, _LEAST), _MOST)) / 2
