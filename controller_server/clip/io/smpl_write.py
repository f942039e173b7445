"""A clip as SMPL-X parameters of other tools: AMASS and Inter-X `.npz` pairs, Meshcapade's `.smpl` and `.mcs`."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.rotation import (
    quat_from_matrix,
    quat_from_rotvec,
    quat_mul,
    quat_rotate,
    rotvec_from_quat,
)
from controller_server.clip.skeleton import NEUTRAL_REST_JOINTS
from controller_server.core.errors import ClipError
from controller_server.core.whole_file import replace_file

from .bvh_world import BvhWorld
from .npz import save_arrays

_Y_UP = BvhWorld(1.0, "y").matrix.T
_GENDERS = {"neutral": 0, "male": 1, "female": 2}
_BETAS = 16


def amass_arrays(motion: SmplxMotion, fps: float) -> dict[str, np.ndarray]:
    """Return one person as AMASS publishes SMPL-X, with what the Blender add-ons ask for.

    Both spellings of the frame rate, the whole pose and its parts, 16 betas, and expressions; Z up.
    """
    trans, root = _turned(motion, np.eye(3))
    face = np.zeros((motion.n_frames, 9))
    face[:, :3] = 0 if motion.jaw is None else motion.jaw
    face[:, 3:] = 0 if motion.eyes is None else motion.eyes
    hands = np.concatenate([_track(motion.left_hand_pose), _track(motion.right_hand_pose)], axis=1)
    expression = np.zeros((motion.n_frames, 10)) if motion.expression is None else motion.expression
    return {
        "surface_model_type": np.array("smplx"),
        "gender": np.array(motion.gender),
        "mocap_frame_rate": np.array(float(fps)),
        "mocap_framerate": np.array(float(fps)),
        "trans": trans,
        "poses": np.concatenate([root, motion.pose_body, face, hands], axis=1),
        "root_orient": root,
        "pose_body": np.array(motion.pose_body),
        "pose_hand": hands,
        "pose_jaw": face[:, :3],
        "pose_eye": face[:, 3:],
        "betas": _betas(motion),
        "num_betas": np.array(_BETAS),
        "expressions": expression,
    }


def inter_x_arrays(motion: SmplxMotion, fps: float) -> dict[str, np.ndarray]:
    """Return one person as Inter-X publishes it: Y up; the frame rate, which it leaves out, as one array more."""
    trans, root = _turned(motion, _Y_UP)
    return {
        "root_orient": root.astype(np.float32),
        "pose_body": motion.pose_body.reshape(-1, 21, 3).astype(np.float32),
        "pose_lhand": _track(motion.left_hand_pose).reshape(-1, 15, 3).astype(np.float32),
        "pose_rhand": _track(motion.right_hand_pose).reshape(-1, 15, 3).astype(np.float32),
        "trans": trans.astype(np.float32),
        "betas": _betas(motion)[None, :10].astype(np.float32),
        "gender": np.array(motion.gender),
        "inter_x_fps": np.array(float(fps)),
    }


def smpl_bytes(motion: SmplxMotion, fps: float) -> bytes:
    """Return one person as a Meshcapade `.smpl` of codec version 2: Y up, only whole numbers and single floats."""
    trans, root = _turned(motion, _Y_UP)
    body = np.concatenate([root[:, None], motion.pose_body.reshape(-1, 21, 3)], axis=1)
    arrays: dict[str, np.ndarray] = {
        "codecVersion": np.int32(2),
        "smplVersion": np.int32(2),
        "gender": np.int32(_GENDERS[motion.gender]),
        "shapeParameters": _betas(motion)[:10].astype(np.float32),
        "frameCount": np.int32(motion.n_frames),
        "frameRate": np.float32(fps),
        "bodyTranslation": trans.astype(np.float32),
        "bodyPose": body.astype(np.float32),
        "leftHandPose": _track(motion.left_hand_pose).reshape(-1, 15, 3).astype(np.float32),
        "rightHandPose": _track(motion.right_hand_pose).reshape(-1, 15, 3).astype(np.float32),
    }  # pyright: ignore[reportAssignmentType]
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]
    return file.getvalue()


def mcs_text(clip: InteractionClip) -> str:
    """Return both people as a Meshcapade scene."""
    people = [smpl_bytes(motion, clip.fps) for _, motion in clip.people]
    kind = "data:application/octet-stream;base64,"
    bodies = [{"frame_presence": [0, clip.n_frames], "bufferView": k} for k in range(len(people))]
    scene = {"num_frames": clip.n_frames, "smpl_bodies": bodies}
    content: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "AssistMimic"},
        "scene": 0,
        "scenes": [{"nodes": [], "extensions": {"MC_scene_description": scene}}],
        "nodes": [],
        "extensionsUsed": ["MC_scene_description"],
        "buffers": [{"byteLength": len(p), "uri": kind + base64.b64encode(p).decode()} for p in people],
        "bufferViews": [{"buffer": k, "byteOffset": 0, "byteLength": len(p)} for k, p in enumerate(people)],
    }
    return json.dumps(content)


def write_amass(path: Path, clip: InteractionClip) -> list[Path]:
    """Write OUT_supporter.npz and OUT_recipient.npz for OUT.amass.npz. Raises AssistMimicError."""
    files = amass_paths(path)
    for file, (_, motion) in zip(files, clip.people, strict=True):
        save_arrays(file, amass_arrays(motion, clip.fps))
    return files


def amass_paths(path: Path) -> list[Path]:
    """Return the files `write_amass` makes."""
    stem = path.name[: -len(".amass.npz")]
    return [path.with_name(f"{stem}_{role}.npz") for role in ("supporter", "recipient")]


def write_inter_x(path: Path, clip: InteractionClip) -> list[Path]:
    """Write the folder OUT.inter-x with P1.npz, the supporter, and P2.npz. Raises AssistMimicError."""
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise ClipError(f"{path}: cannot be written ({error.strerror or error})") from None
    files = inter_x_paths(path)
    for file, (_, motion) in zip(files, clip.people, strict=True):
        save_arrays(file, inter_x_arrays(motion, clip.fps))
    return files


def inter_x_paths(path: Path) -> list[Path]:
    """Return the files `write_inter_x` makes."""
    return [path / "P1.npz", path / "P2.npz"]


def write_smpl(path: Path, clip: InteractionClip) -> list[Path]:
    """Write OUT_supporter.smpl and OUT_recipient.smpl. Raises AssistMimicError."""
    files = smpl_paths(path)
    for file, (_, motion) in zip(files, clip.people, strict=True):
        _whole(file, smpl_bytes(motion, clip.fps))
    return files


def smpl_paths(path: Path) -> list[Path]:
    """Return the files `write_smpl` makes."""
    return [path.with_name(f"{path.stem}_{role}.smpl") for role in ("supporter", "recipient")]


def write_mcs(path: Path, clip: InteractionClip) -> list[Path]:
    """Write both people in one scene. Raises AssistMimicError."""
    _whole(path, mcs_text(clip).encode())
    return [path]


def _whole(path: Path, content: bytes) -> None:
    try:
        replace_file(path, content)
    except OSError as error:
        raise ClipError(f"{path}: cannot be written ({error.strerror or error})") from None


def _turned(motion: SmplxMotion, axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return translation and root in other axes, for the shape that is written: its rest pelvis does not turn.

    Whoever has own proportions and no betas is written in the neutral shape, pelvis where it was.
    """
    turn = quat_from_matrix(axes)
    rest = motion.skeleton.rest_joints[0] if np.any(motion.betas) else NEUTRAL_REST_JOINTS[0]
    pelvis = motion.trans + motion.skeleton.rest_joints[0]
    root = rotvec_from_quat(quat_mul(turn, quat_from_rotvec(motion.root_orient)))
    return quat_rotate(turn, pelvis) - rest, root


def _betas(motion: SmplxMotion) -> np.ndarray:
    betas = np.zeros(_BETAS)
    betas[: min(_BETAS, len(motion.betas))] = motion.betas[:_BETAS]
    return betas


def _track(values: np.ndarray | None) -> np.ndarray:
    assert values is not None
    return np.array(values)
