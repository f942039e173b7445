"""The first minutes in Blender's own scene: the pair is seen, nothing is done silently, messages stay in place."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest

from .conftest import MODULE


@pytest.fixture
def part() -> SimpleNamespace:
    """The extension's modules."""
    names = ("ui.session", "blender.staging", "blender.request", "blender.hints", "job.runner")
    return SimpleNamespace(**{n.split(".")[1]: importlib.import_module(f"{MODULE}.{n}") for n in names})


def message() -> str:
    """What the panel shows."""
    session = importlib.import_module(f"{MODULE}.ui.session").session
    return session.message_for(bpy.context.scene)


def views():
    """Every 3D view of the window."""
    screen = bpy.context.window_manager.windows[0].screen
    return [area for area in screen.areas if area.type == "VIEW_3D"]


def in_picture(points: np.ndarray, area) -> np.ndarray:
    """Places in a perspective 3D view: -1 to 1 across its shorter side, shape (N, 2)."""
    view, lens = area.spaces.active.region_3d, area.spaces.active.lens
    turn = np.array(view.view_rotation.to_matrix())
    local = (points - np.array(view.view_location)) @ turn
    return local[:, :2] / (view.view_distance - local[:, 2:]) * lens / 36


def test_demo_in_the_factory_scene(part: SimpleNamespace) -> None:
    """In Blender's own scene the pair is seen whole, the cube is hidden with a word and left as it was."""
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    scene = bpy.context.scene
    assert "Cube" in scene.objects and scene.render.fps == 24
    assert bpy.ops.assistmimic.load_demo() == {"FINISHED"}
    settings = scene.assistmimic
    cube = scene.objects["Cube"]
    assert cube.hide_get() and not cube.hide_render and "Cube stood in the way and is hidden" in message()
    assert (scene.frame_start, scene.frame_end, scene.render.fps) == (1, 136, 30)
    assert "136 frames at 30 fps" in message() and "from 24 to 30 fps" in message()
    assert all(
        len(obj.users_collection) == 1 and obj.users_collection[0].name == "pull_up"
        for obj in bpy.context.selected_objects
    )
    chair = next(obj for obj in scene.objects if obj.assistmimic.is_prop)
    assert chair.display_type == "TEXTURED" and len(chair.data.materials) == 1
    heads = np.array(
        [obj.matrix_world @ bone.head for obj in (settings.supporter, settings.recipient) for bone in obj.pose.bones]
    )
    assert views()
    for area in views():
        places = in_picture(heads, area)
        assert np.abs(places).max() < 1 and np.ptp(places, axis=0).max() > 0.7, places


def test_own_things_in_the_way(part: SimpleNamespace) -> None:
    """An object of one's own is not hidden unasked: it is named, and a button hides it."""
    bpy.ops.mesh.primitive_cube_add(size=1.5, location=(0, 0, 0.7))
    wall = bpy.context.object
    wall.name = "Wall"
    bpy.ops.mesh.primitive_plane_add(size=10)
    assert bpy.ops.assistmimic.load_demo() == {"FINISHED"}
    assert not wall.hide_get() and "Wall stands where they move" in message() and "Plane" not in message()
    mend = part.session.session.mend
    assert mend.label == "Hide Wall"
    assert bpy.ops.assistmimic.mend(**mend.properties) == {"FINISHED"} and wall.hide_get()


def test_frame_rates(tmp_path: Path) -> None:
    """A clip of another rate sets an empty scene's; where something moves already it is resampled, and that is said."""
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 30, 1.001
    assert bpy.ops.assistmimic.load_demo() == {"FINISHED"} and scene.render.fps_base == pytest.approx(1)
    scene.render.fps = 24
    assert bpy.ops.assistmimic.load_demo() == {"FINISHED"}
    assert scene.render.fps == 24 and "136 frames became 109" in message()
    assert bpy.ops.assistmimic.export_clip(filepath=str(tmp_path / "x.npz")) == {"FINISHED"}
    assert "x.npz" in message() and "109 frames at 24 fps" in message()
    scene.render.fps = 30
    assert bpy.ops.assistmimic.import_clip(filepath=str(tmp_path / "x.npz"), rate="CLIP") == {"FINISHED"}
    assert scene.render.fps == 24 and scene.frame_end == 109


