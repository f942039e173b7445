"""What became of a clip, on the rigs it was read from."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from helpers.standing import standing_pair

from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.io.bvh import read_bvh
from controller_server.clip.io.bvh_rig import OwnRigs, write_own_rigs
from controller_server.clip.io.euler import angles_near
from controller_server.clip.io.formats import ReadOptions, read_clip, write_clip
from controller_server.clip.io.write_options import WriteOptions
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, rotvec_from_quat
from controller_server.core.errors import AssistMimicError

MIXAMO = """HIERARCHY
ROOT mixamorig:Hips
{{
\tOFFSET 0.00 100.0 0.00
\tCHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
{spine}{limbs}}}
MOTION
"""


def _joint(name: str, offset: str, inner: str, order: str = "Zrotation Yrotation Xrotation") -> str:
    return f"\tJOINT mixamorig:{name}\n\t{{\n\tOFFSET {offset}\n\tCHANNELS 3 {order}\n{inner}\t}}\n"


def _end(offset: str) -> str:
    return f"\tEnd Site\n\t{{\n\tOFFSET {offset}\n\t}}\n"


def _rig(tmp_path: Path, name: str, x: float, seed: int, frames: int = 6) -> Path:
    """A small Mixamo rig, in cm and with Y up, that stands and waves about; it has a finger and a twist joint."""
    limbs = ""
    for side, s in (("Left", 1), ("Right", -1)):
        foot = _joint(f"{side}Foot", "0 -40 0", _joint(f"{side}ToeBase", "0 -8 12", _end("0 0 6")))
        limbs += _joint(f"{side}UpLeg", f"{9 * s} -5 0", _joint(f"{side}Leg", "0 -42 0", foot))
    arms = ""
    for side, s in (("Left", 1), ("Right", -1)):
        finger = _joint(f"{side}HandIndex1", f"{9 * s} 0 3", _end(f"{4 * s} 0 0"))
        hand = _joint(f"{side}Hand", f"{12 * s} 0 0", finger, "Yrotation Xrotation Zrotation")
        fore = _joint(f"{side}ForeArm", f"{27 * s} 0 0", _joint(f"{side}ForeArmTwist", f"{12 * s} 0 0", hand))
        arms += _joint(f"{side}Shoulder", f"{6 * s} 12 0", _joint(f"{side}Arm", f"{11 * s} 0 0", fore))
    head = _joint("Neck", "0 15 0", _joint("Head", "0 9 2", _end("0 18 0")))
    chest = _joint("Spine2", "0 13 0", head + arms)
    spine = _joint("Spine", "0 10 0", _joint("Spine1", "0 12 0", chest))
    text = MIXAMO.format(spine=spine, limbs=limbs)
    rng = np.random.default_rng(seed)
    n = text.count("CHANNELS 3") * 3
    waves = 12 * rng.standard_normal(n + 3) * np.sin(np.linspace(0, 2, frames))[:, None]
    root = np.tile([x, 100.0, 0], (frames, 1))
    values = np.concatenate([root, waves], axis=1)
    lines = [f"Frames: {frames}", "Frame Time: 0.0333333", *(" ".join(f"{v:.6f}" for v in row) for row in values)]
    path = tmp_path / name
    path.write_text(text + "\n".join(lines) + "\n")
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two people, a metre apart."""
    return [_rig(tmp_path, "helper.bvh", 50, 1), _rig(tmp_path, "helped.bvh", -50, 2)]


def _turned(motion: SmplxMotion, angle: float, shift: np.ndarray) -> SmplxMotion:
    """A person turned about the vertical through the pelvis, and moved."""
    quat = quat_from_rotvec(np.array([0, 0, angle]))
    root = rotvec_from_quat(quat_mul(quat, quat_from_rotvec(motion.root_orient)))
    return replace(motion, root_orient=root, trans=motion.trans + shift)


def test_a_clip_that_was_not_changed_gives_the_files_that_were_read(files: list[Path], tmp_path: Path):
    """Head and numbers, whichever comes first and however the floor was moved."""
    for options in (
        ReadOptions(),
        ReadOptions(swap=True),
        ReadOptions(sides="mirrored", accept=True),
        ReadOptions(frames="1:4"),
    ):
        clip = read_clip(files, options).clip
        written = write_own_rigs(tmp_path / "out.bvh", clip, OwnRigs.read(files, options, clip))
        sources = files[::-1] if options.swap else files
        for source, target in zip(sources, written, strict=True):
            assert target.read_text().split("MOTION")[0] == source.read_text().split("MOTION")[0]
            values = read_bvh(source).values
            values = values[1:5] if options.frames else values
            np.testing.assert_allclose(read_bvh(target).values, values, atol=2e-4)


