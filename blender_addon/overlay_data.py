# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays for the viewport overlay of a result, frame by frame. No Blender in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

BETWEEN, FLOOR, PROP = (0.0, 0.75, 0.45, 1.0), (0.6, 0.6, 0.65, 1.0), (0.75, 0.65, 0.45, 1.0)
SUPPORTER, RECIPIENT = (0.2, 0.6, 0.95, 1.0), (1.0, 0.6, 0.1, 1.0)
HELP = (1.0, 0.2, 0.9, 1.0)
"""Forces between people, from floor and furniture; the two people; outside help. Told apart without red and green."""
_FLOOR_BODY, _PROP_BODY = -1, -2
_ON_FLOOR = 0.005
_LEAST_FORCE = 5.0


@dataclass(frozen=True)
class Picture:
    """One frame's drawing.

    Attributes:
        points: Places to mark [m], shape (P, 3).
        point_colours: Shape (P, 4).
        lines: Ends of line segments [m], shape (L, 2, 3).
        line_colours: Shape (L, 4).
    """

    points: np.ndarray
    point_colours: np.ndarray
    lines: np.ndarray
    line_colours: np.ndarray


class OverlayData:
    """A result's contacts and balance, ready to be looked up by frame.

    Args:
        arrays: Arrays of a result file (docs/results.md).
        ground: Height of the ground in the scene [m].
        metres: Per unit of the scene.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], ground: float = 0.0, metres: float = 1.0) -> None:
        self._up, self._metres = np.array([0, 0, ground]), metres
        self._frame = np.asarray(arrays["result_contact_frame"])
        self._bodies = np.asarray(arrays["result_contact_bodies"])
        self._positions = np.asarray(arrays["result_contact_positions"], dtype=float)
        self._forces = np.asarray(arrays["result_contact_forces"], dtype=float)
        self._com = np.asarray(arrays["result_com"], dtype=float)
        self._wrench = np.asarray(arrays["result_wrench"], dtype=float)
        self._row_count = np.asarray(arrays["result_forces"]).shape[2]

    @property
    def n_frames(self) -> int:
        """Frames of the clip."""
        return len(self._com)

    def picture(
        self, frame: int, *, contacts: bool = True, balance: bool = True, metres_per_kn: float = 0.5
    ) -> Picture:
        """Return what to draw at a frame of the clip, in units of the scene."""
        points: list[np.ndarray] = []
        lines: list[np.ndarray] = []
        point_colours: list[tuple[float, ...]] = []
        line_colours: list[tuple[float, ...]] = []

        def point(place: np.ndarray, colour: tuple[float, ...]) -> None:
            points.append(place)
            point_colours.append(colour)

        def line(start: np.ndarray, end: np.ndarray, colour: tuple[float, ...]) -> None:
            lines.append(np.stack([start, end]))
            line_colours.append(colour)

        first, last = np.searchsorted(self._frame, [frame, frame + 1])
        here = slice(int(first), int(last))
        scale = metres_per_kn / 1000
        if contacts:
            for bodies, place, force in zip(self._bodies[here], self._positions[here], self._forces[here], strict=True):
                colour = {_FLOOR_BODY: FLOOR, _PROP_BODY: PROP}.get(int(bodies.min()), BETWEEN)
                point(place, colour)
                if np.linalg.norm(force) >= _LEAST_FORCE:
                    for segment in arrow(place, place + scale * force):
                        line(*segment, colour)
            for person in range(2):
                push = self._wrench[frame, person, :3]
                if np.linalg.norm(push) >= _LEAST_FORCE:
                    start = self._com[frame, person]
                    for segment in arrow(start, start + scale * push):
                        line(*segment, HELP)
        if balance:
            for person, colour in enumerate((SUPPORTER, RECIPIENT)):
                com = self._com[frame, person]
                point(com, colour)
                line(com, com * [1, 1, 0], colour)
                polygon = self._support(here, person)
                for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
                    line(start, end, colour)
        return Picture(
            (np.array(points).reshape(-1, 3) + self._up) / self._metres,
            np.array(point_colours).reshape(-1, 4),
            (np.array(lines).reshape(-1, 2, 3) + self._up) / self._metres,
            np.array(line_colours).reshape(-1, 4),
        )

    def _support(self, here: slice, person: int) -> np.ndarray:
        """Corners of the area a person's floor contacts span, a little above the floor [m], shape (K, 3)."""
        bodies = self._bodies[here]
        on_floor = (bodies == _FLOOR_BODY).any(axis=1)
        own = bodies.max(axis=1) // self._row_count == person
        places = self._positions[here][on_floor & own]
        corners = convex_hull(places[:, :2])
        return np.concatenate([corners, np.full((len(corners), 1), _ON_FLOOR)], axis=1)


def arrow(start: np.ndarray, end: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return a line and two barbs."""
    along = end - start
    length = float(np.linalg.norm(along))
    if length < 1e-6:
        return []
    along = along / length
    side = np.cross(along, [0.0, 0, 1] if abs(along[2]) < 0.9 else [1.0, 0, 0])
    side /= np.linalg.norm(side)
    barb = min(0.25 * length, 0.04)
    return [(start, end), (end, end - barb * (along - 0.5 * side)), (end, end - barb * (along + 0.5 * side))]


def convex_hull(points: np.ndarray) -> np.ndarray:
    """Corners of the convex hull of points in a plane, anticlockwise. Shape (N, 2) to (K, 2).

    Andrew's monotone chain ("Another efficient algorithm for convex hulls in two dimensions", 1979).
    """
    ordered = np.unique(points, axis=0)
    if len(ordered) < 3:
        return ordered

    def chain(sequence: np.ndarray) -> list[np.ndarray]:
        hull: list[np.ndarray] = []
        for place in sequence:
            while len(hull) >= 2 and _turn(hull[-2], hull[-1], place) <= 0:
                hull.pop()
            hull.append(place)
        return hull[:-1]

    return np.array([*chain(ordered), *chain(ordered[::-1])])


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))
