"""The people's figures as the report's page wants them: one mesh, fitted to each person, and the colours they wear."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from controller_server.clip.interaction import ROLES, InteractionClip
from controller_server.clip.skeleton import L_WRIST, LEFT_HAND, N_JOINTS, PARENTS, R_WRIST, RIGHT_HAND, Skeleton
from controller_server.figure import ZONES, Figure, dressed, hand_quats
from controller_server.figure.asset import zone_colours

_UNITS_PER_METRE = 10_000


def packed(array: np.ndarray, dtype: str = "<f4") -> dict[str, str]:
    """Return an array as base64 of little-endian numbers with its type ("<f4", "<i2", "<i4"), flattened row by row."""
    return {"type": dtype[1:], "data": base64.b64encode(np.ascontiguousarray(array, dtype=dtype).tobytes()).decode()}


def figure_name(skeleton: Skeleton) -> str:
    """Return the name under which a person's fitted figure is sent once."""
    return f"{zlib.crc32(skeleton.rest_joints.tobytes()):08x}"


def shown_figures(clips: Sequence[InteractionClip], joints: Sequence[int]) -> dict[str, Any]:
    """Return the mesh, the figures of all people in the clips, and how fingers bend.

    Args:
        clips: Those that are shown.
        joints: SMPL-X joints of the bodies whose motion is sent, in their order.
    """
    skeletons = {figure_name(motion.skeleton): motion.skeleton for clip in clips for _, motion in clip.people}
    fitted = {name: dressed(skeleton) for name, skeleton in skeletons.items()}
    return {
        "mesh": _mesh(Figure.load(), joints),
        "figures": {
            name: {
                "points": packed(np.round(person.points * _UNITS_PER_METRE), "<i2"),
                "rest": packed(person.rest),
            }
            for name, person in fitted.items()
        },
        "fingers": [[packed(hand_quats(left, closing)) for closing in (0.0, 1.0)] for left in (True, False)],
    }


def _mesh(figure: Figure, joints: Sequence[int]) -> dict[str, Any]:
    """Return faces and weights; where zones meet, points are sent twice, so that colours do not run."""
    keys = figure.faces * len(ZONES) + figure.zones[:, None]
    both, corners = np.unique(keys, return_inverse=True)
    point, zone = both // len(ZONES), both % len(ZONES)
    strongest = figure.joints[point, 0]
    left = (strongest == L_WRIST) | ((strongest >= LEFT_HAND.start) & (strongest < LEFT_HAND.stop))
    right = (strongest == R_WRIST) | ((strongest >= RIGHT_HAND.start) & (strongest < RIGHT_HAND.stop))
    hand = np.where(zone == ZONES.index("skin"), 1 * left + 2 * right, 0)
    rows = {j: k for k, j in enumerate(joints)}
    return {
        "faces": packed(figure.faces, "<i2"),
        "corners": packed(corners.reshape(-1, 3), "<i2"),
        "point": packed(point, "<i2"),
        "zone": packed(zone, "|u1"),
        "hand": packed(hand, "|u1"),
        "joints": packed(figure.joints, "|u1"),
        "weights": packed(np.round(255 * figure.weights), "|u1"),
        "rows": [rows.get(j, -1) for j in range(N_JOINTS)],
        "parents": list(PARENTS),
        "unitsPerMetre": _UNITS_PER_METRE,
        "colours": {role: np.round(zone_colours(role) ** 2.2, 4).tolist() for role in ROLES},
    }
