"""Everything an animator gets wrong is refused in one sentence, and nothing is left behind."""

from __future__ import annotations

import importlib
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest

from .conftest import MODULE
from .rigs import MPI, make_rig


@pytest.fixture
def ui() -> SimpleNamespace:
    """The extension's live state and its simulation functions."""
    names = ("session", "simulate")
    return SimpleNamespace(**{name: importlib.import_module(f"{MODULE}.ui.{name}") for name in names})


def demo(frames: int = 12):
    """The demo, short, with settings that are quick."""
    bpy.ops.assistmimic.load_demo()
    scene = bpy.context.scene
    scene.frame_end = frames
    settings = scene.assistmimic
    settings.quality, settings.controller = "draft", "search"
    return settings


def refused(message: str) -> None:
    """Simulating is refused with this; no action, no take and no job is left."""
    settings = bpy.context.scene.assistmimic
    actions, takes = len(bpy.data.actions), len(settings.takes)
    with pytest.raises(RuntimeError, match=message) as caught:
        bpy.ops.assistmimic.simulate()
    assert "Traceback" not in str(caught.value)
    assert (len(bpy.data.actions), len(settings.takes)) == (actions, takes)
    assert settings.pending == ""


def test_characters() -> None:
    """No armature, the same one twice, a rig that is no person, one without animation, one that was deleted."""
    settings = bpy.context.scene.assistmimic
    refused("Pick two armatures")
    settings = demo()
    supporter, recipient = settings.supporter, settings.recipient
    settings.recipient = supporter
    refused("both supporter and recipient")
    data = bpy.data.armatures.new("rod")
    rod = bpy.data.objects.new("Stange", data)
    bpy.context.scene.collection.objects.link(rod)
    settings.recipient = rod
    refused("Stange: an armature without bones")
    bpy.context.view_layer.objects.active = rod
    bpy.ops.object.mode_set(mode="EDIT")
    bone = data.edit_bones.new("bone")
    bone.tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    refused("Stange: no person")
    settings.recipient = make_rig(MPI, "still")
    refused("recipient still has no animation")
    settings.recipient = recipient
    bpy.context.scene.collection.children[0].objects.unlink(recipient)
    refused("not in this scene")


def test_frames() -> None:
    """A range of one frame and one of 20,001 are refused with both ends."""
    settings = demo()
    settings.frames, settings.frame_start, settings.frame_end = "CUSTOM", 5, 5
    refused("at least two frames")
    settings.frame_end = 20_005
    refused("20001; at most 20000")


def test_scale() -> None:
    """A character scaled unevenly is refused by name."""
    settings = demo()
    settings.recipient.scale = (1, 1, 1.3)
    bpy.context.view_layer.update()
    refused("recipient: scaled unevenly")


def test_linked_library_data(tmp_path: Path) -> None:
    """A linked character is refused with the way out, an override of it is simulated."""
    demo()
    library = tmp_path / "figuren.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(library))
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = 30
    with bpy.data.libraries.load(str(library), link=True) as (there, here):
        here.collections = [name for name in there.collections if name == "pull_up"]
    scene.collection.children.link(here.collections[0])
    settings = scene.assistmimic
    scene.frame_end = 12
    settings.quality, settings.controller = "draft", "search"
    settings.supporter, settings.recipient = (scene.objects[name] for name in ("supporter", "recipient"))
    refused("library override")
    overridden = here.collections[0].override_hierarchy_create(scene, bpy.context.view_layer, do_fully_editable=True)
    people = [obj for obj in overridden.all_objects if obj.type == "ARMATURE"]
    settings.recipient, settings.supporter = sorted(people, key=lambda obj: obj.name)
    assert bpy.ops.assistmimic.simulate() == {"FINISHED"}


def test_odd_scenes(tmp_path: Path) -> None:
    """29.97 frames a second, names beyond ASCII and an unsaved file are simulated like any other."""
    settings = demo()
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 30, 1.001
    assert not bpy.data.filepath
    settings.supporter.name, settings.recipient.name = "Zoë 助ける", "Ölmüşüm"
    settings.recipient.animation_data.action.name = "aufstehen – größer"
    assert bpy.ops.assistmimic.simulate() == {"FINISHED"}
    take = settings.shown_take
    assert take.recipient.action.name == "aufstehen – größer.sim"


def wait(ui: SimpleNamespace, *states: str, timeout: float = 60) -> None:
    """Until the job at work is in one of some states."""
    end = time.monotonic() + timeout
    while ui.session.session.running.job.status.state.value not in states:
        assert time.monotonic() < end, ui.session.session.running.job.status
        time.sleep(0.02)


def finish_with(ui: SimpleNamespace, message: str) -> None:
    """The job that ended gives this message instead of a result."""
    running = ui.session.session.running
    assert running.job.join(30)
    with pytest.raises(ValueError, match=message):
        ui.simulate.finish(running)
    assert ui.session.session.running is None


