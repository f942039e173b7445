"""Two rigs to a clip: by their own rotations when they are SMPL-X skeletons, else through the fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from controller_server.clip.checks.plausibility import Finding, fit_findings
from controller_server.clip.fit.capture import Capture
from controller_server.clip.fit.joint_names import JointMatch, exchanged, match_joints
from controller_server.clip.fit.motion import fit
from controller_server.clip.interaction import MAX_FPS, MIN_FPS, ROLES, InteractionClip, SmplxMotion
from controller_server.clip.rig_tables import TIPS, read_joint_table
from controller_server.clip.rotation import quat_from_matrix, quat_mul, rotvec_from_quat
from controller_server.clip.skeleton import (
    JOINT_NAMES,
    N_BODY_JOINTS,
    N_JOINTS,
    NEUTRAL_REST_JOINTS,
    PARENTS,
    Skeleton,
    joint,
)
from controller_server.core.errors import ClipError

from .bvh import Bvh, read_bvh
from .bvh_tips import believable_tips
from .bvh_world import BvhWorld, find_world, is_even, is_upright
from .read_options import FrameRange, Reading, ReadOptions
from .rig import Rig, helpers


def read_bvh_pair(supporter: str | Path, recipient: str | Path, options: ReadOptions | None = None) -> Reading:
    """Read two people who were captured, or generated, in one world.

    Args:
        supporter: File of the person who helps.
        recipient: File of the person who is helped.
        options: What the files do not say, or say wrongly.

    Raises:
        AssistMimicError: naming file and, where there is one, line.
    """
    files = [read_bvh(path) for path in (supporter, recipient)]
    return read_rigs(files, options or ReadOptions(), "BVH")


def read_rigs(rigs: Sequence[Rig], options: ReadOptions, source: str) -> Reading:
    """Make two people of their rigs.

    Args:
        rigs: Supporter and recipient, of one world.
        options: What the files do not say, or say wrongly.
        source: What the files are.

    Raises:
        AssistMimicError: naming the file.
    """
    table = read_joint_table(options.joint_map) if options.joint_map is not None else None
    rate, notes = _rate(rigs, options.fps)
    frames = FrameRange.parse(options.frames).slice([rig.n_frames for rig in rigs], [_where(rig) for rig in rigs])
    rigs = [rig.cut(frames) for rig in rigs]
    matches = [match_joints(rig.names, _where(rig), table, helpers(rig)) for rig in rigs]
    if options.sides == "exchanged":
        matches = [exchanged(match) for match in matches]
    motions = [_mirrored(*rig.world_motion(), options.sides) for rig in rigs]
    world = find_world(rigs, matches, [positions for positions, _ in motions], unit=options.bvh_unit, up=options.bvh_up)
    notes += world.notes
    people: list[SmplxMotion] = []
    findings: list[Finding] = []
    for role, rig, match, (positions, quats) in zip(ROLES, rigs, matches, motions, strict=True):
        notes += [f"{role}: {text}" for text in rig.remarks]
        motion = _exact(rig, match, world) if isinstance(rig, Bvh) and options.sides == "as-named" else None
        if motion is not None:
            notes.append(f"{role}: {rig.label}, an SMPL-X skeleton, taken over as it is")
        else:
            match, said = believable_tips(rig, match)
            motion, report = fit(_capture(rig, match, world, positions, quats, options.sides))
            notes.append(f"{role}: {rig.label}, joint names {match.table}, {report}")
            notes += [f"{role}: {text}" for text in (*said, *_missing(match))]
            findings += fit_findings(role, report.mean_mm)
        people.append(motion)
    return Reading(
        InteractionClip(
            rate, people[0], people[1], source=f"{source}: {', '.join(dict.fromkeys(r.label for r in rigs))}"
        ),
        tuple(notes),
        tuple(findings),
        floor_known=True,
        order=(rigs[0].label, rigs[1].label),
        ordered=True,
    )


def _where(rig: Rig) -> str:
    return str(rig.path) if rig.label == rig.path.name else rig.label


def _rate(files: Sequence[Rig], told: float | None) -> tuple[float, list[str]]:
    """Return the frame rate of both files, or the user's, and a note where that is another."""
    first, second = files
    if told is not None:
        if not MIN_FPS <= told <= MAX_FPS:
            raise ClipError(f"--fps {told:g} is outside {MIN_FPS:g}-{MAX_FPS:g}; give the true frame rate")
        differs = any(abs(file.fps - told) > 1e-3 * told for file in files)
        rates = " and ".join(dict.fromkeys(f"{file.fps:g}" for file in files))
        return told, [f"frame rate: {told:g} fps as told, the files' Frame Time says {rates}"] if differs else []
    if abs(first.fps - second.fps) > 1e-3 * first.fps:
        raise ClipError(
            f"{_where(first)} has {first.fps:g} fps, {_where(second)} {second.fps:g}; export both at one frame rate, "
            "or say it with --fps"
        )
    return first.fps, []


def _missing(match: JointMatch) -> list[str]:
    """Return a sentence about body joints that the rig does not have."""
    lost = [name for name in JOINT_NAMES[1:N_BODY_JOINTS] if name not in match.joints and name not in match.rotations]
    names = ", ".join(name.replace("_", " ") for name in lost)
    return [f"no {names} among the joints; placed between their neighbours"] if lost else []


def _mirrored(positions: np.ndarray, quats: np.ndarray, sides: str) -> tuple[np.ndarray, np.ndarray]:
    if sides != "mirrored":
        return positions, quats
    return positions * [-1, 1, 1], quats * [1, 1, -1, -1]


def _capture(
    rig: Rig, match: JointMatch, world: BvhWorld, positions: np.ndarray, quats: np.ndarray, sides: str
) -> Capture:
    """Return a rig's joints in SMPL-X terms; with its rest pose where that is a person standing upright."""
    turn = quat_from_matrix(world.matrix)
    rest, turned = _mirrored(rig.rest_positions()[None], rig.rest_quats()[None], sides)
    still = None
    if is_upright(rest[0], match, world.matrix[2]) and is_even(rest[0], match, world.matrix[2]):
        still = _in_smplx_terms(match, world, turn, rest, turned)
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
    """Return the motion of a file whose skeleton is SMPL-X: its names, its tree, its rest pose with y up; else None."""
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
    """Return whether limbs point where the neutral rest pose has them, within 30 degrees."""
    limbs = [joint(f"{side}_{p}") for p in ("knee", "ankle", "elbow", "wrist") for side in ("left", "right")]
    neutral = Skeleton.neutral().offsets[limbs]
    norms = np.linalg.norm(offsets[limbs], axis=-1) * np.linalg.norm(neutral, axis=-1)
    return bool(np.all(np.sum(offsets[limbs] * neutral, axis=-1) > np.cos(np.radians(30)) * np.maximum(norms, 1e-9)))
