"""Two people out of what one or two files hold: one frame rate, one range of frames, one Z-up world."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from controller_server.clip.checks.plausibility import Finding, bone_findings, fit_findings
from controller_server.clip.checks.scene import sized_by_floor
from controller_server.clip.fit.capture import Capture
from controller_server.clip.fit.joint_names import JointMatch, exchanged, match_joints
from controller_server.clip.fit.motion import fit
from controller_server.clip.interaction import MAX_FPS, MIN_FPS, ROLES, InteractionClip, SmplxMotion
from controller_server.clip.rig_tables import TIPS, read_joint_table
from controller_server.clip.rotation import quat_from_matrix, quat_mul
from controller_server.clip.skeleton import JOINT_NAMES, N_JOINTS, joint
from controller_server.core.errors import ClipError

from .bvh_world import BvhWorld, check_up, find_unit, leg_length, up_of_motion
from .read_options import FrameRange, Reading, ReadOptions
from .tracks import Content, JointTrack, SmplTrack, Track

_MIRROR_X = np.array([-1.0, 1, 1])
_MIRROR_X_QUAT = np.array([1.0, 1, -1, -1])


def assemble(files: Sequence[Path], contents: Sequence[Content], options: ReadOptions) -> Reading:
    """Put the people of one or two files together.

    Args:
        files: What was read, for messages.
        contents: What is in each.
        options: What the user says about it.

    Raises:
        AssistMimicError: not two people, or they do not fit together.
    """
    where = ", ".join(map(str, files))
    tracks = [track for content in contents for track in content.tracks]
    labels = [label for content in contents for label in content.labels]
    if len(tracks) != 2:
        raise ClipError(_not_two(where, labels))
    rate, notes = _rate(where, contents, options.fps)
    frames = FrameRange.parse(options.frames).slice([track.n_frames for track in tracks], labels)
    tracks = [track.cut(frames) for track in tracks]
    notes += [note for content in contents for note in content.notes]
    smpl = [track for track in tracks if isinstance(track, SmplTrack)]
    if len(smpl) == 2:
        people, said, findings = _parametric(where, contents, smpl, options)
    else:
        people, said, findings = _fitted(where, labels, contents, _only_joints(where, tracks), options)
    source = "; ".join(dict.fromkeys(c.source for c in contents if c.source)) or where
    return Reading(
        InteractionClip(rate, people[0], people[1], source=source),
        (*notes, *said),
        tuple(findings),
        floor_known=all(content.floor_known for content in contents) and all(t.model == "smplx" for t in smpl),
        order=(labels[0], labels[1]),
        ordered=any(content.order for content in contents),
    )


def _not_two(where: str, labels: Sequence[str]) -> str:
    if len(labels) == 1:
        return f"{where}: one person only ({labels[0]}); a clip needs two, give the other person's file beside it"
    if not labels:
        return f"{where}: nobody in it; a clip needs two people"
    return f"{where}: {len(labels)} people ({', '.join(labels[:6])}); a clip has two, keep only these"


def _rate(where: str, contents: Sequence[Content], told: float | None) -> tuple[float, list[str]]:
    rates = [content.fps for content in contents if content.fps is not None]
    if told is None and not rates:
        raise ClipError(f"{where}: no frame rate; add an array 'fps' to the .npz or give it with --fps")
    if told is None and max(rates) - min(rates) > 1e-3 * max(rates):
        raise ClipError(
            f"{where}: {' and '.join(f'{r:g}' for r in rates)} fps; export both at one frame rate, or say it with --fps"
        )
    rate = float(told if told is not None else rates[0])
    if not MIN_FPS <= rate <= MAX_FPS:
        raise ClipError(f"{where}: fps {rate:g} is outside {MIN_FPS:g}-{MAX_FPS:g}; set the true frame rate")
    if told is not None:
        differs = [r for r in rates if abs(r - rate) > 1e-3 * rate]
        known = any(not content.fps_assumed for content in contents if content.fps is not None)
        return rate, [f"frame rate: {rate:g} fps as told, the file says {differs[0]:g}"] if differs and known else []
    assumed = all(content.fps_assumed for content in contents if content.fps is not None)
    return rate, [f"frame rate: {rate:g} fps, usual for this format (--fps says otherwise)"] if assumed else []


def _only_joints(where: str, tracks: Sequence[Track]) -> list[JointTrack]:
    found = [track for track in tracks if isinstance(track, JointTrack)]
    if len(found) != len(tracks):
        raise ClipError(f"{where}: one person as body parameters, the other as positions; export both alike")
    return found


def _parametric(
    where: str, contents: Sequence[Content], tracks: Sequence[SmplTrack], options: ReadOptions
) -> tuple[list[SmplxMotion], list[str], list[Finding]]:
    said = options.bvh_up or next((content.up for content in contents if content.up), None)
    if said is not None:
        axis, reason = check_up(said), "as told" if options.bvh_up else "by the format"
    else:
        axis, reason = _up_of_bodies(where, tracks), "from the motion"
    matrix = BvhWorld(1.0, axis).matrix
    people = [track.to_motion(matrix) for track in tracks]
    notes = [f"up axis: {axis} ({reason})"]
    shaped = [track.betas is not None and bool(np.any(track.betas)) for track in tracks]
    if options.body_model is None and any(shaped):
        notes.append("body shape: betas need the licensed model (--body-model); neutral proportions were taken")
        if all(content.floor_known for content in contents):
            sized = [sized_by_floor(m) if has else (m, 1.0) for m, has in zip(people, shaped, strict=True)]
            people = [motion for motion, _ in sized]
            notes += [
                f"{role}: {size:.0%} of the neutral size, so that the feet reach the floor"
                for role, (_, size) in zip(ROLES, sized, strict=True)
                if abs(size - 1) > 0.005
            ]
    models = sorted({track.model for track in tracks} - {"smplx"})
    if models:
        notes.append(f"body model: {' and '.join(models)} poses on an SMPL-X skeleton; joints may be 1 to 3 cm off")
    for role, track in zip(ROLES, tracks, strict=True):
        if track.left_hand is None:
            notes.append(f"{role}: no hands in the file, flat ones taken")
    return people, notes, []


def _up_of_bodies(where: str, tracks: Sequence[SmplTrack]) -> str:
    """Return the up axis in which the bodies stand."""
    joints = [track.to_motion(np.eye(3)).joints[0] for track in tracks]
    match = JointMatch("smplx", {name: j for j, name in enumerate(JOINT_NAMES)}, {}, {})
    return up_of_motion(where, np.concatenate(joints), match)


def _fitted(
    where: str, labels: Sequence[str], contents: Sequence[Content], tracks: Sequence[JointTrack], options: ReadOptions
) -> tuple[list[SmplxMotion], list[str], list[Finding]]:
    table = read_joint_table(options.joint_map) if options.joint_map is not None else None
    matches = [
        _with_hands(match_joints(t.names, label, table), t.names) for t, label in zip(tracks, labels, strict=True)
    ]
    if options.sides == "exchanged":
        matches = [exchanged(match) for match in matches]
    if options.sides == "mirrored":
        tracks = [_mirrored(track) for track in tracks]
    legs = [leg_length(track.positions, match) for track, match in zip(tracks, matches, strict=True)]
    scale, unit_note = find_unit(labels, legs, options.bvh_unit)
    said = options.bvh_up or next((content.up for content in contents if content.up), None)
    if said is not None:
        axis, reason = check_up(said), "as told"
    else:
        axis, reason = up_of_motion(where, *_trunks_and_feet(tracks, matches)), "from the motion"
    world = BvhWorld(scale, axis)
    notes, people, findings = [unit_note, f"up axis: {axis} ({reason})"], [], []
    for role, label, track, match in zip(ROLES, labels, tracks, matches, strict=True):
        capture = _capture(track, match, world)
        motion, report = fit(capture)
        notes.append(f"{role}: {label}, joint names {match.table}, {report}")
        findings += [*bone_findings(role, capture.positions, capture.measured), *fit_findings(role, report.mean_mm)]
        people.append(motion)
    return people, notes, findings


def _trunks_and_feet(tracks: Sequence[JointTrack], matches: Sequence[JointMatch]) -> tuple[np.ndarray, JointMatch]:
    """Return shoulders and ankles of everybody over time, and where they are in it."""
    names = [f"{side}_{part}" for part in ("shoulder", "ankle") for side in ("left", "right")]
    rows = [[match.joints[name] for name in names] for match in matches]
    everybody = np.concatenate([track.positions[:, row] for track, row in zip(tracks, rows, strict=True)])
    return everybody, JointMatch("", {name: k for k, name in enumerate(names)}, {}, {})


def _mirrored(track: JointTrack) -> JointTrack:
    quats = None if track.quats is None else track.quats * _MIRROR_X_QUAT
    return JointTrack(track.positions * _MIRROR_X, track.names, quats)


def _with_hands(match: JointMatch, names: Sequence[str]) -> JointMatch:
    """Return the match with SMPL's hand joints, which SMPL-X does not have: they tell where the hands point."""
    hands = {tip: names.index(tip) for tip in ("left_hand", "right_hand") if tip in names and tip not in match.tips}
    return JointMatch(match.table, match.joints, match.rotations, {**match.tips, **hands})


def _capture(track: JointTrack, match: JointMatch, world: BvhWorld) -> Capture:
    placed = track.positions @ world.matrix.T * world.scale
    found = np.full((len(placed), N_JOINTS, 3), np.nan)
    turned = None if track.quats is None else np.full((len(placed), N_JOINTS, 4), np.nan)
    for name, row in match.joints.items():
        found[:, joint(name)] = placed[:, row]
        if turned is not None and track.quats is not None:
            turned[:, joint(name)] = quat_mul(quat_from_matrix(world.matrix), track.quats[:, row])
    tips = {name: placed[:, match.tips[name]] for name in TIPS if name in match.tips}
    return Capture(found, turned, tips, exact=turned is not None)
