"""A clip as two BVH files: SMPL-X names, Y up, the rest pose of the clip's own skeletons."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, quat_to_matrix
from controller_server.clip.skeleton import HEAD, JOINT_NAMES, L_FOOT, N_JOINTS, PARENTS, R_FOOT, Skeleton
from controller_server.core.errors import ClipError

from .bvh_world import UNITS

_Y_UP = np.array([np.sqrt(0.5), -np.sqrt(0.5), 0, 0])
"""Rotation of the Z-up world into the file's: (x, y, z) becomes (x, z, -y)."""
_TIP = 0.02


def bvh_paths(path: Path) -> tuple[Path, Path]:
    """Files of supporter and recipient for a clip called `path`: `out.bvh` makes `out_supporter.bvh` and so on."""
    return path.with_name(f"{path.stem}_supporter.bvh"), path.with_name(f"{path.stem}_recipient.bvh")


def write_bvh_pair(path: str | Path, clip: InteractionClip, *, unit: str = "cm") -> list[Path]:
    """Write both people, so that either both files are whole or none is there.

    Args:
        path: `out.bvh`, of which `out_supporter.bvh` and `out_recipient.bvh` are made.
        clip: What to write. Props, grips, face, betas and gender have no place in a BVH.
        unit: Of offsets and positions, from `UNITS`.

    Returns:
        The two files.

    Raises:
        AssistMimicError: they cannot be written.
    """
    scale = 1 / UNITS[unit]
    return write_pair(Path(path), [bvh_text(motion, clip.fps, scale).encode() for _, motion in clip.people])


def write_pair(path: Path, contents: Sequence[bytes]) -> list[Path]:
    """Write the files of supporter and recipient, so that either both are whole or none is there.

    Raises:
        AssistMimicError: they cannot be written.
    """
    paths = bvh_paths(path)
    parts: list[Path] = []
    done: list[Path] = []
    try:
        try:
            for target, content in zip(paths, contents, strict=True):
                with tempfile.NamedTemporaryFile(
                    dir=target.parent, prefix=f".{target.name}.", suffix=".part", delete=False
                ) as file:
                    parts.append(Path(file.name))
                    file.write(content)
            for part, target in zip(parts, paths, strict=True):
                part.chmod(0o666 & ~_umask())
                os.replace(part, target)
                done.append(target)
        finally:
            for part in parts:
                part.unlink(missing_ok=True)
    except OSError as error:
        for target in done:
            target.unlink(missing_ok=True)
        reason = error.strerror or error
        raise ClipError(f"{path}: cannot be written ({reason}); choose a folder you may write to") from None
    return list(paths)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def bvh_text(motion: SmplxMotion, fps: float, scale: float) -> str:
    """Return one person as a BVH file. `scale`: file units per metre."""
    order: list[int] = []
    lines = ["HIERARCHY", *_hierarchy(motion.skeleton, scale, 0, order), "MOTION"]
    lines += [f"Frames: {motion.n_frames}", f"Frame Time: {1 / fps:.10f}"]
    rotvecs = np.concatenate([motion.root_orient[:, None], motion.pose], axis=1)
    quats = quat_from_rotvec(rotvecs)
    quats[:, 0] = quat_mul(_Y_UP, quats[:, 0])
    angles = zxy_angles(quats[:, order])
    pelvis = (motion.trans + motion.skeleton.rest_joints[0])[:, [0, 2, 1]] * [1, 1, -1] * scale
    values = np.concatenate([pelvis, angles.reshape(motion.n_frames, -1)], axis=1)
    lines += [" ".join(f"{value:.6f}" for value in frame) for frame in values]
    return "\n".join(lines) + "\n"


def _hierarchy(skeleton: Skeleton, scale: float, j: int, order: list[int]) -> Iterator[str]:
    """Lines of one joint and what hangs on it; appends the joints to `order` as they appear."""
    order.append(j)
    depth, k = "", j
    while PARENTS[k] >= 0:
        depth, k = depth + "\t", PARENTS[k]
    offset = skeleton.offsets[j] * scale
    yield f"{depth}{'JOINT' if j else 'ROOT'} {JOINT_NAMES[j]}"
    yield depth + "{"
    yield f"{depth}\tOFFSET {offset[0]:.6f} {offset[1]:.6f} {offset[2]:.6f}"
    position = "" if j else "Xposition Yposition Zposition "
    yield f"{depth}\tCHANNELS {3 if j else 6} {position}Zrotation Xrotation Yrotation"
    children = [child for child in range(N_JOINTS) if PARENTS[child] == j]
    for child in children:
        yield from _hierarchy(skeleton, scale, child, order)
    if not children:
        tip = _tip(skeleton, j) * scale
        yield f"{depth}\tEnd Site"
        yield depth + "\t{"
        yield f"{depth}\t\tOFFSET {tip[0]:.6f} {tip[1]:.6f} {tip[2]:.6f}"
        yield depth + "\t}"
    yield depth + "}"


def _tip(skeleton: Skeleton, j: int) -> np.ndarray:
    """Return where a leaf's bone ends [m]: toes forward, the rest on along the bone before."""
    if j in (L_FOOT, R_FOOT):
        return np.array([0, 0, 0.068 * skeleton.scale])
    length = np.linalg.norm(skeleton.offsets[j])
    if PARENTS[j] == HEAD or length < 1e-4:
        return np.array([0, 0, _TIP])
    return skeleton.offsets[j] / length * _TIP


def zxy_angles(quats: np.ndarray) -> np.ndarray:
    """Angles (z, x, y) with R = Rz Rx Ry, continuous in time. Shape (T, J, 4) to (T, J, 3) [degrees]."""
    m = quat_to_matrix(quats)
    sine = np.clip(m[..., 2, 1], -1, 1)
    x = np.arcsin(sine)
    z, y = np.arctan2(-m[..., 0, 1], m[..., 1, 1]), np.arctan2(-m[..., 2, 0], m[..., 2, 2])
    # With x at a right angle z and y turn about the same axis; give it all to z.
    locked = np.abs(sine) > 1 - 1e-10
    z = np.where(locked, np.arctan2(m[..., 1, 0], m[..., 0, 0]), z)
    y = np.where(locked, 0, y)
    return np.degrees(np.stack([np.unwrap(z, axis=0), x, np.unwrap(y, axis=0)], axis=-1))