def test_server_killed_mid_job(ui: SimpleNamespace) -> None:
    """A killed server is said, the job's id stays in the file, and Resume brings the result."""
    settings = demo()
    settings.quality = "default"
    ui.simulate.begin(bpy.context.scene)
    wait(ui, "running")
    os.kill(ui.session.engine().pid, signal.SIGKILL)
    wait(ui, "lost", "failed")
    finish_with(ui, "no word from the server")
    assert settings.pending
    assert bpy.ops.assistmimic.resume() == {"FINISHED"}
    assert settings.pending == "" and settings.shown_take is not None


def test_object_deleted_mid_job(ui: SimpleNamespace) -> None:
    """A character deleted while the job runs is said when the result comes."""
    settings = demo()
    ui.simulate.begin(bpy.context.scene)
    wait(ui, "running")
    bpy.data.objects.remove(settings.recipient)
    finish_with(ui, "recipient is gone")


def test_cancelled_mid_job(ui: SimpleNamespace) -> None:
    """Cancel leaves everything as it was."""
    settings = demo(60)
    settings.quality = "default"
    sources = [obj.animation_data.action for obj in (settings.supporter, settings.recipient)]
    ui.simulate.begin(bpy.context.scene)
    wait(ui, "running")
    assert bpy.ops.assistmimic.cancel() == {"FINISHED"}
    finish_with(ui, "Cancelled")
    assert [obj.animation_data.action for obj in (settings.supporter, settings.recipient)] == sources
    assert settings.pending == "" and len(settings.takes) == 0


def test_another_file_mid_job(ui: SimpleNamespace, tmp_path: Path) -> None:
    """Opening another file leaves the job; the saved file asks for it again, and gets it."""
    demo()
    ui.simulate.begin(bpy.context.scene)
    wait(ui, "running")
    path = tmp_path / "wartet.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(use_empty=True)
    assert ui.session.session.running is None
    bpy.ops.wm.open_mainfile(filepath=str(path))
    settings = bpy.context.scene.assistmimic
    assert settings.pending
    assert bpy.ops.assistmimic.resume() == {"FINISHED"}
    assert settings.shown_take is not None and settings.pending == ""


def test_switched_off_mid_job(ui: SimpleNamespace) -> None:
    """Switching the extension off while a job runs ends the engine within seconds and hangs nothing."""
    import addon_utils

    demo(60).quality = "default"
    running = ui.simulate.begin(bpy.context.scene)
    wait(ui, "running")
    engine, began = ui.session.engine(), time.monotonic()
    addon_utils.disable(MODULE)
    assert time.monotonic() - began < 8 and not engine.is_running and running.job.join(5)
    addon_utils.enable(MODULE)


def test_clip_files(tmp_path: Path) -> None:
    """A missing file, a damaged one and a pickle are refused by name; an exported clip comes back."""
    for name, content in (("fehlt.npz", None), ("kaputt.npz", b"PK\x03\x04 no"), ("böse.npz", b"\x80\x04pickle")):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(RuntimeError, match=name):
            bpy.ops.assistmimic.import_clip(filepath=str(path))
    settings = demo(30)
    path = tmp_path / "raus.npz"
    assert bpy.ops.assistmimic.export_clip(filepath=str(path)) == {"FINISHED"}
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = 30
    assert bpy.ops.assistmimic.import_clip(filepath=str(path), start=11) == {"FINISHED"}
    settings = bpy.context.scene.assistmimic
    action = settings.recipient.animation_data.action
    assert np.allclose(action.frame_range, (11, 40))
    assert sum(obj.assistmimic.is_prop for obj in bpy.context.scene.objects) == 1
    path = tmp_path / "paar.bvh"
    assert bpy.ops.assistmimic.export_clip(filepath=str(path)) == {"FINISHED"}
    names = ("paar_recipient.bvh", "paar_supporter.bvh")
    assert all((tmp_path / name).exists() for name in names)
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = 30
    files = [{"name": name} for name in names]
    assert bpy.ops.assistmimic.import_clip(directory=str(tmp_path), files=files, swap=True) == {"FINISHED"}
    assert bpy.context.scene.frame_end == 30


def test_servers_elsewhere(ui: SimpleNamespace) -> None:
    """A server that is not there is said by its address; with Blender offline none beyond this machine is asked."""
    settings = demo()
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.use_remote = True
    try:
        preferences.endpoint = "tcp://127.0.0.1:9"
        with pytest.raises(RuntimeError, match="127.0.0.1:9"):
            bpy.ops.assistmimic.simulate()
        assert settings.pending  # it may have got there: it can be asked for again
        settings.pending = ""
        if not bpy.app.online_access:
            preferences.endpoint = "tcp://studio:5555"
            refused("stay offline")
    finally:
        preferences.use_remote = False
