"""Trained policies come with the extension and are used without anything being installed or named."""

from __future__ import annotations

import json

import bpy
import pytest

FRAMES = 20


def test_policies_in_the_zip() -> None:
    """The demo is carried by the policy trained on it, found by itself or by name; others are refused by name."""
    assert bpy.ops.assistmimic.load_demo() == {"FINISHED"}
    settings, scene = bpy.context.scene.assistmimic, bpy.context.scene
    scene.frame_end = FRAMES
    settings.recipient_kind = "paper_interx"  # as in its training: on auto nothing else counts as trained
    for controller, name in (("auto", ""), ("policy", ""), ("policy", "helpers")):
        settings.controller, settings.policy = controller, name
        assert bpy.ops.assistmimic.simulate() == {"FINISHED"}
        meta = json.loads(settings.shown_take.meta)
        assert (meta["controller"], meta["policy"]) == ("policy", "helpers")
        assert meta["scores"]["success"] and meta["scores"]["max_wrench_n"] == 0
    settings.policy = "nobody"
    with pytest.raises(RuntimeError, match="nobody.*helpers"):
        bpy.ops.assistmimic.simulate()
