"""Penetration, hand distance and centre of mass through collision detection."""

import numpy as np
import pytest
from helpers.measure_cases import FPS, STANDING_HEIGHT, apart, moved, still

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip, Prop
from controller_server.clip.rotation import quat_rotate
from controller_server.clip.skeleton import HEAD
from controller_server.metrics.geometry import clip_geometry, contact_kept, deepest, share_deeper


def geometry(clip):
    """Geometry of a clip with its own bodies."""
    return clip_geometry(clip, PairBody.from_clip(clip))


def hand_reach(pair: PairBody, side: int) -> float:
    """From the pelvis joint to the tip of the left (0) or right (1) hand along X in the rest pose [m]."""
    palm = [s for s in pair.supporter.shapes if s.is_palm][side]
    rest = pair.supporter.skeleton.rest_joints
    axis = quat_rotate(palm.quat, np.array([0.0, 0, 1]))
    centre = rest[palm.joint, 0] - rest[0, 0] + palm.position[0]
    return float(abs(centre) + palm.size[1] * abs(axis[0]) + palm.size[0])


def test_a_standing_pair_is_in_nothing():
    """Soles at height zero, four metres apart: no depth anywhere, no hand near."""
    g = geometry(apart())
    assert max(g.floor_depth.max(), g.partner_depth.max(), g.prop_depth.max()) < 1e-6
    assert np.isinf(g.hand_distance).all()


def test_floor_depth_is_how_far_the_soles_are_under():
    """12 mm under the floor in four of ten frames."""
    sink = np.zeros((10, 3))
    sink[3:7, 2] = -0.012
    depth = geometry(moved(apart(), sink)).floor_depth
    assert deepest(depth[:, 0]) == pytest.approx(12.0, abs=0.05)
    assert share_deeper(depth[:, 1]) == pytest.approx(0.4)


def test_partner_depth_of_two_heads():
    """Head spheres (radius 105 mm) with centres 190 mm apart are 20 mm deep in each other."""
    clip = apart(2)
    head = next(s for s in PairBody.from_clip(clip).supporter.shapes if s.joint == HEAD)
    centre = clip.joints[0, 0, HEAD] + [0, -head.position[2], head.position[1]]
    above = np.array([-np.pi / 2, 0, 0])  # head down, back to the same side
    flipped = still(2, pelvis=(0, 0, 3.0), orient=above)
    joints, _ = flipped.joints
    theirs = joints[0, HEAD] + [0, head.position[2], -head.position[1]]
    shift = centre + [0, 0, 0.19] - theirs
    clip = InteractionClip(FPS, clip.supporter, still(2, pelvis=tuple(shift + [0, 0, 3.0]), orient=above))
    assert head.size == (pytest.approx(0.105),)
    np.testing.assert_allclose(geometry(clip).partner_depth, 0.02, atol=1e-4)


def test_hand_distance_is_between_the_surfaces():
    """Fingertip to fingertip with 20 mm between: the supporter's left and the recipient's right hand see 20 mm."""
    pair = PairBody.from_clip(apart())
    reach = hand_reach(pair, 0) + hand_reach(pair, 1)
    g = geometry(apart(distance=reach + 0.02))
    np.testing.assert_allclose(g.hand_distance[0], [[0.02, np.inf], [np.inf, 0.02]], atol=1e-3)
    assert g.partner_depth.max() == 0
    assert np.isinf(geometry(apart(distance=reach + 0.04)).hand_distance).all()


def test_prop_depth_is_each_persons_own():
    """A box top 30 mm above the supporter's soles is 30 mm deep, and the recipient is in nothing."""
    box = Prop("step", position=np.array([0, 0, -0.07]), size=np.array([1.0, 1, 0.2]))
    g = geometry(apart(2, props=(box,)))
    np.testing.assert_allclose(g.prop_depth, [[0.03, 0]] * 2, atol=1e-4)


def test_centre_of_mass_moves_with_the_person():
    """Raised by 0.2 m, the centre of mass rises by 0.2 m; standing, it is near the pelvis."""
    rise = np.zeros((10, 3))
    rise[5:, 2] = 0.2
    com = geometry(moved(apart(), rise)).com
    np.testing.assert_allclose(com[9] - com[0], [[0, 0, 0.2]] * 2, atol=1e-9)
    assert abs(com[0, 0, 2] - STANDING_HEIGHT) < 0.15


def test_contact_kept_counts_the_reference_touches():
    """Three touches of the reference, two of them kept; a touch only the simulation has does not count."""
    reference = np.array([0.0, 0.01, 0.03, 0.5])
    simulated = np.array([0.02, 0.04, 0.03, 0.0])
    assert contact_kept(reference, simulated) == pytest.approx(2 / 3)
    assert contact_kept(np.full(4, np.inf), simulated) is None
