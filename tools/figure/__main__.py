"""Make the figure: `python -m tools.figure [OUT.npz] [--detail 1.0] [--faces 14000]`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from controller_server.clip.skeleton import joint
from controller_server.figure.asset import ZONES

from . import parts
from .fields import join
from .mesh import cut_zones, extract, largest, settle, simplified, to_metres
from .skeleton import REST, SOLE
from .weights import heat_weights, strongest

ASSET = Path(__file__).resolve().parents[2] / "controller_server" / "figure" / "figure.npz"


def fields(p: np.ndarray) -> np.ndarray:
    """Return the distance of each zone of the closed skin, shape (N, 7)."""
    q = np.concatenate([np.abs(p[:, :1]), p[:, 1:]], axis=1)
    upper, arm, head = q[:, 1] > -0.55, q[:, 0] > 0.5, q[:, 1] > 0.02
    low = q[:, 1] < -0.2
    out = np.full((len(q), 7), 0.3, np.float32)

    def put(zone: int, where: np.ndarray, form: Callable[[np.ndarray], np.ndarray]) -> None:
        rows = np.flatnonzero(where)
        if len(rows):
            out[rows, zone] = np.minimum(out[rows, zone], form(q[rows]))

    put(0, arm, parts.hand)
    rows = np.flatnonzero(head & (q[:, 0] < 0.15))
    if len(rows):
        r = q[rows]
        skin = parts.face(r)
        out[rows, 0] = np.minimum(out[rows, 0], skin)
        out[rows, 1] = np.minimum(parts.hair(r), parts.brows(r, skin))
        out[rows, 2] = parts.lips(r, skin)
    put(3, upper, parts.shirt)
    put(4, low, parts.trousers)
    put(5, q[:, 1] < -1.1, parts.shoe)
    put(6, q[:, 1] < -1.25, parts.sole)
    return out


def union(p: np.ndarray) -> np.ndarray:
    """Return the distance of the closed skin: zones joined with narrow seams."""
    return join(0.003, *fields(p).T)


def main() -> None:
    """Write the asset and say how large it is."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path, nargs="?", default=ASSET)
    parser.add_argument("--detail", type=float, default=1.0)
    parser.add_argument("--faces", type=int, default=14000)
    args = parser.parse_args()
    points, faces, axes = extract(union, args.detail)
    points, faces = largest(points, faces)
    print(f"marching cubes: {len(points)} points, {len(faces)} faces")
    points, faces = simplified(points, faces, args.faces)
    points = settle(to_metres(points, axes), union)
    points, faces, zones = cut_zones(points, faces, fields)
    joints, weights = strongest(heat_weights(points, faces))
    more, extra, iris = parts.eyes()
    zones = np.concatenate([zones, np.where(iris, ZONES.index("irises"), ZONES.index("whites"))])
    faces = np.concatenate([faces, extra + len(points)])
    points = np.concatenate([points, more])
    head = np.tile([joint("head"), 0, 0, 0], (len(more), 1)).astype(np.uint8)
    joints = np.concatenate([joints, head])
    weights = np.concatenate([weights, np.tile([255, 0, 0, 0], (len(more), 1)).astype(np.uint8)])
    np.savez_compressed(
        args.out,
        points=np.round(points * 20000).astype(np.int16),
        faces=faces.astype(np.uint16),
        zones=zones.astype(np.uint8),
        joints=joints,
        weights=weights,
        rest=REST,
        sole=SOLE,
    )
    print(f"{args.out}: {len(points)} points, {len(faces)} faces, {args.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
