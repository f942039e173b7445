"""Skin weights: heat spreading over the skin from the nearest bone (Baran and Popovic 2007)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import splu

from controller_server.clip.skeleton import JOINT_NAMES, PARENTS

from .skeleton import REST, at

_NOT_BONES = ("jaw", "left_eye_smplhf", "right_eye_smplhf")


def bones() -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Return joint, start and end of each bone; a joint may move several."""
    out = []
    for j, name in enumerate(JOINT_NAMES):
        children = [k for k, parent in enumerate(PARENTS) if parent == j and JOINT_NAMES[k] not in _NOT_BONES]
        if name in _NOT_BONES:
            continue
        out += [(j, REST[j], REST[k]) for k in children if name not in ("spine3", "neck")]
        if name == "spine3":
            out.append((j, REST[j], at("neck")))
            out += [(j, at("neck") * [0, 1, 1] + [0, -0.03, 0], at(f"{side}_collar")) for side in ("left", "right")]
        if name == "neck":
            out.append((j, at("neck") + [0, 0.03, 0], at("head")))
        if name == "head":
            out += [
                (j, REST[j] + [0, 0.02, 0], REST[j] + [0, 0.13, 0.0]),
                (j, REST[j] + [0, 0.03, 0], REST[j] + [0, -0.01, 0.07]),
            ]
        if not children and name.endswith("foot"):
            out.append((j, REST[j], REST[j] + [0.015 * np.sign(REST[j][0]), -0.012, 0.07]))
        elif not children and name[-1] == "3":
            out.append((j, REST[j], REST[j] + 0.8 * (REST[j] - REST[PARENTS[j]])))
    return out


