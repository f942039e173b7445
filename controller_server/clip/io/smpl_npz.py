"""People as SMPL parameters in `.npz`: AMASS (SMPL-H, SMPL-X), Inter-X, Kimodo's and HY-Motion's exports.

Layouts as their writers leave them: Inter-X `preprocess/1_prepare_data.py`, AMASS's own files, Kimodo
`exports/smplx.py`, HY-Motion `pipeline/body_model.py`; see docs/formats.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from controller_server.core.errors import ClipError
from controller_server.core.npz_arrays import load_arrays

from .peek import Peek
from .safe_pickle import load_pickle
from .tracks import Content, Model, SmplTrack, numbers

_RATES = ("mocap_framerate", "mocap_frame_rate", "fps", "frame_rate")
_INTER_X = {
    "root_orient": ("root_orient", "global_orient"),
    "pose_body": ("pose_body", "body_pose"),
    "left_hand": ("pose_lhand", "lhand_pose"),
    "right_hand": ("pose_rhand", "rhand_pose"),
    "trans": ("trans", "transl"),
}


def is_inter_x(seen: Peek) -> bool:
    """Return whether a file is one person of Inter-X, as published or as its fitting tool writes it."""
    return all(any(name in seen.arrays for name in names) for names in _INTER_X.values()) and not _says_rate(seen)


def is_amass(seen: Peek) -> bool:
    """Return whether a file is AMASS's SMPL-H or SMPL-X, with `poses` or with the pose in parts."""
    whole = seen.arrays.get("poses", ())
    parts = {"root_orient", "pose_body"} <= set(seen.arrays)
    return "trans" in seen.arrays and "Rh" not in seen.arrays and (parts or (len(whole) == 2 and whole[1] in _WIDTHS))


def is_hy_motion(seen: Peek) -> bool:
    """Return whether a file is HY-Motion's."""
    return {"Rh", "trans", "poses"} <= set(seen.arrays)


def _says_rate(seen: Peek) -> bool:
    return any(name in seen.arrays for name in _RATES)


def read_inter_x(path: Path) -> Content:
    """Read one person of Inter-X: Y up, 120 fps, hands relative to the flat hand. Raises AssistMimicError."""
    arrays = load_arrays(path)
    found = {key: next(arrays[n] for n in names if n in arrays) for key, names in _INTER_X.items()}
    where, frames = str(path), len(np.atleast_1d(found["trans"]))
    track = SmplTrack(
        trans=numbers(where, "trans", found["trans"], (frames, 3)),
        root_orient=numbers(where, "root_orient", found["root_orient"], (frames, 3)),
        pose_body=joints_of(where, "pose_body", found["pose_body"], 21),
        left_hand=joints_of(where, "pose_lhand", found["left_hand"], 15),
        right_hand=joints_of(where, "pose_rhand", found["right_hand"], 15),
        betas=betas_of(where, arrays),
        gender=gender_of(arrays),
    )
    label, rate = path.name + _who_acts(path), 120.0
    if "inter_x_fps" in arrays:  # as this project writes it
        rate = float(numbers(where, "inter_x_fps", np.atleast_1d(arrays["inter_x_fps"]), (1,))[0])
    return Content(
        (track,), (label,), rate, "inter_x_fps" not in arrays, up="y", floor_known=True, source=f"Inter-X: {path.name}"
    )


def _who_acts(path: Path) -> str:
    """Return " actor" or " reactor" by Inter-X's own annotation, where it lies above the clip's folder."""
    for above in list(path.resolve().parents)[1:4]:
        file = above / "annots" / "interaction_order.pkl"
        if not file.is_file():
            continue
        order = load_pickle(file)
        number = order.get(path.resolve().parent.name) if isinstance(order, Mapping) else None
        if number in (0, 1) and path.stem.upper() in ("P1", "P2"):
            return " actor" if (path.stem.upper() == "P1") == (number == 0) else " reactor"
    return ""


def read_amass(path: Path) -> Content:
    """Read one person of AMASS, or of a tool that writes its layout: Z up, the file's rate. Raises AssistMimicError."""
    arrays = load_arrays(path)
    track = amass_track(str(path), arrays)
    up = str(arrays["up"]) if "up" in arrays else "z"
    rate = next((arrays[name] for name in _RATES if name in arrays), None)
    if rate is None:
        return Content((track,), (path.name,), up=up, floor_known=True, source=f"AMASS: {path.name}")
    if np.asarray(rate).size != 1 or np.asarray(rate).dtype.kind not in "fiu":
        raise ClipError(f"{path}: frame rate must be one number, got {rate!r}")
    fps = float(np.asarray(rate).item())
    return Content((track,), (path.name,), fps=fps, up=up, floor_known=True, source=f"AMASS: {path.name}")


