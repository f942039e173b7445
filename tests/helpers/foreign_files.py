"""Known motions written in the layouts of other tools, as their own code leaves them on disk."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.rotation import quat_from_matrix, quat_from_rotvec, quat_mul, quat_rotate, rotvec_from_quat
from controller_server.clip.rotation import quat_to_matrix as matrices
from controller_server.clip.skeleton import JOINT_NAMES, NEUTRAL_REST_JOINTS

Y_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # of the Z-up world: (x, y, z) to (x, z, -y)
Z_UP = np.eye(3)
SMPLH_REST_PELVIS = np.array([-0.0018, -0.2233, 0.0282])


def turned(motion: SmplxMotion, axes: np.ndarray, rest: np.ndarray = NEUTRAL_REST_JOINTS[0]) -> tuple[np.ndarray, ...]:
    """Translation and root of a person in a file's axes, for a model with this rest pelvis: (T, 3) each."""
    quat = quat_from_matrix(axes)
    pelvis = quat_rotate(quat, motion.joints[0][:, 0])
    return pelvis - rest, rotvec_from_quat(quat_mul(quat, quat_from_rotvec(motion.root_orient)))


def body(motion: SmplxMotion) -> np.ndarray:
    """Rotation vectors of joints 1-21, shape (T, 21, 3)."""
    return motion.pose_body.reshape(-1, 21, 3)


def hands(motion: SmplxMotion) -> np.ndarray:
    """Rotation vectors of all fingers, left first, shape (T, 30, 3)."""
    return motion.pose[:, 24:54]


def inter_x(motion: SmplxMotion) -> dict[str, np.ndarray]:
    """One person as Inter-X publishes it."""
    trans, root = turned(motion, Y_UP)
    fingers = hands(motion)
    return {
        "root_orient": root.astype(np.float32),
        "pose_body": body(motion).astype(np.float32),
        "pose_lhand": fingers[:, :15].astype(np.float32),
        "pose_rhand": fingers[:, 15:].astype(np.float32),
        "trans": trans.astype(np.float32),
        "betas": np.zeros((1, 10), np.float32),
        "gender": np.array("neutral"),
    }


def amass_smplh(motion: SmplxMotion, fps: float = 60.0) -> dict[str, np.ndarray]:
    """One person as AMASS publishes SMPL-H."""
    trans, root = turned(motion, Z_UP, SMPLH_REST_PELVIS)
    poses = np.concatenate([root[:, None], body(motion), hands(motion)], axis=1).reshape(-1, 156)
    return {
        "poses": poses,
        "trans": trans,
        "betas": np.zeros(16),
        "dmpls": np.zeros((len(trans), 8)),
        "gender": np.array("female"),
        "mocap_framerate": np.array(fps),
    }


def amass_smplx(motion: SmplxMotion, fps: float = 120.0, *, whole: bool = True) -> dict[str, np.ndarray]:
    """One person as AMASS publishes SMPL-X; without the whole pose as Kimodo exports it."""
    trans, root = turned(motion, Z_UP)
    face, fingers = np.zeros((len(trans), 9)), hands(motion).reshape(-1, 90)
    parts = {
        "root_orient": root,
        "pose_body": motion.pose_body,
        "pose_hand": fingers,
        "pose_jaw": face[:, :3],
        "pose_eye": face[:, 3:],
        "trans": trans,
        "betas": np.zeros(16),
        "gender": np.array("neutral"),
        "surface_model_type": np.array("smplx"),
        "mocap_frame_rate": np.array(fps),
    }
    whole_pose = np.concatenate([root, motion.pose_body, face, fingers], axis=1)
    return {**parts, "poses": whole_pose} if whole else parts


def hy_motion(motion: SmplxMotion) -> dict[str, np.ndarray]:
    """One person as HY-Motion exports it."""
    trans, root = turned(motion, Y_UP, SMPLH_REST_PELVIS)
    poses = np.concatenate([root[:, None], body(motion), hands(motion)], axis=1).reshape(-1, 156)
    return {
        "gender": np.array(["neutral"]),
        "Rh": root,
        "trans": trans,
        "poses": poses,
        "betas": np.zeros((1, 16)),
    }


