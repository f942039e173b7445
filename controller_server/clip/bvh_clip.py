"""Two BVH files to a clip: by their own rotations when they are SMPL-X skeletons, else through the fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import AssistMimicError
from .bvh import Bvh, read_bvh
from .bvh_world import BvhWorld, find_world, is_upright
from .capture import Capture
from .fit import fit
from .interaction import ROLES, InteractionClip, SmplxMotion
from .joint_names import TIPS, JointMatch, match_joints, read_joint_table
from .rotation import quat_from_matrix, quat_mul, rotvec_from_quat
from .skeleton import JOINT_NAMES, N_BODY_JOINTS, N_JOINTS, NEUTRAL_REST_JOINTS, PARENTS, Skeleton, joint


def read_bvh_pair(
    supporter: str | Path,
    recipient: str | Path,
    *,
    unit: str | None = None,
    up: str | None = None,
    joint_map: str | Path | None = None,
) -> tuple[InteractionClip, list[str]]:
    """Read two people who were captured, or generated, in one world.

    Args:
        supporter: File of the person who helps.
        recipient: File of the person who is helped.
        unit: File unit ("m", "cm", "mm", "inch", "cmu" or metres per unit) instead of judging by leg length.
        up: Up axis ("x", "y", "z") instead of judging by the rest pose.
        joint_map: YAML table of joint names.

    Returns:
        The clip, and what was found out on the way, for people to read.

    Raises:
        AssistMimicError: naming file and, where there is one, line.
    """
    table = read_joint_table(joint_map) if joint_map is not None else None
    files = [read_bvh(path) for path in (supporter, recipient)]
    _check_same_time(files)
    matches = [match_joints(file.names, str(file.path), table) for file in files]
    motions = [file.world_motion() for file in files]
    world = find_world(files, matches, [positions for positions, _ in motions], unit=unit, up=up)
    notes = list(world.notes)
    people: list[SmplxMotion] = []
    for role, file, match, (positions, quats) in zip(ROLES, files, matches, motions, strict=True):
        motion = _exact(file, match, world)
        if motion is not None:
            notes.append(f"{role}: {file.path.name}, an SMPL-X skeleton, taken over as it is")
        else:
            motion, report = fit(_capture(file, match, world, positions, quats))
            notes.append(f"{role}: {file.path.name}, joint names {match.table}, {report}")
        people.append(motion)
    source = f"BVH: {files[0].path.name}, {files[1].path.name}"
    return InteractionClip(files[0].fps, people[0], people[1], source=source), notes


def _check_same_time(files: Sequence[Bvh]) -> None:
    first, second = files
    if abs(first.fps - second.fps) > 1e-3 * first.fps:
        raise AssistMimicError(
            f"{first.path} has {first.fps:g} fps, {second.path} {second.fps:g}; export both at one frame rate"
        )
    frames = [len(file.values) for file in files]
    if frames[0] != frames[1]:
        raise AssistMimicError(
            f"{first.path} has {frames[0]} frames, {second.path} {frames[1]}; cut both to the same range"
        )
    if frames[0] < 2:
        raise AssistMimicError(f"{first.path}: {frames[0]} frame(s); a clip has at least 2")


def _capture(file: Bvh, match: JointMatch, world: BvhWorld, positions: np.ndarray, quats: np.ndarray) -> Capture:
    """A file's joints in SMPL-X terms; with its rest pose where that is a person standing upright."""
    turn = quat_from_matrix(world.matrix)
    rest = file.rest_positions()
    still = None
    if is_upright(rest, match, world.matrix[2]):
        identity = np.zeros((1, len(rest), 4))
        identity[..., 0] = 1
        still = _in_smplx_terms(match, world, turn, rest[None], identity)
    return _in_smplx_terms(match, world, turn, positions, quats, still)


def _in_smplx_terms(
    match: JointMatch,
    world: BvhWorld,
    turn: np.ndarray,
    positions: np.ndarray,
    quats: np.ndarray,
    rest: Capture | None = None,
) -> Capture:
    placed = positions @ world.matrix.T * world.scale
    found = np.full((len(positions), N_JOINTS, 3), np.nan)
    turned = np.full((len(positions), N_JOINTS, 4), np.nan)
    for name, row in match.joints.items():
        found[:, joint(name)] = placed[:, row]
    for name, row in (*match.joints.items(), *match.rotations.items()):
        turned[:, joint(name)] = quat_mul(turn, quats[:, row])
    tips = {name: placed[:, match.tips[name]] for name in TIPS if name in match.tips}
    return Capture(found, turned, tips, rest)


def _exact(file: Bvh, match: JointMatch, world: BvhWorld) -> SmplxMotion | None:
    """The motion of a file whose skeleton is SMPL-X: its names, its tree, its rest pose with y up; else None."""
    if match.table != "smplx" or world.up != "y" or len(match.joints) < N_BODY_JOINTS:
        return None
    rows = [match.joints.get(name) for name in JOINT_NAMES]
    offsets = np.zeros((N_JOINTS, 3))
    for j, row in enumerate(rows):
        if row is None:
            continue
        parent = rows[PARENTS[j]] if PARENTS[j] >= 0 else None
        if j and (parent is None or file.joints[row].parent != parent):
            return None
        offsets[j] = file.joints[row].offset * world.scale if j else 0
    if rows[0] is None or file.joints[rows[0]].parent >= 0 or any(row is None for row in rows[:N_BODY_JOINTS]):
        return None
    if not _looks_neutral(offsets):
        return None
    moved, local = file.local_motion()
    rotvecs = np.zeros((len(local), N_JOINTS, 3))
    for j, row in enumerate(rows):
        if row is None:
            offsets[j] = Skeleton.neutral().offsets[j]
            continue
        if j and np.abs(moved[:, row] - file.joints[row].offset).max() * world.scale > 1e-4:
            return None  # bones that change their length
        quats = quat_mul(quat_from_matrix(world.matrix), local[:, row]) if j == 0 else local[:, row]
        rotvecs[:, j] = rotvec_from_quat(quats)
    rest = np.zeros((N_JOINTS, 3))
    rest[0] = NEUTRAL_REST_JOINTS[0]
    for j in range(1, N_JOINTS):
        rest[j] = rest[PARENTS[j]] + offsets[j]
    frames = len(local)
    return SmplxMotion(
        trans=moved[:, rows[0]] @ world.matrix.T * world.scale - rest[0],
        root_orient=rotvecs[:, 0],
        pose_body=rotvecs[:, 1:N_BODY_JOINTS].reshape(frames, -1),
        left_hand_pose=rotvecs[:, 25:40].reshape(frames, -1),
        right_hand_pose=rotvecs[:, 40:55].reshape(frames, -1),
        jaw=rotvecs[:, 22],
        eyes=rotvecs[:, 23:25].reshape(frames, -1),
        rest_joints=rest,
    )


def _looks_neutral(offsets: np.ndarray) -> bool:
    """Whether limbs point where the neutral rest pose has them, within 30 degrees."""
    limbs = [joint(f"{side}_{p}") for p in ("knee", "ankle", "elbow", "wrist") for side in ("left", "right")]
    neutral = Skeleton.neutral().offsets[limbs]
    norms = np.linalg.norm(offsets[limbs], axis=-1) * np.linalg.norm(neutral, axis=-1)
    return bool(np.all(np.sum(offsets[limbs] * neutral, axis=-1) > np.cos(np.radians(30)) * np.maximum(norms, 1e-9)))
