"""People in glTF files: every skeleton with a human's joints, its rest pose and its motion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.clip.interaction import MAX_FRAMES
from controller_server.clip.rotation import quat_to_matrix
from controller_server.core.errors import ClipError

from .bvh_clip import read_rigs
from .gltf import BROKEN, Gltf, broken, decomposed, key_rate, local_matrix, read_gltf, sampled
from .peek import Peek
from .read_options import Reading, ReadOptions
from .rig import PosedRig

_FEWEST = 12  # joints of a body
_PATHS = ("translation", "rotation", "scale")


def is_gltf(seen: Peek) -> bool:
    """Return whether a file is glTF."""
    return seen.magic == "glb" or (seen.magic == "json" and seen.suffix == ".gltf")


def read_gltf_pair(files: Sequence[Path], options: ReadOptions) -> Reading:
    """Read two people from one file or one of each. Raises AssistMimicError."""
    rigs: list[PosedRig] = []
    for path in files:
        file = read_gltf(path)
        try:
            found = people_of(file)
        except BROKEN as error:
            raise broken(path, error) from None
        if len(files) == 2 and len(found) > 1:
            raise ClipError(f"{path}: {len(found)} people; name this file alone, or files of one person each")
        rigs += found
    where = ", ".join(map(str, files))
    if len(rigs) != 2:
        told = ", ".join(rig.label for rig in rigs[:6])
        advice = "give the other person's file beside it" if len(rigs) == 1 else "export the two of a clip alone"
        raise ClipError(f"{where}: {len(rigs)} people with a skeleton ({told or 'none'}); a clip has two, {advice}")
    if len(files) == 1 and rigs[0].n_frames != rigs[1].n_frames:
        rigs = [rig.cut(slice(0, min(r.n_frames for r in rigs))) for rig in rigs]
    return read_rigs(rigs, options, "glTF")


def people_of(file: Gltf) -> list[PosedRig]:
    """Return everybody in a file, over the time in which anything is animated."""
    nodes = file.items("nodes")
    parents = np.full(len(nodes), -1)
    for k, node in enumerate(nodes):
        for child in node.get("children", ()):
            parents[child] = k
    order = _order(parents)
    groups = _skeletons(file, parents)
    chosen = [_curves(file, group) for group in groups]
    ends = [float(times[-1]) for curves in chosen for _, times, _, _ in curves.values()]
    starts = [float(times[0]) for curves in chosen for _, times, _, _ in curves.values()]
    if not ends:
        raise ClipError(f"{file.path}: {len(groups)} skeleton(s), but no animation of their joints")
    rate = key_rate(np.concatenate([times for curves in chosen for _, times, _, _ in curves.values()]))
    count = int(round((max(ends) - min(starts)) * rate)) + 1
    if count > MAX_FRAMES:
        raise ClipError(f"{file.path}: {count} frames; at most {MAX_FRAMES}")
    at = min(starts) + np.arange(count) / rate
    return [
        _person(file, group, curves, parents, order, at, rate, alone=len(groups) == 1)
        for group, curves in zip(groups, chosen, strict=True)
    ]


def _order(parents: np.ndarray) -> list[int]:
    """Return node numbers, parents before children. Raises ValueError for a tree that is none."""
    depth = np.zeros(len(parents), int)
    for k in range(len(parents)):
        node, steps = int(parents[k]), 0
        while node >= 0:
            node, steps = int(parents[node]), steps + 1
            if steps > len(parents):
                raise ValueError("nodes that are their own parents")
        depth[k] = steps
    return [int(k) for k in np.argsort(depth, kind="stable")]


def _skeletons(file: Gltf, parents: np.ndarray) -> list[list[int]]:
    """Return the joints of each skeleton: skins that share a topmost joint are one person's."""
    groups: dict[int, set[int]] = {}
    for skin in file.items("skins"):
        joints = [int(k) for k in skin["joints"]]
        known = set(joints)
        top = next(k for k in joints if not _has_ancestor(k, known, parents))
        groups.setdefault(top, set()).update(known)
    return [sorted(group) for group in groups.values() if len(group) >= _FEWEST]


def _has_ancestor(node: int, among: set[int], parents: np.ndarray) -> bool:
    node = int(parents[node])
    while node >= 0 and node not in among:
        node = int(parents[node])
    return node >= 0


_Curve = tuple[Any, np.ndarray, np.ndarray, str]