def read_hy_motion(path: Path) -> Content:
    """Read one person of HY-Motion: Y up, 30 fps, SMPL-H poses with the relaxed hand. Raises AssistMimicError."""
    track = amass_track(str(path), load_arrays(path))
    return Content(
        (track,), (path.name,), fps=30.0, fps_assumed=True, up="y", floor_known=True, source=f"HY-Motion: {path.name}"
    )


_WIDTHS: Mapping[int, Model] = {156: "smplh", 165: "smplx", 72: "smpl"}


def amass_track(where: str, arrays: Mapping[str, np.ndarray]) -> SmplTrack:
    """Return one person out of AMASS's arrays, by `poses` or by its parts.

    Raises:
        AssistMimicError: an array is missing or has another shape.
    """
    if "trans" not in arrays:
        raise ClipError(f"{where}: array 'trans' is missing")
    trans = numbers(where, "trans", arrays["trans"], (None, 3))
    betas, gender = betas_of(where, arrays), gender_of(arrays)
    if "poses" in arrays:
        poses = np.asarray(arrays["poses"])
        width = poses.shape[-1] if poses.ndim == 2 else 0
        if width not in _WIDTHS:
            raise ClipError(f"{where}: poses must have 156 (SMPL-H) or 165 (SMPL-X) columns, got {poses.shape}")
        values = numbers(where, "poses", poses, (len(trans), width)).reshape(len(trans), -1, 3)
        return smpl_track(trans, values, _WIDTHS[width], betas, gender)
    root = numbers(where, "root_orient", arrays["root_orient"], (len(trans), 3))
    body = joints_of(where, "pose_body", arrays["pose_body"], 21)
    hands = None
    if "pose_hand" in arrays:
        hands = joints_of(where, "pose_hand", arrays["pose_hand"], 30)
        hands = hands if np.any(hands) else None
    kind = str(arrays.get("surface_model_type", "smplx")).lower().replace("+", "h")
    model: Model = "smplh" if "smplh" in kind else "smplx"
    left, right = (None, None) if hands is None else (hands[:, :15], hands[:, 15:])
    return SmplTrack(trans, root, body, left, right, betas, gender, model)


def smpl_track(trans: np.ndarray, poses: np.ndarray, model: Model, betas: np.ndarray | None, gender: str) -> SmplTrack:
    """Return one person out of a whole pose.

    Args:
        trans: Shape (T, 3) [m].
        poses: Rotation vectors of all joints of the model, shape (T, J, 3): 24 of SMPL, 52 of SMPL-H, 55 of SMPL-X.
        model: Which.
        betas: Shape.
        gender: "neutral", "female" or "male".
    """
    start = {"smpl": None, "smplh": 22, "smplx": 25}[model]
    left = None if start is None else poses[:, start : start + 15]
    right = None if start is None else poses[:, start + 15 : start + 30]
    if left is not None and right is not None and not (np.any(left) or np.any(right)):
        left = right = None  # nobody holds all fingers perfectly flat: the file has no hands
    return SmplTrack(trans, poses[:, 0], poses[:, 1:22], left, right, betas, gender, model)


def joints_of(where: str, name: str, array: np.ndarray, count: int) -> np.ndarray:
    """Return rotation vectors as (T, count, 3), from that or from (T, 3 count). Raises AssistMimicError."""
    array = np.asarray(array)
    if array.ndim == 2 and array.shape[1] == 3 * count:
        array = array.reshape(len(array), count, 3)
    return numbers(where, name, array, (None, count, 3))


def betas_of(where: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Return the shape coefficients, the mean where a file has some for each frame. Raises AssistMimicError."""
    if "betas" not in arrays:
        return None
    betas = np.asarray(arrays["betas"])
    if betas.dtype.kind not in "fiu" or betas.ndim not in (1, 2) or betas.size == 0:
        raise ClipError(f"{where}: betas must be numbers of shape (B,) or (T, B), got {betas.shape}")
    betas = betas.astype(float)
    return betas if betas.ndim == 1 else betas.mean(axis=0)


def gender_of(arrays: Mapping[str, np.ndarray]) -> str:
    """Return the gender, "neutral" for anything that is none of the three model names."""
    value = np.asarray(arrays.get("gender", "neutral"))
    text = value.reshape(-1)[0] if value.size else "neutral"
    text = text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)
    text = text.lower().removeprefix("b'").rstrip("'")
    return text if text in ("female", "male") else "neutral"