def _distance(points: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    along = b - a
    t = np.clip((points - a) @ along / max(along @ along, 1e-12), 0, 1)
    return np.linalg.norm(points - a - t[:, None] * along, axis=1)


def _laplacian(points: np.ndarray, faces: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return the cotangent Laplacian (positive) and each point's share of the area."""
    rows, columns, values = [], [], []
    area = np.zeros(len(points))
    for k in range(3):
        a, b, c = faces[:, k], faces[:, (k + 1) % 3], faces[:, (k + 2) % 3]
        u, v = points[b] - points[a], points[c] - points[a]
        double = np.maximum(np.linalg.norm(np.cross(u, v), axis=1), 1e-12)
        weight = np.clip((u * v).sum(axis=1) / double / 2, 1e-3, 10)
        rows += [b, c]
        columns += [c, b]
        values += [weight, weight]
        np.add.at(area, a, double / 6)
    n = len(points)
    graph = coo_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(n, n)).tocsc()
    return diags(np.asarray(graph.sum(axis=1)).ravel()) - graph, area


def heat_weights(points: np.ndarray, faces: np.ndarray, heat: float = 0.5) -> np.ndarray:
    """Return the weights of the 55 joints at each point, shape (V, 55)."""
    parts = bones()
    distance = np.stack([_distance(points, a, b) for _, a, b in parts], axis=1)
    side = np.array([np.sign(REST[j][0]) if JOINT_NAMES[j].startswith(("left", "right")) else 0 for j, _, _ in parts])
    wrong = (side[None, :] * np.sign(points[:, :1])) < 0
    distance = np.where(wrong & (np.abs(points[:, :1]) > 0.004), distance + 0.05, distance)
    owner = np.array([j for j, _, _ in parts])
    nearest = distance.argmin(axis=1)
    laplacian, area = _laplacian(points, faces)
    strength = heat * area / np.maximum(distance.min(axis=1), 0.004) ** 2
    solve = splu((laplacian + diags(strength)).tocsc()).solve
    source = np.zeros((len(points), len(JOINT_NAMES)))
    source[np.arange(len(points)), owner[nearest]] = strength
    weights = np.clip(solve(source), 0, None)
    weights = _along_the_spine(points, _spread(points, faces, weights * _allowed(points)) * _allowed(points))
    return weights / weights.sum(axis=1, keepdims=True)


def _fade(value: np.ndarray, off: float, on: float) -> np.ndarray:
    t = np.clip((value - off) / (on - off), 0, 1)
    return t * t * (3 - 2 * t)


def _allowed(points: np.ndarray) -> np.ndarray:
    """Return where joints may move the skin, 0 to 1, shape (V, 55): bones near the trunk are not near in the body."""
    x, y = np.abs(points[:, 0]), points[:, 1]
    trunk, arm, hand = _fade(x, 0.21, 0.15), _fade(x, 0.20, 0.27), _fade(x, 0.50, 0.58)
    shares = {
        **dict.fromkeys(("pelvis", "spine1", "spine2", "spine3"), trunk),
        "neck": _fade(y, 0.06, 0.13) * _fade(x, 0.11, 0.05),
        "head": _fade(y, 0.17, 0.25),
        "collar": _fade(x, 0.015, 0.075) * _fade(y, 0.185, 0.145) * _fade(y, -0.03, 0.06),
        "shoulder": _fade(x, 0.08, 0.165) * _fade(y, -0.16, -0.05),
        "elbow": arm,
        "wrist": hand,
        "hip": _fade(y, -0.28, -0.42),
    }
    allowed = np.ones((len(points), len(JOINT_NAMES)))
    for j, name in enumerate(JOINT_NAMES):
        allowed[:, j] = shares.get(name.rpartition("_")[2], hand if name[-1] in "123" and "_" in name else 1.0)
    return allowed


def _along_the_spine(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return weights whose share of pelvis and spine goes over from joint to joint with the height alone."""
    chain = [JOINT_NAMES.index(name) for name in ("pelvis", "spine1", "spine2", "spine3")]
    y = points[:, 1]
    above = [_fade(y, -0.35, -0.18), _fade(y, -0.19, -0.05), _fade(y, -0.10, 0.02)]
    shares = np.stack([1 - above[0], above[0] - above[1], above[1] - above[2], above[2]], axis=1)
    out = weights.copy()
    out[:, chain] = weights[:, chain].sum(axis=1, keepdims=True) * np.maximum(shares, 0)
    return out


def _spread(points: np.ndarray, faces: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return weights smoothed over the skin: widely on the trunk, where bones lie deep, hardly on the hands."""
    x, y = np.abs(points[:, 0]), points[:, 1]
    reach = np.interp(x, [0.0, 0.16, 0.22, 0.60, 0.70], [0.040, 0.036, 0.022, 0.012, 0.002])
    reach = np.where(y < -0.45, np.interp(y, [-1.2, -0.7, -0.55, -0.45], [0.010, 0.018, 0.026, 0.036]), reach)
    reach = np.where(y > 0.12, np.interp(y, [0.12, 0.22], [0.036, 0.016]), reach)
    laplacian, area = _laplacian(points, faces)
    graph = (diags(laplacian.diagonal()) - laplacian).tocoo()
    between = (reach[graph.row] ** 2 + reach[graph.col] ** 2) / 2
    graph = coo_matrix((graph.data * between, (graph.row, graph.col)), shape=graph.shape).tocsc()
    laplacian = diags(np.asarray(graph.sum(axis=1)).ravel()) - graph
    return splu((diags(area) + laplacian).tocsc()).solve(area[:, None] * weights)


def strongest(weights: np.ndarray, count: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Return the strongest joints of each point and their weights in 255ths, which add up to 255, shapes (V, count)."""
    order = np.argsort(-weights, axis=1, kind="stable")
    joints, left_out = order[:, :count], order[:, count : count + 1]
    # Less the strongest that is left out: what is taken over then changes smoothly from point to point.
    chosen = np.take_along_axis(weights, joints, axis=1) - np.take_along_axis(weights, left_out, axis=1)
    exact = 255 * chosen / chosen.sum(axis=1, keepdims=True)
    whole = np.floor(exact).astype(int)
    missing = 255 - whole.sum(axis=1)
    rank = np.argsort(np.argsort(whole - exact, axis=1), axis=1)
    whole += rank < missing[:, None]
    joints = np.where(whole > 0, joints, joints[:, :1])
    return joints.astype(np.uint8), whole.astype(np.uint8)
