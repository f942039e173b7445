"""How a clip ends, on people whose speed and support are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.measure_cases import FPS, SKELETON, STANDING_HEIGHT, apart, moved

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip, Prop
from controller_server.clip.skeleton import L_HIP, R_HIP, joint
from controller_server.metrics.verdict import Judge

FRAMES = 15
L_KNEE, R_KNEE = joint("left_knee"), joint("right_knee")


def at_rest(clip: InteractionClip) -> bool:
    """Whether the clip's end is one to stand still in."""
    return Judge(clip, PairBody.from_clip(clip)).at_rest


def gliding(speed: float, until: int = FRAMES) -> InteractionClip:
    """Two people who stand upright and glide along X [m/s], up to some frame."""
    offset = np.zeros((FRAMES, 3))
    offset[:, 0] = speed * np.minimum(np.arange(FRAMES), until) / FPS
    return moved(apart(FRAMES), offset)


@pytest.mark.parametrize(("speed", "until", "rest"), [(0.0, 15, True), (0.1, 15, True), (0.2, 15, False), (1, 8, True)])
def test_speed(speed: float, until: int, rest: bool):
    """Be at rest when nobody was faster than 0.15 m/s in the last 0.2 s, whatever was before."""
    assert at_rest(gliding(speed, until)) is rest


def test_the_noise_of_a_capture_is_no_movement():
    """Be at rest where people shake by 3 mm from frame to frame, 0.18 m/s, and go nowhere."""
    shaking = np.zeros((FRAMES, 3))
    shaking[:, 0] = 0.003 * (-1.0) ** np.arange(FRAMES)
    assert at_rest(moved(apart(FRAMES), shaking))


def test_nobody_rests_in_the_air_or_beside_their_feet():
    """Not be at rest where a person's soles touch nothing, or where the body is leant far beyond them."""
    assert not at_rest(moved(apart(FRAMES), np.array([0, 0, 0.1])))
    clip = apart(FRAMES)
    pose = np.zeros((FRAMES, 21, 3))
    pose[:, [L_HIP - 1, R_HIP - 1], 0] = -1.2  # the trunk stays where it is, and the feet go 0.8 m ahead
    leant = replace(clip.recipient, pose_body=pose.reshape(FRAMES, 63))
    assert not at_rest(moved(replace(clip, recipient=leant), np.array([0, 0, -0.65])))


def test_a_seat_bears():
    """Count somebody who sits on a prop as supported by it, and nobody who hovers over nothing."""
    thigh = float(SKELETON.rest_joints[L_HIP, 1] - SKELETON.rest_joints[L_KNEE, 1])
    pose = np.zeros((FRAMES, 21, 3))
    pose[:, [L_HIP - 1, R_HIP - 1], 0] = -np.pi / 2
    pose[:, [L_KNEE - 1, R_KNEE - 1], 0] = np.pi / 2
    low = moved(apart(FRAMES), np.array([0, 0, -thigh]))
    sitting = low.with_people(lambda motion: replace(motion, pose_body=pose.reshape(FRAMES, 63)))
    top = STANDING_HEIGHT - thigh - 0.15
    bench = Prop("bench", position=np.array([2.0, 0.1, top - 0.1]), size=np.array([6.0, 0.8, 0.2]))
    assert not at_rest(sitting)
    assert at_rest(replace(sitting, props=(bench,)))