def smpl_bytes(motion: SmplxMotion, fps: float = 30.0) -> bytes:
    """One person as a Meshcapade `.smpl`."""
    trans, root = turned(motion, Y_UP)
    fingers = hands(motion)
    file = io.BytesIO()
    np.savez_compressed(
        file,
        codecVersion=np.int32(2),
        smplVersion=np.int32(2),
        gender=np.int32(1),
        shapeParameters=np.zeros(10, np.float32),
        frameCount=np.int32(len(trans)),
        frameRate=np.float32(fps),
        bodyTranslation=trans.astype(np.float32),
        bodyPose=np.concatenate([root[:, None], body(motion)], axis=1).astype(np.float32),
        leftHandPose=fingers[:, :15].astype(np.float32),
        rightHandPose=fingers[:, 15:].astype(np.float32),
    )
    return file.getvalue()


def mcs_text(people: list[bytes], starts: list[int], frames: int) -> str:
    """A Meshcapade scene of people who come in at some frame."""
    uris = ["data:application/octet-stream;base64," + base64.b64encode(person).decode() for person in people]
    bodies = [{"frame_presence": [start, frames], "bufferView": k} for k, start in enumerate(starts)]
    return json.dumps(
        {
            "asset": {"version": "2.0"},
            "scenes": [{"extensions": {"MC_scene_description": {"num_frames": frames, "smpl_bodies": bodies}}}],
            "buffers": [{"uri": u, "byteLength": len(p)} for u, p in zip(uris, people, strict=True)],
            "bufferViews": [{"buffer": k, "byteLength": len(p)} for k, p in enumerate(people)],
        }
    )


def sixd(quats: np.ndarray, convention: str) -> np.ndarray:
    """Rotations as six numbers, shape (..., 6)."""
    rotation = matrices(quats)
    if convention == "interleaved":
        return rotation[..., :, :2].reshape(*quats.shape[:-1], 6)
    if convention == "rows":
        return rotation[..., :2, :].reshape(*quats.shape[:-1], 6)
    return np.concatenate([rotation[..., :, 0], rotation[..., :, 1]], axis=-1)


def local_sixd(motion: SmplxMotion, joints: slice, convention: str = "interleaved") -> np.ndarray:
    """Rotations relative to the parent of some of the joints 1 to 54, shape (T, J, 6)."""
    return sixd(quat_from_rotvec(motion.pose[:, joints]), convention)


def intergen(motion: SmplxMotion) -> np.ndarray:
    """One person as InterGen's 262 numbers a frame."""
    places = motion.joints[0][:, :22] @ Y_UP.T
    steps = np.diff(places, axis=0, append=places[-1:])
    frames = len(places)
    rotations = local_sixd(motion, slice(0, 21))
    parts = (places.reshape(frames, -1), steps.reshape(frames, -1), rotations.reshape(frames, -1))
    return np.concatenate([*parts, np.zeros((frames, 4))], axis=1).astype(np.float32)


def intermask(motion: SmplxMotion) -> np.ndarray:
    """One person as InterMask's key points, (T, 22, 9)."""
    six = np.concatenate([np.zeros((motion.n_frames, 1, 6)), local_sixd(motion, slice(0, 21))], axis=1)
    return np.concatenate([motion.joints[0][:, :22] @ Y_UP.T, six], axis=-1).astype(np.float32)


def interhuman(motion: SmplxMotion) -> np.ndarray:
    """One person as InterHuman's processed 492 numbers a frame, Z up."""
    frames, joints = motion.n_frames, motion.joints[0]
    places = np.concatenate([joints[:, :22], joints[:, 25:55], np.zeros((frames, 10, 3))], axis=1)
    six = np.concatenate([local_sixd(motion, slice(0, 21)), local_sixd(motion, slice(24, 54))], axis=1)
    return np.concatenate([places.reshape(frames, -1), six.reshape(frames, -1)], axis=1).astype(np.float32)


def inter_x_six(motion: SmplxMotion, convention: str = "rows") -> np.ndarray:
    """One person in the layout of Inter-X's models, (T, 56, 6): 55 rotations, then the translation."""
    trans, root = turned(motion, Y_UP)
    rows = np.concatenate(
        [sixd(quat_from_rotvec(root), convention)[:, None], local_sixd(motion, slice(0, 54), convention)], 1
    )
    last = np.concatenate([trans, np.zeros_like(trans)], axis=1)
    return np.concatenate([rows, last[:, None]], axis=1).astype(np.float32)