def _curves(file: Gltf, group: Sequence[int]) -> dict[tuple[int, str], _Curve]:
    """Return the curves of the animation that moves most of a skeleton's joints, by node and path."""
    best: dict[tuple[int, str], _Curve] = {}
    wanted = set(group)
    for animation in file.items("animations"):
        found: dict[tuple[int, str], _Curve] = {}
        for channel in animation["channels"]:
            target = channel["target"]
            if target.get("node") not in wanted or target.get("path") not in _PATHS:
                continue
            sampler = animation["samplers"][channel["sampler"]]
            times, values = file.array(sampler["input"])[:, 0], file.array(sampler["output"])
            kind = sampler.get("interpolation", "LINEAR")
            if len(values) != len(times) * (3 if kind == "CUBICSPLINE" else 1) or np.any(np.diff(times) < 0):
                raise ValueError("an animation whose keys and values do not fit")
            if target["path"] == "rotation":
                values = values[:, [3, 0, 1, 2]]
            found[target["node"], target["path"]] = (animation.get("name", ""), times, values, kind)
        if len(found) > len(best):
            best = found
    return best


def _person(
    file: Gltf,
    group: Sequence[int],
    curves: dict[tuple[int, str], _Curve],
    parents: np.ndarray,
    order: Sequence[int],
    at: np.ndarray,
    rate: float,
    *,
    alone: bool,
) -> PosedRig:
    nodes, world = file.items("nodes"), {}
    above = _ancestors(group, parents)
    for k in order:
        if k not in above:
            continue
        local = [np.broadcast_to(part, (len(at), len(part))) for part in local_matrix(nodes[k])]
        for which, path in enumerate(_PATHS):
            if (k, path) in curves:
                _, times, values, kind = curves[k, path]
                local[which] = sampled(times, values, at, kind, turns=path == "rotation")
        matrix = np.zeros((len(at), 4, 4))
        matrix[:, :3, :3] = quat_to_matrix(local[1]) * local[2][:, None]
        matrix[:, :3, 3], matrix[:, 3, 3] = local[0], 1
        world[k] = matrix if parents[k] < 0 else world[int(parents[k])] @ matrix
    joints = [k for k in order if k in set(group)]
    positions, quats, _ = decomposed(np.stack([world[k] for k in joints], axis=1))
    rest, turns = _rest(file, joints, parents, world)
    rows = {k: row for row, k in enumerate(joints)}
    named = [str(nodes[k].get("name", f"node{k}")) for k in joints]
    top = _name_above(nodes, parents, joints[0])
    return PosedRig(
        file.path,
        file.path.name if alone else f"{file.path.name} {top}",
        tuple(_without_number(name, named) for name in named),
        tuple(rows.get(int(parents[k]), -1) for k in joints),
        rate,
        positions,
        quats,
        rest,
        turns,
    )


def _ancestors(group: Sequence[int], parents: np.ndarray) -> set[int]:
    found = set(group)
    for k in group:
        node = int(parents[k])
        while node >= 0:
            found.add(node)
            node = int(parents[node])
    return found


def _rest(
    file: Gltf, joints: Sequence[int], parents: np.ndarray, world: dict[int, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bind pose, as its inverse matrices have it, under what stands over the skeleton."""
    bind: dict[int, np.ndarray] = {}
    for skin in file.items("skins"):
        if "inverseBindMatrices" in skin and set(skin["joints"]) & set(joints):
            matrices = file.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).swapaxes(1, 2)
            for k, matrix in zip(skin["joints"], matrices, strict=True):
                if abs(np.linalg.det(matrix)) > 1e-12:
                    bind.setdefault(int(k), np.linalg.inv(matrix))
    if not all(k in bind for k in joints):  # no bind pose: the first frame, which may be anything
        positions, quats, _ = decomposed(np.stack([world[k][0] for k in joints]))
        return positions, quats
    over = int(parents[joints[0]])
    above = world[over][0] if over >= 0 else np.eye(4)
    positions, quats, _ = decomposed(above @ np.stack([bind[k] for k in joints]))
    return positions, quats


def _name_above(nodes: Sequence[Any], parents: np.ndarray, joint: int) -> str:
    """Return the name of what stands over a skeleton (its armature), else of its first joint."""
    over = int(parents[joint])
    return str(nodes[over if over >= 0 else joint].get("name", f"node{joint}"))


def _without_number(name: str, names: Sequence[str]) -> str:
    """Return a name without the .001 or _1 that exporters give the second of two equal skeletons."""
    head, dot, tail = name.rpartition(".") if "." in name else name.rpartition("_")
    numbered = sum(other.rpartition(dot)[2] == tail for other in names) if dot else 0
    return head if dot and tail.isdigit() and numbered > 0.8 * len(names) else name