def test_messages_belong_to_their_file_and_scene() -> None:
    """A message is gone in another scene, another file, and after undo and redo."""
    for leave in ("scene", "file", "undo"):
        assert bpy.ops.assistmimic.load_demo() == {"FINISHED"} and "Loaded" in message()
        if leave == "scene":
            bpy.context.window.scene = bpy.data.scenes.new("other")
        elif leave == "file":
            bpy.ops.wm.read_homefile(use_empty=True)
        else:
            for handler in bpy.app.handlers.undo_post:
                handler(bpy.context.scene, None)
        assert message() == "", leave


def test_exports_refuse_what_they_do_not_know(tmp_path: Path) -> None:
    """An unknown suffix is refused and nothing is written; a name without one gets the format's; what came is said."""
    bpy.ops.assistmimic.load_demo()
    bpy.context.scene.frame_end = 3
    (tmp_path / "x.fbx").write_text("mine")
    for operator in (bpy.ops.assistmimic.export_scene, bpy.ops.assistmimic.export_clip):
        with pytest.raises(RuntimeError, match="x.usdc"):
            operator(filepath=str(tmp_path / "x.usdc"))
    assert (tmp_path / "x.fbx").read_text() == "mine" and len(list(tmp_path.iterdir())) == 1
    assert bpy.ops.assistmimic.export_scene(filepath=str(tmp_path / "pair"), format="FBX") == {"FINISHED"}
    assert (tmp_path / "pair.fbx").exists() and "pair.fbx" in message() and "frames 1 to 3" in message()


def test_one_armature_in_both_roles() -> None:
    """Check refuses one character twice."""
    bpy.ops.assistmimic.load_demo()
    settings = bpy.context.scene.assistmimic
    settings.recipient = settings.supporter
    with pytest.raises(RuntimeError, match="both supporter and recipient"):
        bpy.ops.assistmimic.check()


def test_sitting_on_air(part: SimpleNamespace) -> None:
    """Without its chair the demo's recipient sits on nothing: Check says so, and a button makes a seat like it."""
    bpy.ops.assistmimic.load_demo()
    scene = bpy.context.scene
    assert bpy.ops.assistmimic.check() == {"FINISHED"} and "sits on nothing" not in message()
    chair = next(obj for obj in scene.objects if obj.assistmimic.is_prop)
    was = part.request.box_of(chair, 1.0, 0.0)
    bpy.data.objects.remove(chair)
    assert bpy.ops.assistmimic.check() == {"FINISHED"}
    assert "the recipient sits on nothing (frames 1 to" in message() and "Selected Are Props" in message()
    assert bpy.ops.assistmimic.mend(**part.session.session.mend.properties) == {"FINISHED"}
    bpy.context.view_layer.update()
    seat = next(obj for obj in scene.objects if obj.assistmimic.is_prop)
    now = part.request.box_of(seat, 1.0, 0.0)
    assert np.abs(now.position - was.position)[:2].max() < 0.1
    assert abs(now.position[2] + now.size[2] / 2 - was.position[2] - was.size[2] / 2) < 0.05
    assert bpy.ops.assistmimic.check() == {"FINISHED"} and "sits on nothing" not in message()


def test_range_beyond_the_keys(part: SimpleNamespace) -> None:
    """A range longer than the keys is said, with a button that takes the keys' own."""
    bpy.ops.assistmimic.load_demo()
    scene = bpy.context.scene
    scene.frame_end = 250
    assert bpy.ops.assistmimic.check() == {"FINISHED"}
    assert "frames 1 to 250 are simulated, keys go from 1 to 136" in message()
    assert bpy.ops.assistmimic.mend(**part.session.session.mend.properties) == {"FINISHED"}
    settings = scene.assistmimic
    span = part.request.span_of(settings, scene, [settings.supporter, settings.recipient])
    assert (span.start, span.end) == (1, 136)
    assert part.hints.range_hint(settings, scene) is None


def test_progress_counts_the_users_frames(part: SimpleNamespace) -> None:
    """A job of 121 frames of the scene tells its progress in them, whatever the engine counts."""
    job = part.runner.Job(lambda: None, None, {}, job="x", frames=121)
    job._progress(SimpleNamespace(stage="search", done=30, total=60, unit="frames", eta_s=None))
    assert (job.status.done, job.status.total) == (60, 121)
    job._progress(SimpleNamespace(stage="search", done=3, total=6, unit="tries", eta_s=None))
    assert (job.status.done, job.status.total) == (3, 6)