def pair_in(folder: Path, clip: InteractionClip, write: object, suffix: str = ".npz") -> list[Path]:
    """One file for each person, P1 the supporter."""
    files = [folder / f"P1{suffix}", folder / f"P2{suffix}"]
    for path, (_, motion) in zip(files, clip.people, strict=True):
        content = write(motion)  # pyright: ignore[reportCallIssue]
        if isinstance(content, dict):
            np.savez(path, **content)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.save(path, content)
    return files


def _optitrack() -> list[int]:
    def limb(side: str, parts: tuple[str, ...]) -> list[int]:
        return [JOINT_NAMES.index(f"{side}_{part}") for part in parts]

    legs, arms = ("hip", "knee", "ankle", "foot"), ("collar", "shoulder", "elbow", "wrist")
    order = [
        0,
        *limb("right", legs),
        -1,
        *limb("left", legs),
        -1,
        JOINT_NAMES.index("spine1"),
        JOINT_NAMES.index("spine3"),
    ]
    for side in ("right", "left"):
        order += limb(side, arms)
        for finger in ("pinky", "ring", "middle", "index", "thumb"):
            order += [*limb(side, (f"{finger}1", f"{finger}2", f"{finger}3")), -1]
    return [*order, JOINT_NAMES.index("neck"), JOINT_NAMES.index("head"), -1]


OPTITRACK = _optitrack()
"""SMPL-X joint of each of Inter-X's 64, -1 for ends."""


def interhuman_raw(clip: InteractionClip, fps: float = 60.0) -> dict[str, object]:
    """Both people of InterHuman's raw clips."""
    people = {}
    for key, (_, motion) in zip(("person1", "person2"), clip.people, strict=True):
        trans, root = turned(motion, Z_UP, SMPLH_REST_PELVIS)
        people[key] = {
            "trans": trans,
            "root_orient": root,
            "pose_body": motion.pose_body,
            "betas": np.zeros(10),
            "gender": "neutral",
        }
    return {**people, "mocap_framerate": fps, "frames": clip.n_frames}


def mdm_joints(motion: SmplxMotion, longer: int = 4) -> np.ndarray:
    """One person as MDM's (1, 22, 3, T), with frames behind the clip's own."""
    joints = (motion.joints[0][:, :22] @ Y_UP.T).transpose(1, 2, 0)[None]
    return np.concatenate([joints, np.zeros((1, 22, 3, longer))], axis=-1).astype(np.float32)


def regennet(clip: InteractionClip) -> dict[str, object]:
    """ReGenNet's results: the supporter acts, the recipient reacts."""
    actor, reactor = (inter_x_six(motion).transpose(1, 2, 0)[None] for _, motion in clip.people)
    return {"cmotion": actor, "output": reactor, "lengths": np.array([clip.n_frames]), "text": ["help"]}


def in_camera(motion: SmplxMotion, camera: tuple[np.ndarray, np.ndarray], rest: np.ndarray) -> tuple[np.ndarray, ...]:
    """Translation and root of a person as a camera sees it, y down and z away; `camera`: its rotation and place."""
    axes, place = camera
    quat = quat_from_matrix(axes)
    pelvis = quat_rotate(quat, motion.joints[0][:, 0] - place)
    return pelvis - rest, rotvec_from_quat(quat_mul(quat, quat_from_rotvec(motion.root_orient)))


def own_world(motion: SmplxMotion, turn: float, shift: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, ...]:
    """Translation and root of a person in a Y-up world of its own, turned about the vertical and moved."""
    around = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    trans, root = turned(motion, around @ Y_UP, rest)
    return trans + shift, root


CAMERA = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), np.array([0.0, -4.0, 1.2])
SMPL_REST_PELVIS = np.array([-0.0022, -0.2408, 0.0286])


