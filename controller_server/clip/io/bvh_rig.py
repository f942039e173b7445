"""A result on the rigs its clip was read from: the BVH files' own joints, names, channels and axes.

Nothing is fitted again. Where the body in the simulated clip is turned against the body that was read, the rig's joint
is turned by the same rotation; where it stands elsewhere, the hips are moved by as much. Joints without a part in the
body (fingers, twist joints, props) keep what they do against their parents. A clip that was not changed gives the very
numbers that were read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from controller_server.clip.fit.joint_names import JointMatch, exchanged, match_joints
from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.resample import sample_cubic, sample_quats
from controller_server.clip.rig_tables import read_joint_table
from controller_server.clip.rotation import quat_conj, quat_from_matrix, quat_mul, quat_rotate
from controller_server.clip.skeleton import JOINT_NAMES, PELVIS
from controller_server.core.errors import ClipError

from .bvh import Bvh, decoded, read_bvh
from .bvh_world import UNITS, BvhWorld, find_world
from .bvh_write import write_pair
from .euler import angles_near
from .peek import peek
from .read_options import FrameRange, ReadOptions
from .rig import helpers

_CODECS = {"Shift-JIS": "cp932", "Latin-1": "latin-1"}
_MIRROR, _MIRROR_QUAT = np.array([-1.0, 1, 1]), np.array([1.0, 1, -1, -1])


@dataclass(frozen=True)
class OwnRigs:
    """The rigs a clip was read from.

    Attributes:
        clip: As it was read.
        rigs: Of supporter and recipient, cut to the clip's frames.
        matches: Which of their joints is which of the body.
        world: How to turn their coordinates into the clip's.
        mirrored: Whether they were read as mirror images.
    """

    clip: InteractionClip
    rigs: tuple[Bvh, Bvh]
    matches: tuple[JointMatch, JointMatch]
    world: BvhWorld
    mirrored: bool = False

    @staticmethod
    def read(files: Sequence[Path], options: ReadOptions, clip: InteractionClip) -> OwnRigs:
        """Read the rigs of a clip again.

        Args:
            files: It was read from.
            options: It was read with.
            clip: What came of that.

        Raises:
            AssistMimicError: the files are no BVH.
        """
        check_own_rigs(files)
        whole = [read_bvh(path) for path in files]
        frames = FrameRange.parse(options.frames).slice([rig.n_frames for rig in whole], [str(path) for path in files])
        rigs = [rig.cut(frames) for rig in whole]
        table = read_joint_table(options.joint_map) if options.joint_map is not None else None
        matches = [match_joints(rig.names, str(rig.path), table, helpers(rig)) for rig in rigs]
        if options.sides == "exchanged":
            matches = [exchanged(match) for match in matches]
        mirrored = options.sides == "mirrored"
        motions = [rig.world_motion()[0] * (_MIRROR if mirrored else 1.0) for rig in rigs]
        world = find_world(rigs, matches, motions, unit=options.bvh_unit, up=options.bvh_up)
        if _exchanged(clip, motions, matches, world):
            rigs, matches = rigs[::-1], matches[::-1]
        return OwnRigs(clip, (rigs[0], rigs[1]), (matches[0], matches[1]), world, mirrored)


def check_own_rigs(files: Sequence[Path]) -> None:
    """Refuse files that are no pair of BVH. Raises AssistMimicError."""
    if len(files) != 2 or any(peek(path).magic != "bvh" for path in files):
        raise ClipError(
            f"{', '.join(map(str, files))}: --out-rig input writes onto the rigs of a pair of BVH files that is read; "
            "leave it out, or give SUPPORTER.bvh RECIPIENT.bvh"
        )


def _exchanged(
    clip: InteractionClip, motions: Sequence[np.ndarray], matches: Sequence[JointMatch], world: BvhWorld
) -> bool:
    """Return whether the second file became the supporter, by where people are."""
    rows = [[match.joints["left_hip"], match.joints["right_hip"]] for match in matches]
    hips = [motion[:, both].mean(axis=1) for motion, both in zip(motions, rows, strict=True)]
    placed = np.stack([place @ world.matrix.T * world.scale for place in hips], axis=1)
    pelvis = clip.joints[:, :, PELVIS]
    straight = np.linalg.norm((placed - pelvis)[..., :2], axis=-1).mean()
    return bool(np.linalg.norm((placed[:, ::-1] - pelvis)[..., :2], axis=-1).mean() < straight)


def write_own_rigs(
    path: Path, clip: InteractionClip, own: OwnRigs, *, fps: float | None = None, unit: str | None = None
) -> list[Path]:
    """Write what became of a clip onto the rigs it was read from, as OUT_supporter.bvh and OUT_recipient.bvh.

    Args:
        path: OUT.bvh.
        clip: What became of it; it may end earlier.
        own: The rigs.
        fps: Frame rate to write at, instead of the clip's.
        unit: Of offsets and positions, from `UNITS`, instead of the files' own.

    Raises:
        AssistMimicError: they cannot be written.
    """
    scale = 1.0 if unit is None else own.world.scale / UNITS[unit]
    texts = []
    for rig, match, (_, before), (_, after) in zip(own.rigs, own.matches, own.clip.people, clip.people, strict=True):
        offsets, quats = moved_rig(rig, match, before, after, own)
        values = rig.values[: clip.n_frames]
        if fps is not None and fps != clip.fps:
            at = np.arange(max(2, int(np.floor(clip.duration * fps + 1e-6)) + 1)) * clip.fps / fps
            offsets, quats, values = sample_cubic(offsets, at), sample_quats(quats, at), values[at.round().astype(int)]
        texts.append(_text(rig, channel_values(rig, offsets, quats, values), fps or clip.fps, scale))
    return write_pair(path, texts)


def moved_rig(
    rig: Bvh, match: JointMatch, before: SmplxMotion, after: SmplxMotion, own: OwnRigs
) -> tuple[np.ndarray, np.ndarray]:
    """Return a rig's local offsets (T, J, 3) [file units] and rotations (T, J, 4) after its body has moved.

    Args:
        rig: As it was read.
        match: Which of its joints is which of the body.
        before: The body as it was read.
        after: What became of it, T frames.
        own: How the file's coordinates were turned.
    """
    frames = after.n_frames
    offsets, local = (values[:frames] for values in rig.local_motion())
    places, world = (values[:frames] for values in rig.world_motion())
    turns = _turns(before, after, own)
    rows = {row: JOINT_NAMES.index(name) for name, row in (*match.rotations.items(), *match.joints.items())}
    hips = match.joints.get("pelvis", match.rotations.get("pelvis", 0))
    rows.setdefault(hips, PELVIS)
    turned, quats = world.copy(), local.copy()
    for j, joint in enumerate(rig.joints):
        above = turned[:, joint.parent] if joint.parent >= 0 else None
        if any(kind == "rotation" for kind, _ in joint.channels):
            turned[:, j] = quat_mul(turns[:, rows[j]], world[:, j]) if j in rows else _under(above, local[:, j])
            quats[:, j] = turned[:, j] if above is None else quat_mul(quat_conj(above), turned[:, j])
        else:
            turned[:, j] = _under(above, local[:, j])
    offsets = offsets.copy()
    goal = _hips_goal(places[:, hips], before, after, turns[:, PELVIS], own)
    _put(rig, hips, goal, offsets, turned)
    return offsets, quats


def _under(above: np.ndarray | None, local: np.ndarray) -> np.ndarray:
    return local if above is None else quat_mul(above, local)


def _turns(before: SmplxMotion, after: SmplxMotion, own: OwnRigs) -> np.ndarray:
    """Return by what each joint of the body was turned, in the file's axes, shape (T, 55, 4)."""
    turns = quat_mul(after.joints[1], quat_conj(before.joints[1][: after.n_frames]))
    matrix = quat_from_matrix(own.world.matrix)
    turns = quat_mul(quat_mul(quat_conj(matrix), turns), matrix)
    return turns * _MIRROR_QUAT if own.mirrored else turns


