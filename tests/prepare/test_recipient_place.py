"""A recipient who stands off as a whole comes back as a whole, where several holds agree; nobody else is moved."""

import numpy as np
import pytest
from helpers.paths import ROOT
from helpers.prepare_clips import reaching_clip

from controller_server.benchmarks.dirt import make_dirty
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.npz import read_npz
from controller_server.physics.recorded_frames import slice_clip
from controller_server.prepare import GripMode
from controller_server.prepare.holds import find_holds
from controller_server.prepare.poses import PairPoses
from controller_server.prepare.recipient_place import place_recipient
from controller_server.prepare.surfaces import Surfaces

STEADY = slice_clip(read_npz(ROOT / "assets" / "clips" / "steady.npz"), slice(60, 120))


def placed(clip: InteractionClip) -> InteractionClip:
    """A clip with its recipient put right."""
    surfaces = Surfaces(clip)
    return place_recipient(clip, find_holds(clip, PairPoses.of(clip), surfaces, GripMode.PROXIMITY), surfaces)


@pytest.mark.parametrize("kind", ["nearer_8cm", "farther_8cm"])
def test_recipient_who_stands_off_comes_back(kind):
    """Take at least half off 8 cm, by one shift along the floor, and leave the supporter where it is."""
    dirty = make_dirty(STEADY, kind)
    out = placed(dirty.clip)
    assert out.supporter is dirty.clip.supporter
    moved = out.recipient.trans - dirty.clip.recipient.trans
    assert np.ptp(moved, axis=0) == pytest.approx(0, abs=1e-9) and moved[0, 2] == 0
    assert np.linalg.norm(out.recipient.trans - dirty.truth.recipient.trans, axis=-1).max() < 0.04


def test_what_is_not_sure_stays():
    """Leave alone a clean clip, people who drift apart, and two who shake one hand 8 cm apart: arms can do that."""
    apart = reaching_clip(gap=0.08, seconds=1.0, hold=(0.0, 1.0))
    for clip in (STEADY, make_dirty(STEADY, "drift_15cm").clip, apart):
        assert placed(clip) is clip
