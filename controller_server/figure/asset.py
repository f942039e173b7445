"""The figure's mesh, weights and colours; `tools/figure` made the file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np

ZONES = ("skin", "hair", "lips", "shirt", "trousers", "shoes", "soles", "whites", "irises")
_UNITS_PER_METRE = 20_000

_SHARED = {"whites": "f3f0ea", "soles": "dcd8cf"}
COLOURS: dict[str, dict[str, str]] = {
    "supporter": _SHARED
    | {"skin": "d9a684", "hair": "3a2a20", "lips": "bf7f6d", "irises": "35271d"}
    | {"shirt": "3f7fbf", "trousers": "38424f", "shoes": "2b2e34"},
    "recipient": _SHARED
    | {"skin": "edc2a0", "hair": "9a938b", "lips": "cf9080", "irises": "3c4a58"}
    | {"shirt": "e2853a", "trousers": "6d6253", "shoes": "4a3a30"},
}
"""sRGB of each zone: the supporter's shirt is blue, the recipient's orange, which the colour-blind tell apart."""


@dataclass(frozen=True)
class Figure:
    """A person at rest on the skeleton it was made for.

    Attributes:
        points: In the model frame (x left, y up, z forward) [m], shape (V, 3).
        faces: Counter-clockwise from outside, shape (F, 3).
        zones: Row of ZONES that each face belongs to, shape (F,).
        joints: SMPL-X joints that move each point, shape (V, 4).
        weights: How much each of them does, shape (V, 4); they add up to 1.
        rest: Rest joints [m], shape (55, 3).
        sole: Height of the sole (model y) [m].
    """

    points: np.ndarray
    faces: np.ndarray
    zones: np.ndarray
    joints: np.ndarray
    weights: np.ndarray
    rest: np.ndarray
    sole: float

    @staticmethod
    @lru_cache(maxsize=1)
    def load() -> Figure:
        """Return the figure that comes along."""
        with (
            resources.files(str(__package__)).joinpath("figure.npz").open("rb") as file,
            np.load(file, allow_pickle=False) as data,
        ):
            return Figure(
                data["points"] / _UNITS_PER_METRE,
                data["faces"].astype(np.int64),
                data["zones"].astype(np.int64),
                data["joints"].astype(np.int64),
                data["weights"] / 255.0,
                data["rest"],
                float(data["sole"]),
            )


def zone_colours(role: str) -> np.ndarray:
    """Return the colours that a role wears, sRGB 0 to 1, one row for each of ZONES."""
    return np.array([[int(COLOURS[role][zone][k : k + 2], 16) / 255 for k in (0, 2, 4)] for zone in ZONES])


def point_normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return the unit normal at each point: the mean of its faces', weighted by area, shape (V, 3)."""
    corners = points[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(normal[:, k], 3), minlength=len(points)) for k in range(3)], axis=1
    )
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
