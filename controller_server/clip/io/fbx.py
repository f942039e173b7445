"""People in FBX files, read by ufbx in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from controller_server.clip.rotation import quat_to_matrix
from controller_server.core.errors import ClipError
from controller_server.core.npz_arrays import load_arrays

from .bvh_clip import read_rigs
from .gltf import decomposed
from .peek import Peek
from .read_options import Reading, ReadOptions
from .rig import PosedRig

_FEWEST = 12
_SECONDS = 120
_MOST_BYTES = 512 * 2**20


def is_fbx(seen: Peek) -> bool:
    """Return whether a file is FBX, binary or text."""
    return seen.magic == "fbx"


def read_fbx_pair(files: Sequence[Path], options: ReadOptions) -> Reading:
    """Read two people from one file or one of each. Raises AssistMimicError."""
    rigs = [rig for path in files for rig in people_of(path)]
    where = ", ".join(map(str, files))
    if len(rigs) != 2:
        told = ", ".join(rig.label for rig in rigs[:6])
        advice = "give the other person's file beside it" if len(rigs) == 1 else "export the two of a clip alone"
        raise ClipError(f"{where}: {len(rigs)} people with bones ({told or 'none'}); a clip has two, {advice}")
    return read_rigs(rigs, options, "FBX")


def people_of(path: Path) -> list[PosedRig]:
    """Return everybody in a file: each topmost bone with a body's worth of bones under it."""
    arrays = _read(path)
    names, parents, bones = arrays["names"].tolist(), arrays["parents"].astype(int), arrays["bones"].astype(bool)
    world = _world(arrays["values"], parents, arrays["unscaled"].astype(bool))
    tops = [k for k in np.flatnonzero(bones) if parents[k] < 0 or not bones[parents[k]]]
    groups = []
    for top in tops:
        inside = {int(top)}
        # Parents come before children in ufbx's list.
        for k in range(int(top) + 1, len(names)):
            if bones[k] and int(parents[k]) in inside:
                inside.add(k)
        if len(inside) >= _FEWEST:
            groups.append(sorted(inside))
    takes = int(arrays["takes"])
    remarks = (f"{path.name}: {takes} takes, {arrays['take']!s} was read",) if takes > 1 else ()
    return [
        _person(path, group, names, parents, world, float(arrays["rate"]), remarks, len(groups)) for group in groups
    ]


def _person(
    path: Path,
    group: list[int],
    names: list[str],
    parents: np.ndarray,
    world: np.ndarray,
    rate: float,
    remarks: tuple[str, ...],
    count: int,
) -> PosedRig:
    positions, quats, _ = decomposed(world[:, group])
    rows = {k: row for row, k in enumerate(group)}
    over = int(parents[group[0]])
    label = path.name if count == 1 else f"{path.name} {names[over] if over >= 0 and names[over] else names[group[0]]}"
    return PosedRig(
        path,
        label,
        tuple(names[k] for k in group),
        tuple(rows.get(int(parents[k]), -1) for k in group),
        rate,
        positions[1:],
        quats[1:],
        positions[0],
        quats[0],
        remarks=remarks,
    )


def _world(values: np.ndarray, parents: np.ndarray, unscaled: np.ndarray) -> np.ndarray:
    """Return world matrices of local transforms, shape (T, J, 4, 4); parents come before children.

    Args:
        values: Translation, rotation (w, x, y, z) and scale, shape (T, J, 10).
        parents: Index of each node's parent, -1 for roots, shape (J,).
        unscaled: Nodes that do not take over their parent's own scale, shape (J,).
    """
    scale = values[..., 7:].copy()
    inner = np.flatnonzero(unscaled & (parents >= 0))
    parents_scale = values[:, parents[inner], 7:]
    scale[:, inner] /= np.where(np.abs(parents_scale) < 1e-9, 1.0, parents_scale)
    matrix = np.zeros((*values.shape[:2], 4, 4))
    matrix[..., :3, :3] = quat_to_matrix(values[..., 3:7]) * scale[..., None, :]
    matrix[..., :3, 3], matrix[..., 3, 3] = values[..., :3], 1
    for k, parent in enumerate(parents):
        if parent >= 0:
            matrix[:, k] = matrix[:, parent] @ matrix[:, k]
    return matrix


def _read(path: Path) -> dict[str, np.ndarray]:
    if find_spec("ufbx") is None:
        raise ClipError(f"{path}: FBX files need ufbx: pip install ufbx (or export as .glb or .bvh)")
    if path.stat().st_size > _MOST_BYTES:
        raise ClipError(f"{path}: more than {_MOST_BYTES // 2**20} MB; export without meshes")
    child = Path(__file__).with_name("fbx_child.py")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "scene.npz"
        command = [sys.executable, str(child), str(path.resolve()), str(out)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False, cwd=folder)
        except subprocess.TimeoutExpired:
            raise ClipError(f"{path}: reading takes longer than {_SECONDS} s; export as .glb or .bvh") from None
        if done.returncode != 0 or not out.is_file():
            said = (done.stdout.strip() or done.stderr.strip()).splitlines()
            reason = said[-1][:160] if said else f"its reader ended with {done.returncode}"
            raise ClipError(f"{path}: not a readable FBX file ({reason}); export as .glb or .bvh")
        return load_arrays(out)
