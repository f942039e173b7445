"""Clips of every kind through the files that are ours, and back."""

from __future__ import annotations

import tempfile
from dataclasses import fields
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from controller_server.clip.interaction import InteractionClip, Prop, SmplxMotion
from controller_server.clip.io.bvh_clip import read_bvh_pair
from controller_server.clip.io.bvh_write import write_bvh_pair
from controller_server.clip.io.npz import clip_sha256, read_npz, write_npz
from controller_server.clip.rotation import quat_from_rotvec
from controller_server.clip.skeleton import Skeleton
from controller_server.service.protocol.payload import clip_from_payload, clip_to_payload


@st.composite
def motions(draw: st.DrawFn, frames: int) -> SmplxMotion:
    """A person of any size in any pose, with or without what is optional."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    bend = draw(st.sampled_from([0.0, 0.3, 1.0]))  # spread of each component [rad]

    def vectors(joints: int) -> np.ndarray:
        return bend * rng.uniform(-1, 1, (frames, 3 * joints))

    optional: dict[str, np.ndarray] = {}
    if draw(st.booleans()):
        optional |= {"left_hand_pose": vectors(15), "right_hand_pose": vectors(15)}
    if draw(st.booleans()):
        optional |= {"jaw": vectors(1), "eyes": vectors(2), "expression": rng.normal(size=(frames, 10))}
    if draw(st.booleans()):
        optional["rest_joints"] = Skeleton.neutral().rest_joints * draw(
            st.floats(0.8, 1.2)
        )  # legs outside 0.5-1.2 m are taken for another unit
    return SmplxMotion(
        trans=rng.uniform([-3, -3, 0], 3, (frames, 3)),
        root_orient=rng.uniform(-1, 1, (frames, 3)) * draw(st.sampled_from([0.1, 1.7])),
        pose_body=vectors(21),
        gender=draw(st.sampled_from(["neutral", "female", "male"])),
        **optional,
    )


@st.composite
def clips(draw: st.DrawFn, rates: tuple[float, float] = (1.0, 240.0)) -> InteractionClip:
    """Two people for some frames, with props and grips or without."""
    frames = draw(st.integers(2, 5))
    size = st.tuples(*[st.floats(0.05, 3.0)] * 3).map(np.array)
    prop = st.builds(
        Prop,
        name=st.text("abcé ", min_size=1, max_size=8).filter(str.strip),
        position=st.tuples(*[st.floats(-5, 5)] * 3).map(np.array),
        size=size,
        quat=st.tuples(*[st.floats(-1, 1)] * 3).map(lambda vector: quat_from_rotvec(np.array(vector))),
    )
    grips = st.floats(0, 1, width=32).map(lambda grip: np.full((frames, 2, 2), grip))
    return InteractionClip(
        fps=draw(st.floats(*rates)),
        supporter=draw(motions(frames)),
        recipient=draw(motions(frames)),
        props=tuple(draw(st.lists(prop, max_size=2, unique_by=lambda prop: prop.name))),
        grips=draw(st.none() | grips),
        source=draw(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)),
    )


def assert_same(one: InteractionClip, other: InteractionClip) -> None:
    """Compare everything a clip holds, bit for bit."""
    for (_, before), (_, after) in zip(one.people, other.people, strict=True):
        for field in fields(before):
            np.testing.assert_array_equal(getattr(before, field.name), getattr(after, field.name), err_msg=field.name)
    assert (one.fps, one.source, [prop.name for prop in one.props]) == (
        other.fps,
        other.source,
        [prop.name for prop in other.props],
    )
    for before, after in zip(one.props, other.props, strict=True):
        for name in ("position", "size", "quat"):
            np.testing.assert_array_equal(getattr(before, name), getattr(after, name), err_msg=name)
    assert (one.grips is None) == (other.grips is None)
    np.testing.assert_array_equal(
        np.zeros(0) if one.grips is None else one.grips, np.zeros(0) if other.grips is None else other.grips
    )


@given(clips())
def test_npz_and_wire(clip: InteractionClip):
    """Give back the same clip, and so the same fingerprint, from a file and from a message."""
    with tempfile.TemporaryDirectory() as folder:
        write_npz(Path(folder) / "clip.npz", clip)
        again = read_npz(Path(folder) / "clip.npz")
    assert_same(clip, again)
    assert clip_sha256(again) == clip_sha256(clip)
    assert_same(clip, clip_from_payload(*clip_to_payload(clip)))


@given(clips(rates=(10.0, 120.0)), st.sampled_from(["cm", "m"]))
@settings(max_examples=8)
def test_bvh(clip: InteractionClip, unit: str):
    """Put every joint where it was within a tenth of a millimetre, of people of any size in any pose."""
    with tempfile.TemporaryDirectory() as folder:
        supporter, recipient = write_bvh_pair(Path(folder) / "clip.bvh", clip, unit=unit)
        again = read_bvh_pair(supporter, recipient).clip
    assert again.n_frames == clip.n_frames
    assert abs(again.fps / clip.fps - 1) < 1e-6
    assert np.abs(again.joints - clip.joints).max() < 1e-4