def test_found_by_search(tmp_path: Path) -> None:
    """Everything is in Object > Animation, where F3 looks; the manual opens; Blender's pages name what they offer."""
    menu = importlib.import_module(f"{MODULE}.ui.menu")
    drawn = bpy.types.VIEW3D_MT_object_animation.draw._draw_funcs
    assert menu._entry in drawn
    for entry in filter(None, menu._ENTRIES):
        assert getattr(bpy.ops.assistmimic, entry[0].split(".")[1]).get_rna_type().name
    assert bpy.ops.assistmimic.manual() == {"FINISHED"}
    assert "# The Blender extension" in bpy.data.texts["AssistMimic manual"].as_string()


def test_preferences_are_kept_to(part: SimpleNamespace, tmp_path: Path) -> None:
    """Quality of new scenes, cores, memory and the folder of results are what the preferences say."""
    preferences = bpy.context.preferences.addons[MODULE].preferences
    simulate = importlib.import_module(f"{MODULE}.ui.simulate")
    preferences.quality, preferences.cores, preferences.memory_gb = "draft", 1, 3
    preferences.folder = str(tmp_path / "größer")
    try:
        bpy.ops.assistmimic.load_demo()
        scene = bpy.context.scene
        assert scene.assistmimic.quality == "draft"
        scene.frame_end = 12
        running = simulate.begin(scene)
        assert running.job._settings["threads"] == 1
        assert running.job.join(120)
        simulate.finish(running)
        assert len(list((tmp_path / "größer" / "results").glob("*.npz"))) == 1
        config = next((tmp_path / "größer" / "engine").glob("*/server.yaml")).read_text()
        assert f"memory_bytes: {3 << 30}" in config
    finally:
        for name in ("quality", "cores", "memory_gb", "folder"):
            preferences.property_unset(name)
        part.session.engine()


def test_compare(part: SimpleNamespace) -> None:
    """The original stands beside the result where the sidebar is not, both in the picture, or over it; or flickers."""
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    bpy.ops.assistmimic.load_demo()
    scene, settings = bpy.context.scene, bpy.context.scene.assistmimic
    scene.frame_end, settings.quality, settings.controller = 12, "draft", "search"
    assert bpy.ops.assistmimic.simulate() == {"FINISHED"}
    said = message()
    assert said and bpy.ops.assistmimic.compare() == {"FINISHED"}
    ghosts = [obj for obj in bpy.data.collections["AssistMimic original"].objects if obj.type == "ARMATURE"]
    bpy.context.view_layer.update()
    people = (settings.supporter, settings.recipient)
    both = np.array([obj.matrix_world @ bone.head for obj in (*people, *ghosts) for bone in obj.pose.bones])
    places = in_picture(both, views()[0])
    assert np.abs(places).max() < 1
    half = len(both) // 2
    assert places[half:, 0].mean() < places[:half, 0].mean() - 0.2
    bpy.ops.assistmimic.compare()
    settings.ghost_place = "OVER"
    bpy.ops.assistmimic.compare()
    assert tuple(bpy.data.collections["AssistMimic original"].objects["AssistMimic original"].location) == (0, 0, 0)
    for amount in (0.0, 1.0):
        assert bpy.ops.assistmimic.flicker() == {"FINISHED"} and settings.amount == amount
    assert message() == said
    assert bpy.ops.assistmimic.reject() == {"FINISHED"} and "Rejected" in message()


def test_without_numpy(addon, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    """Where numpy is missing one sentence says so in the sidebar, no traceback, and nothing else is registered."""
    import addon_utils

    addon_utils.disable(MODULE)
    find = importlib.util.find_spec
    with monkeypatch.context() as patched:
        patched.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "numpy" else find(name, *rest))
        addon_utils.enable(MODULE)
        said = capfd.readouterr().err
        assert "numpy is not in this Blender's Python" in said and "Traceback" not in said
        assert hasattr(bpy.types, "ASSISTMIMIC_PT_unusable") and not hasattr(bpy.types.Scene, "assistmimic")
        addon_utils.disable(MODULE)
    addon_utils.enable(MODULE)
    assert hasattr(bpy.types.Scene, "assistmimic") and not hasattr(bpy.types, "ASSISTMIMIC_PT_unusable")