def test_who_turns_and_walks_does_so_on_the_rig(files: list[Path], tmp_path: Path):
    """Read it again: the same people, turned and moved; fingers and twist joints keep what they do."""
    clip = read_clip(files).clip
    shift = np.array([0.3, -0.2, 0.05])
    moved = replace(clip, supporter=_turned(clip.supporter, 0.7, shift))
    bent = clip.recipient.pose_body.copy()
    bent[:, 3 * 17 : 3 * 17 + 3] += [0, 0.5, 0]  # left elbow
    moved = replace(moved, recipient=replace(clip.recipient, pose_body=bent))
    written = write_own_rigs(tmp_path / "out.bvh", moved, OwnRigs.read(files, ReadOptions(), clip))
    back = read_clip(written, ReadOptions(keep_height=True)).clip
    gap = np.linalg.norm(back.joints[:, :, :22] - moved.joints[:, :, :22], axis=-1)
    assert gap.max() < 0.01
    before, after = (read_bvh(path) for path in (files[1], written[1]))
    column = (
        3
        + 3
        * [
            j for j, joint in enumerate(n for n in before.joints if n.channels) if joint.name.endswith("LeftHandIndex1")
        ][0]
    )
    np.testing.assert_allclose(after.values[:, column : column + 3], before.values[:, column : column + 3], atol=1e-3)


def test_metres_another_rate_and_fewer_frames(files: list[Path], tmp_path: Path):
    """Everything that has a length is scaled; a motion that ends early ends early."""
    clip = read_clip(files).clip
    own = OwnRigs.read(files, ReadOptions(), clip)
    metres = read_bvh(write_own_rigs(tmp_path / "m.bvh", clip, own, unit="m")[0])
    source = read_bvh(files[0])
    np.testing.assert_allclose(metres.rest_positions(), source.rest_positions() / 100, atol=1e-5)
    np.testing.assert_allclose(metres.values[:, :3], source.values[:, :3] / 100, atol=1e-5)
    np.testing.assert_allclose(metres.values[:, 3:], source.values[:, 3:], atol=2e-4)
    double = read_bvh(write_own_rigs(tmp_path / "d.bvh", clip, own, fps=60)[0])
    assert double.fps == 60
    np.testing.assert_allclose(double.values[::2], source.values, atol=2e-4)
    part = read_clip(files, ReadOptions(frames="0:2")).clip
    assert read_bvh(write_own_rigs(tmp_path / "p.bvh", part, own)[0]).n_frames == 3


@pytest.mark.parametrize("axes", [*permutations(range(3)), (1,), (2, 0)])
def test_angles_in_any_order_come_back(axes: tuple[int, ...]):
    """Also those of the other branch, over whole turns, and with the middle one at a right angle."""
    rng = np.random.default_rng(0)
    angles = rng.uniform(-400, 400, (50, len(axes)))
    angles[:2, min(1, len(axes) - 1)] = 90, -90
    quats = np.tile([1.0, 0, 0, 0], (50, 1))
    for column, axis in enumerate(axes):
        quats = quat_mul(quats, quat_from_rotvec(np.radians(angles[:, column])[:, None] * np.eye(3)[axis]))
    np.testing.assert_allclose(angles_near(quats, axes, angles), angles, atol=1e-4)


def test_other_files_have_no_rigs_of_their_own(tmp_path: Path):
    """Say what is needed instead."""
    from controller_server.clip.io.npz import write_npz

    write_npz(tmp_path / "a.npz", standing_pair(2))
    with pytest.raises(AssistMimicError, match="--out-rig input"):
        OwnRigs.read([tmp_path / "a.npz"], ReadOptions(), standing_pair(2))


def test_options_that_cannot_apply_are_refused(tmp_path: Path, standing_clip: InteractionClip):
    """Rigs and units are of BVH alone, and nothing but metres and their like is a unit."""
    wrong = {
        "out.glb": WriteOptions(out_unit="m"),
        "out.npz": WriteOptions(out_rig="input"),
        "out.bvh": WriteOptions(out_unit="parsec"),
    }
    for name, options in wrong.items():
        with pytest.raises(AssistMimicError, match="--out-"):
            write_clip(tmp_path / name, standing_clip, options=options)
    files = write_clip(tmp_path / "out.bvh", standing_clip, options=WriteOptions(out_unit="m"))
    assert abs(read_bvh(files[0]).rest_positions()).max() < 2
