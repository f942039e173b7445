"""Hands that are to hold the partner: where on them each palm belongs, and how far it is from there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.rotation import quat_rotate, quat_rotate_inverse
from controller_server.clip.skeleton import joint
from controller_server.metrics.capsules import point_distance
from controller_server.physics.backend import Backend

SPINE3 = joint("spine3")
_HOLDING = 0.06  # m from its place within which a hand closes: one that holds elsewhere never gets to its place
_APPROACH = 0.4  # s before a hold in which the hand already goes to where the partner really is


@dataclass(frozen=True)
class Grasp:
    """The reference's place of each hand on the partner, K frames.

    Attributes:
        palms: Centre of each palm in its wrist's axes [m], shape (2, 2, 3).
        rows: Row of each wrist, shape (2,).
        weight: How much each hand is to be in its place, 0-1, shape (K, 2, 2): it holds, or will soon.
        body: Row of the partner's body it is on, shape (K, 2, 2).
        spot: Where the palm's centre is in that body's axes [m], shape (K, 2, 2, 3).
        chest: Row of the chest.
        reach: Where it is in the own chest's axes [m], shape (K, 2, 2, 3).
    """

    palms: np.ndarray
    rows: np.ndarray
    weight: np.ndarray
    body: np.ndarray
    spot: np.ndarray
    chest: int
    reach: np.ndarray

    @staticmethod
    def of(pair: PairBody, positions: np.ndarray, quats: np.ndarray, grips: np.ndarray, hz: float) -> Grasp:
        """Of a motion: each hand is on the body of the partner whose surface is nearest to the palm's centre.

        Args:
            pair: Whose bodies.
            positions: Joint positions [m], shape (K, 2, B, 3).
            quats: World rotations, shape (K, 2, B, 4).
            grips: 0-1, shape (K, 2, 2).
            hz: Frames per second.
        """
        rows = np.array(pair.hand_rows)
        wrists = [pair.joints[row] for row in rows]
        palms = np.array(
            [[next(s.position for s in p.shapes if s.is_palm and s.joint == w) for w in wrists] for p in pair.people]
        )
        centres = _palm_centres(palms, rows, positions, quats)
        body = np.zeros(grips.shape, int)
        for person in range(2):
            distance = _to_bodies(pair, 1 - person, positions, quats, centres[:, person])
            body[:, person] = distance.argmin(axis=-1)
        frames, owner = np.arange(len(grips))[:, None, None], np.array([1, 0])[None, :, None]
        at, turned = positions[frames, owner, body], quats[frames, owner, body]
        weight = _led_in(grips, round(_APPROACH * hz))
        spot = quat_rotate_inverse(turned, centres - at)
        chest = pair.joints.index(SPINE3)
        reach = quat_rotate_inverse(quats[:, :, [chest]], centres - positions[:, :, [chest]])
        return Grasp(palms, rows, weight, body, spot, chest, reach)

    def gap(self, backend: Backend, row: int) -> np.ndarray:
        """From each palm to where it belongs on the partner as they are [m, world], shape (N, 2, 2, 3)."""
        return self._spots(backend, row) - self.centres(backend)

    def closed(self, backend: Backend, grips: np.ndarray, row: int) -> np.ndarray:
        """Return the grips of those hands that are where they are to hold, 0 for others, shape (N, 2, 2).

        Args:
            backend: The worlds.
            grips: As meant, 0-1, shape (2, 2).
            row: Row of the frame.
        """
        if not grips.any():
            return np.zeros((backend.n_worlds, 2, 2))
        gap = self.gap(backend, row)
        return np.where(np.einsum("nphi,nphi->nph", gap, gap) < _HOLDING**2, grips, 0.0)

    def missing(self, backend: Backend, row: int) -> np.ndarray:
        """Return the same from where each palm would be if the arms were as in the reference, shape (N, 2, 2, 3)."""
        positions, quats = backend.positions()[:, :, [self.chest]], backend.quats()[:, :, [self.chest]]
        return self._spots(backend, row) - positions - quat_rotate(quats, self.reach[row])

    def _spots(self, backend: Backend, row: int) -> np.ndarray:
        owner = np.array([[1], [0]])
        at, turned = backend.positions()[:, owner, self.body[row]], backend.quats()[:, owner, self.body[row]]
        return at + quat_rotate(turned, self.spot[row])

    def centres(self, backend: Backend) -> np.ndarray:
        """Centre of each palm [m, world], shape (N, 2, 2, 3)."""
        return _palm_centres(self.palms, self.rows, backend.positions(), backend.quats())


def _led_in(grips: np.ndarray, frames: int) -> np.ndarray:
    """Grips that begin earlier, growing from 0 over some frames. Shape (K, 2, 2)."""
    padded = np.concatenate([grips, np.repeat(grips[-1:], frames, axis=0)])
    return np.max([padded[k : k + len(grips)] * (1 - k / (frames + 1)) for k in range(frames + 1)], axis=0)


def _palm_centres(palms: np.ndarray, rows: np.ndarray, positions: np.ndarray, quats: np.ndarray) -> np.ndarray:
    """World position of each palm's centre [m], shape (K, 2, 2, 3)."""
    return positions[:, :, rows] + quat_rotate(quats[:, :, rows], palms)


def _to_bodies(pair: PairBody, person: int, positions: np.ndarray, quats: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Distance of points (K, 2, 3) to the surface of each of a person's bodies [m], shape (K, 2, B); feet are far."""
    distance = np.full((*points.shape[:2], len(pair.joints)), np.inf)
    for shape in pair.people[person].shapes:
        if shape.kind == "box" or shape.joint not in pair.joints:
            continue
        row = pair.joints.index(shape.joint)
        half = shape.size[1] if shape.kind == "capsule" else 0.0
        axis = shape.position + quat_rotate(shape.quat, np.array([[0, 0, -half], [0, 0, half]]))
        ends = positions[:, person, row, None] + quat_rotate(quats[:, person, row, None], axis)
        near = point_distance(points, ends[:, None]) - shape.size[0]
        distance[..., row] = np.minimum(distance[..., row], near)
    return distance