def _hips_goal(hips: np.ndarray, before: SmplxMotion, after: SmplxMotion, turn: np.ndarray, own: OwnRigs) -> np.ndarray:
    """Return where the rig's hips go [file units], shape (T, 3): with the body's pelvis, which they may lie beside."""
    mirror = _MIRROR if own.mirrored else np.ones(3)
    was, now = (m.joints[0][: after.n_frames, PELVIS] for m in (before, after))
    placed = hips * mirror @ own.world.matrix.T * own.world.scale
    raised = np.median((was - placed)[:, 2])  # reading may have put the floor at 0
    beside = (placed + [0, 0, raised] - was) @ own.world.matrix / own.world.scale * mirror
    shift = (now - was) @ own.world.matrix / own.world.scale * mirror
    return hips + shift + quat_rotate(turn, beside) - beside


def _put(rig: Bvh, hips: int, goal: np.ndarray, offsets: np.ndarray, turned: np.ndarray) -> None:
    """Move the hips to a place by the nearest joint above them, or they themselves, that has positions; in place."""
    chain = [hips]
    while rig.joints[chain[-1]].parent >= 0:
        chain.append(rig.joints[chain[-1]].parent)
    carrier = next((j for j in chain if any(kind == "position" for kind, _ in rig.joints[j].channels)), chain[-1])
    place = np.zeros_like(goal)
    for j in reversed(chain):
        parent = rig.joints[j].parent
        place = place + (offsets[:, j] if parent < 0 else quat_rotate(turned[:, parent], offsets[:, j]))
    above, missing = rig.joints[carrier].parent, goal - place
    offsets[:, carrier] += missing if above < 0 else quat_rotate(quat_conj(turned[:, above]), missing)


