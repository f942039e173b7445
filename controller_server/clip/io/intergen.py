"""Output files of models trained on InterHuman and Inter-X: InterGen, in2IN, InterMask, MixerMDM, TIMotion.

Layouts: InterGen `utils/utils.py` and `utils/preprocess.py`, InterMask `infer.py`, MixerMDM `src/scripts/infer`; see
docs/formats.md. All are bare arrays of 30 fps in metres, one person or two.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from controller_server.clip.fit.joint_order import unlikeness
from controller_server.clip.rotation import quat_from_matrix, quat_mul, rotvec_from_quat
from controller_server.clip.skeleton import JOINT_NAMES, NEUTRAL_REST_JOINTS, PARENTS
from controller_server.core.errors import ClipError

from .joint_arrays import BODY, load_npy
from .peek import Peek
from .sixd import quat_from_sixd
from .tracks import Content, JointTrack, SmplTrack, numbers

_HANDED = (*BODY, *JOINT_NAMES[25:])
_RIGID = (0, 1, 2, 3)  # pelvis, both hips, spine1: they do not move against each other
_NORMALISED = 0.35
_STATISTICS = (("global_mean.npy", "global_std.npy"), ("mean.npy", "std.npy"))


def is_intergen(seen: Peek) -> bool:
    """Return whether a file is a bare array of one of these layouts."""
    shape = seen.shape
    return seen.suffix == ".npy" and not seen.has_objects and _layout(shape) is not None


def _layout(shape: tuple[int, ...]) -> str | None:
    tails = {(262,): "262", (524,): "524", (2, 262): "2x262", (22, 9): "22x9", (492,): "492"}
    tails |= {(672,): "672", (56, 12): "672", (64, 3): "64"}
    return tails.get(shape[1:])


def read_intergen(path: Path) -> Content:
    """Read one person or two. Raises AssistMimicError."""
    array = load_npy(path)
    layout = _layout(array.shape)
    if layout is None:
        raise ClipError(
            f"{path}: shape {array.shape}; known are (T, 262), (T, 524), (T, 2, 262), (T, 22, 9), (T, 492), (T, 672), "
            "(T, 56, 12) and (T, 64, 3)"
        )
    array = numbers(str(path), layout, array, (None, *array.shape[1:]))
    if layout == "672":
        tracks: tuple[JointTrack | SmplTrack, ...] = _inter_x_model(array.reshape(len(array), 56, 12))
        return _content(path, tracks, "InterMask on Inter-X", "y")
    if layout == "64":
        return _content(path, (_opti_track(array),), "Inter-X joints", "y", 120.0)
    if layout == "492":
        return _content(path, (_interhuman(array),), "InterHuman, processed", "z")
    if layout == "22x9":
        quats = with_root(array[..., :3], quat_from_sixd(array[:, 1:, 3:], "interleaved"))
        return _content(path, (JointTrack(array[..., :3], BODY, quats),), "InterMask", "y")
    people = [array] if layout == "262" else list(array.reshape(len(array), 2, 262).swapaxes(0, 1))
    return _content(path, tuple(_model_space(_denormalised(path, p)) for p in people), "InterGen family", "y")


def _content(
    path: Path, tracks: tuple[JointTrack | SmplTrack, ...], source: str, up: str, fps: float = 30.0
) -> Content:
    labels = (path.name,) if len(tracks) == 1 else tuple(f"{path.name} person {k + 1}" for k in range(len(tracks)))
    return Content(tracks, labels, fps, fps_assumed=True, up=up, source=f"{source}: {path.name}")


def _model_space(values: np.ndarray) -> JointTrack:
    """Return a person of InterGen's 262 numbers a frame: positions, displacements, rotations, contacts."""
    positions = values[:, :66].reshape(-1, 22, 3)
    return JointTrack(positions, BODY, with_root(positions, _rotations(values[:, 132:258])))


def _rotations(values: np.ndarray) -> np.ndarray:
    return quat_from_sixd(values.reshape(len(values), -1, 6), "interleaved")


