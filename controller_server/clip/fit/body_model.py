"""Rest skeletons from the licensed SMPL-X model, where the user has it. It is never required and never shipped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.skeleton import N_JOINTS
from controller_server.core.errors import AssistMimicError, ClipError
from controller_server.core.npz_arrays import UNREADABLE

_SHAPE_SPACE = 300
_SMALL_SHAPE_SPACE = 10


def with_body_model(clip: InteractionClip, folder: str | Path) -> InteractionClip:
    """Return the clip with rest joints of its people's betas and gender, for people who have none of their own.

    Args:
        clip: Any clip.
        folder: Folder with SMPLX_NEUTRAL.npz, SMPLX_FEMALE.npz, SMPLX_MALE.npz, or its parent.

    Raises:
        AssistMimicError: a model file is missing or not what it should be.
    """

    def change(motion: SmplxMotion) -> SmplxMotion:
        if motion.rest_joints is not None:
            return motion
        return replace(motion, rest_joints=rest_joints(folder, motion.betas, motion.gender))

    return clip.with_people(change)


def rest_joints(folder: str | Path, betas: np.ndarray, gender: str = "neutral") -> np.ndarray:
    """Rest joints of a shape [m], shape (55, 3): J_regressor @ (v_template + shapedirs @ betas).

    Formula: Pavlakos et al. 2019, "Expressive body capture", equations 1 to 3; the pose is at rest. Only these three
    arrays of the model file are read, and nothing is ever unpickled.

    Args:
        folder: As in `with_body_model`.
        betas: Shape coefficients, shape (B,).
        gender: "neutral", "female" or "male".

    Raises:
        AssistMimicError: naming the file.
    """
    path = _model_file(Path(folder), gender)
    template, directions, regressor = _read(path)
    # Behind the shape directions the file holds those of the face.
    total = directions.shape[2]
    space = _SHAPE_SPACE if total > _SHAPE_SPACE else _SMALL_SHAPE_SPACE if total == 2 * _SMALL_SHAPE_SPACE else total
    betas = np.trim_zeros(np.asarray(betas, dtype=float), "b")
    if len(betas) > space:
        raise ClipError(f"{path}: has {space} shape directions, the clip has {len(betas)} betas; use the full model")
    # The regressor is linear: applying it to the template and to each direction avoids a mesh per person.
    shaped = np.einsum("jv,vcb->jcb", regressor, directions[:, :, : len(betas)], optimize=True)
    return regressor @ template + shaped @ betas


def _model_file(folder: Path, gender: str) -> Path:
    name = f"SMPLX_{gender.upper()}.npz"
    for place in (folder, folder / "smplx", folder / "models" / "smplx"):
        if (place / name).is_file():
            return place / name
    if not folder.is_dir():
        raise ClipError(f"{folder}: no such folder; it should hold the SMPL-X model files, such as {name}")
    pickled = next(folder.rglob(f"SMPLX_{gender.upper()}.pkl"), None)
    hint = "; the .pkl beside it can run code and is not opened" if pickled else ""
    raise ClipError(f"{folder}: no {name} in it{hint}; download the .npz models from smpl-x.is.tue.mpg.de")


def _read(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    arrays = []
    try:
        with np.load(path, allow_pickle=False) as archive:
            for key in ("v_template", "shapedirs", "J_regressor"):
                if key not in archive.files:
                    raise ClipError(f"{path}: not an SMPL-X model, array {key!r} is missing")
                arrays.append(np.asarray(archive[key], dtype=float))
    except AssistMimicError:
        raise
    except UNREADABLE as error:
        raise ClipError(f"{path}: not a readable SMPL-X model file ({error})") from None
    template, directions, regressor = arrays
    vertices = len(template)
    expected = [(vertices, 3), (vertices, 3, directions.shape[-1]), (N_JOINTS, vertices)]
    for key, array, shape in zip(("v_template", "shapedirs", "J_regressor"), arrays, expected, strict=True):
        if array.shape != shape:
            raise ClipError(f"{path}: {key} has shape {array.shape}, SMPL-X has {shape}")
    return template, directions, regressor