def gvhmr(motion: SmplxMotion, turn: float, shift: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """One person as GVHMR writes it, arrays in place of tensors."""
    rest, frames = NEUTRAL_REST_JOINTS[0], motion.n_frames

    def part(trans: np.ndarray, root: np.ndarray) -> dict[str, np.ndarray]:
        betas = np.zeros((frames, 10))
        return {"body_pose": motion.pose_body, "betas": betas, "global_orient": root, "transl": trans}

    return {
        "smpl_params_global": part(*own_world(motion, turn, shift, rest)),
        "smpl_params_incam": part(*in_camera(motion, CAMERA, rest)),
    }


def wham(clip: InteractionClip, frames: list[np.ndarray]) -> dict[int, dict[str, np.ndarray]]:
    """Both people as WHAM writes them, each in a world of its own, in some frames of the video."""
    people = {}
    for key, (_, motion) in enumerate(clip.people):
        rest, seen = SMPL_REST_PELVIS, frames[key]
        pose = np.concatenate([motion.pose_body, np.zeros((motion.n_frames, 6))], axis=1)
        own, own_root = own_world(motion, 0.7 * key, np.array([1.0 * key, 0.3 * key, 2.0 * key]), rest)
        trans, root = in_camera(motion, CAMERA, rest)
        people[key] = {
            "pose": np.concatenate([root, pose], axis=1)[seen],
            "trans": trans[seen],
            "pose_world": np.concatenate([own_root, pose], axis=1)[seen],
            "trans_world": own[seen],
            "betas": np.zeros((len(seen), 10)),
            "frame_ids": seen,
        }
    return people


def prompthmr(clip: InteractionClip, frames: list[np.ndarray]) -> dict[str, object]:
    """Both people as PromptHMR-Vid writes them, in some frames of the video."""
    people = {}
    for key, (_, motion) in enumerate(clip.people):
        trans, root = turned(motion, Y_UP)
        pose = np.concatenate([root, motion.pose_body, np.zeros((motion.n_frames, 99))], axis=1)
        seen = frames[key]
        world = {"pose": pose[seen], "shape": np.zeros((len(seen), 10)), "trans": trans[seen]}
        people[key] = {"frames": seen, "track_id": key, "smplx_world": world}
    return {"camera": {}, "people": people, "camera_world": {}}


def kimodo_smplx(motion: SmplxMotion) -> dict[str, np.ndarray]:
    """One person as Kimodo's SMPL-X model leaves it."""
    quats = quat_mul(quat_from_matrix(Y_UP), motion.joints[1][:, :22])
    return {"posed_joints": motion.joints[0][:, :22] @ Y_UP.T, "global_rot_mats": matrices(quats)}


def shifted_bvh(text: str, shift: tuple[float, float, float]) -> str:
    """A BVH whose root, with positions first, stands elsewhere."""
    head, motion = text.split("Frame Time:")
    rate, *frames = motion.strip().splitlines()
    moved = []
    for line in frames:
        words = line.split()
        words[:3] = [f"{float(word) + by:.4f}" for word, by in zip(words[:3], shift, strict=True)]
        moved.append(" ".join(words))
    return "\n".join([f"{head}Frame Time: {rate}", *moved]) + "\n"


def slahmr(clip: InteractionClip, sign: int) -> dict[str, Any]:
    """Both people as SLAHMR writes them: a camera that looks down a little, the first and last frame not tracked."""
    tilt = np.array([[1, 0, 0], [0, np.cos(0.3), -np.sin(0.3)], [0, np.sin(0.3), np.cos(0.3)]])
    axes, place = tilt @ CAMERA[0], CAMERA[1]
    people = [in_camera(motion, (axes, place), SMPLH_REST_PELVIS) for _, motion in clip.people]
    mask = np.ones((2, clip.n_frames), bool)
    mask[0, 0] = mask[1, 11:] = False
    return {
        "trans": np.stack([trans for trans, _ in people]),
        "root_orient": np.stack([root for _, root in people]),
        "pose_body": np.stack([motion.pose_body for _, motion in clip.people]),
        "betas": np.zeros((2, 16)),
        "floor_plane": sign * 1.2 * (axes @ [0, 0, 1])[None],
        "track_mask": mask,
        "cam_R": np.tile(np.eye(3), (2, clip.n_frames, 1, 1)),
    }


def chi3d(clip: InteractionClip) -> str:
    """Both people as CHI3D's JSON has them."""
    parts = {"transl": [], "global_orient": [], "body_pose": [], "betas": []}
    for _, motion in clip.people:
        trans, root = turned(motion, Y_UP)
        parts["transl"].append(trans.tolist())
        parts["global_orient"].append(matrices(quat_from_rotvec(root))[:, None].tolist())
        parts["body_pose"].append(matrices(quat_from_rotvec(body(motion))).tolist())
        parts["betas"].append(np.zeros((motion.n_frames, 10)).tolist())
    return json.dumps(parts)