def _interhuman(values: np.ndarray) -> JointTrack:
    """Return a person of InterHuman's 492 numbers a frame: 62 positions and 51 rotations, fingers among them."""
    positions = values[:, :186].reshape(-1, 62, 3)[:, :52]
    return JointTrack(positions, _HANDED, with_root(positions, _rotations(values[:, 186:])))


def _inter_x_model(values: np.ndarray) -> tuple[SmplTrack, ...]:
    """Return both people of Inter-X's models: 55 rotations and a translation each, six numbers of each in turn."""
    tracks = []
    for person in range(2):
        six = values[:, :, 6 * person : 6 * person + 6]
        rotvecs = rotvec_from_quat(quat_from_sixd(six[:, :55], "rows"))
        hands = rotvecs[:, 25:40], rotvecs[:, 40:55]
        tracks.append(SmplTrack(six[:, 55, :3], rotvecs[:, 0], rotvecs[:, 1:22], *hands))
    return tuple(tracks)


def with_root(positions: np.ndarray, local: np.ndarray) -> np.ndarray:
    """Return world rotations of SMPL's joints from their positions and the rotations of all but the root.

    Pelvis, hips and spine1 are rigid in the rest skeleton: the root is the rotation that lays them best on it
    (Kabsch 1976). Everything else follows along the tree.

    Args:
        positions: At least pelvis, hips and spine1, shape (T, J, 3).
        local: Rotations relative to the parent of joints 1 to J-1 (of SMPL-H order), shape (T, J-1, 4).

    Returns:
        Shape (T, J, 4).
    """
    rest = NEUTRAL_REST_JOINTS[list(_RIGID)] - NEUTRAL_REST_JOINTS[0]
    seen = positions[:, list(_RIGID)] - positions[:, :1]
    covariance = np.einsum("jc,tjd->tcd", rest, seen)
    left, _, right = np.linalg.svd(covariance)
    sign = np.sign(np.linalg.det(left @ right))
    fix = np.ones((len(positions), 3))
    fix[:, 2] = sign
    root = np.swapaxes(right, 1, 2) * fix[:, None] @ np.swapaxes(left, 1, 2)
    quats = np.zeros((*positions.shape[:2], 4))
    quats[:, 0] = quat_from_matrix(root)
    names = _HANDED[: positions.shape[1]]
    for k in range(1, positions.shape[1]):
        parent = names.index(JOINT_NAMES[PARENTS[JOINT_NAMES.index(names[k])]])
        quats[:, k] = quat_mul(quats[:, parent], local[:, k - 1])
    return quats


def _denormalised(path: Path, values: np.ndarray) -> np.ndarray:
    """Return the 262 numbers in metres: as they are, or with the model's mean and deviation put back."""
    if unlikeness(BODY, [values[:, :66].reshape(-1, 22, 3)]) < _NORMALISED:
        return values
    for mean_name, std_name in _STATISTICS:
        mean, std = path.with_name(mean_name), path.with_name(std_name)
        if mean.is_file() and std.is_file():
            put_back = values * load_npy(std).reshape(-1)[:262] + load_npy(mean).reshape(-1)[:262]
            if unlikeness(BODY, [put_back[:, :66].reshape(-1, 22, 3)]) < _NORMALISED:
                return put_back
    raise ClipError(
        f"{path}: normalised values, no positions in metres; put the model's global_mean.npy and global_std.npy beside "
        "the file, or save what the tool has after its own denormalisation"
    )


def _opti_track(positions: np.ndarray) -> JointTrack:
    """Return a person of Inter-X's 64 joints, without the ends of feet and head."""
    legs = ("hip", "knee", "ankle", "foot")
    fingers = [f"{finger}{k}" for finger in ("pinky", "ring", "middle", "index", "thumb") for k in (1, 2, 3, 4)]
    arm = ("collar", "shoulder", "elbow", "wrist", *fingers)
    names = ["pelvis", *(f"right_{p}" for p in legs), "", *(f"left_{p}" for p in legs), "", "spine1", "spine3"]
    names += [*(f"right_{p}" for p in arm), *(f"left_{p}" for p in arm), "neck", "head", ""]
    kept = [k for k, name in enumerate(names) if name in JOINT_NAMES]
    return JointTrack(positions[:, kept], tuple(names[k] for k in kept))