def channel_values(rig: Bvh, offsets: np.ndarray, quats: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Return the file's channels for local offsets [file units] and rotations, shape (T, C).

    Args:
        rig: Whose channels.
        offsets: Shape (T, J, 3).
        quats: Shape (T, J, 4).
        near: Channel values that the angles are to be near to [degrees], shape (T, C).
    """
    values, column = near.copy(), 0
    for k, joint in enumerate(rig.joints):
        rotations: list[tuple[int, int]] = []
        for kind, axis in joint.channels:
            if kind == "rotation":
                rotations.append((column, axis))
            else:
                added = joint.offset[axis] if rig.adds_offset(k) else 0.0
                values[:, column] = offsets[:, k, axis] - added
            column += 1
        if rotations:
            columns = [c for c, _ in rotations]
            values[:, columns] = angles_near(quats[:, k], tuple(axis for _, axis in rotations), near[:, columns])
    return values


def _text(rig: Bvh, values: np.ndarray, fps: float, scale: float) -> bytes:
    """Return a file with the head of the one that was read, offsets and positions scaled."""
    text, encoding = decoded(rig.path.read_bytes())
    head = []
    for line in text.splitlines():
        if line.split()[:1] and line.split()[0].upper() == "MOTION":
            break
        head.append(line if scale == 1.0 else _OFFSET.sub(lambda match: _scaled(match, scale), line))
    positions = [kind == "position" for joint in rig.joints for kind, _ in joint.channels]
    values = values * np.where(positions, scale, 1.0)
    lines = [*head, "MOTION", f"Frames: {len(values)}", f"Frame Time: {1 / fps:.10f}"]
    lines += [" ".join(f"{value:.6f}" for value in frame) for frame in values]
    return ("\n".join(lines) + "\n").encode(_CODECS.get(encoding, encoding))


_OFFSET = re.compile(r"(\bOFFSET\s+)(\S+)(\s+)(\S+)(\s+)([^\s}]+)", re.IGNORECASE)


def _scaled(match: re.Match[str], scale: float) -> str:
    words = list(match.groups())
    return "".join(f"{float(word) * scale:.6f}" if k % 2 else word for k, word in enumerate(words))
