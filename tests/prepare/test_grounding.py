"""Grounding: people come down to what bears them over time, whoever is carried stays up."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.prepare_clips import floating, raised, seated_clip, standing_clip, walking_clip

from controller_server.body.shape import body_shapes
from controller_server.clip.interaction import Prop
from controller_server.prepare.grounding import float_over_time, ground
from controller_server.prepare.poses import PairPoses
from controller_server.prepare.support import clearance


@pytest.mark.parametrize("clip", [standing_clip(), walking_clip(), seated_clip()], ids=["stand", "walk", "sit"])
def test_what_stands_stays(clip):
    """Move nobody by more than 2 mm who is on the floor already, swinging feet or not."""
    assert np.abs(ground(clip).joints - clip.joints).max() < 0.002


def test_float_is_found():
    """Find a float of 5 cm that rises and falls while people walk."""
    clip = walking_clip()
    dirty = floating(clip, 0.05)
    poses = PairPoses.of(dirty)
    true = poses.roots[:, 0, 2] - PairPoses.of(clip).roots[:, 0, 2]
    assert float_over_time(poses, 0, body_shapes(dirty.supporter.skeleton), ()) == pytest.approx(true, abs=0.01)


def test_seat_is_floor_too():
    """Bring somebody who hovers over a seat down to it, feet dangling."""
    clip = seated_clip()
    seat = clip.props[0]
    high = replace(clip, props=(replace(seat, size=seat.size + np.array([0, 0, 0.6]), position=seat.position + 0.0),))
    high = raised(high, 1, 0.3 + 0.04)
    shapes = body_shapes(high.recipient.skeleton)
    gap = clearance(PairPoses.of(high), 1, shapes, high.props).gap
    assert gap == pytest.approx(0.04, abs=0.005)
    assert clearance(PairPoses.of(ground(high)), 1, shapes, high.props).gap == pytest.approx(0, abs=0.003)


@pytest.mark.parametrize("height", [0.25, 0.4, -0.3])
def test_scene_comes_down_as_a_whole(height):
    """Bring a whole scene to its floor, furniture with it."""
    clip = seated_clip()
    seat = clip.props[0]
    off = raised(raised(clip, 0, height), 1, height)
    off = replace(off, props=(Prop("chair", seat.position + np.array([0, 0, height]), seat.size),))
    down = ground(off)
    assert np.abs(down.joints - clip.joints).max() < 0.003
    assert down.props[0].position == pytest.approx(seat.position, abs=0.002)


def test_who_is_carried_stays_up():
    """Leave one person in the air whose partner stands on the floor."""
    clip = raised(standing_clip(), 1, 0.3)
    assert np.abs(ground(clip).joints - clip.joints).max() < 0.002
