"""The whole road in Blender on the installed zip: demo, embedded server, simulation, result, undo of it all."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import addon_utils
import bpy
import numpy as np
import pytest

from controller_server.clip.interaction import slice_motion
from controller_server.clip.io.npz import read_npz

from .conftest import MODULE, ROOT
from .rigs import heads, make_rigify

FRAMES = 12


@pytest.fixture
def part(addon: ModuleType) -> SimpleNamespace:
    """The extension's modules, as they are registered now."""
    return parts()


def parts() -> SimpleNamespace:
    """The modules that are used here."""
    names = ("ui.session", *(f"blender.{name}" for name in ("recognising", "baking", "compat", "reading")))
    return SimpleNamespace(**{n.split(".")[1]: importlib.import_module(f"{MODULE}.{n}") for n in names})


def load_short_demo() -> bpy.types.PropertyGroup:
    """The demo, cut to what can be simulated in seconds."""
    assert bpy.ops.assistmimic.load_demo() == {"FINISHED"}
    scene = bpy.context.scene
    scene.frame_end = FRAMES
    settings = scene.assistmimic
    settings.quality, settings.controller = "draft", "search"
    return settings


def curves_of(action: bpy.types.Action, part: SimpleNamespace) -> dict[tuple[str, int], list[float]]:
    """All values of an action's only slot."""
    slot = part.compat.slot_for(action, "")
    return {
        (c.data_path, c.array_index): [p.co[1] for p in c.keyframe_points]
        for c in part.compat.action_fcurves(action, slot)
    }


def simulated_heads_error(settings, part: SimpleNamespace, *, body: bool = False) -> float:
    """Largest distance between what Blender plays and the simulated clip [m]; `body`: without fingers and face."""
    job = settings.shown_take.job
    with part.session.connection()() as client:
        clip = client.fetch(job).clip
    frames, worst = np.arange(1, FRAMES + 1), 0.0
    for obj, (_, motion) in zip((settings.supporter, settings.recipient), clip.people, strict=True):
        rig = part.recognising.rig_of(obj, bpy.context.scene)
        joints = rig.mapped[rig.mapped < 22] if body else rig.mapped
        names = [rig.bones.names[row] for row in rig.rows[joints]]
        worst = max(worst, np.abs(heads(obj, names, frames) - motion.joints[0][:, joints]).max())
    return worst


def test_simulate_three_times_over(addon: ModuleType) -> None:
    """Simulated actions are the simulated clip within 0.1 mm; the extension survives being switched off and on."""
    for _ in range(3):
        bpy.ops.wm.read_homefile(use_empty=True)
        bpy.context.scene.render.fps = 30
        settings = load_short_demo()
        part = parts()
        assert bpy.ops.assistmimic.simulate() == {"FINISHED"}
        assert simulated_heads_error(settings, part) < 1e-4
        engine = part.session.engine()
        assert engine.is_running
        addon_utils.disable(MODULE)
        assert not engine.is_running and not hasattr(bpy.types.Scene, "assistmimic")
        addon_utils.enable(MODULE)


def test_results_never_touch_the_source(part: SimpleNamespace) -> None:
    """Source actions keep every value; reject brings them back and leaves nothing; accept keeps them stashed."""
    settings = load_short_demo()
    people = (settings.supporter, settings.recipient)
    sources = [obj.animation_data.action for obj in people]
    before = [curves_of(action, part) for action in sources]
    n_actions = len(bpy.data.actions)
    assert bpy.ops.assistmimic.simulate() == {"FINISHED"}
    assert [curves_of(action, part) for action in sources] == before
    take = settings.shown_take
    simulated = curves_of(take.supporter.action, part)
    fingers = [key for key in before[0] if "index" in key[0] or "grip" in key[0]]
    assert len(fingers) > 20 and all(simulated[key] == before[0][key] for key in fingers)
    record = json.loads(take.supporter.action["assistmimic"])
    assert record["settings"]["seed"] == 0 and record["scores"]["success"] in (True, False) and record["versions"]
    assert all(obj.animation_data.nla_tracks[-1].mute for obj in people)
    assert bpy.ops.assistmimic.reject() == {"FINISHED"}
    assert [obj.animation_data.action for obj in people] == sources
    assert len(bpy.data.actions) == n_actions and len(settings.takes) == 0
    assert all(len(obj.animation_data.nla_tracks) == 0 for obj in people)
    assert [curves_of(action, part) for action in sources] == before


def test_again_amount_history(part: SimpleNamespace) -> None:
    """The next seed starts from the original; the amount slider mixes rightly; the history shows either result."""
    settings = load_short_demo()
    obj = settings.recipient
    assert bpy.ops.assistmimic.simulate() == {"FINISHED"}
    first = settings.shown_take.job
    assert bpy.ops.assistmimic.again() == {"FINISHED"}
    assert settings.seed == 1 and len(settings.takes) == 2
    metas = [json.loads(take.meta) for take in settings.takes]
    assert metas[0]["input_sha256"] == metas[1]["input_sha256"]
    assert [meta["settings"]["seed"] for meta in metas] == [0, 1]
    names, frame = ["left_wrist", "head"], np.array([FRAMES])
    settings.amount = 0.0
    original = heads(obj, names, frame)
    settings.amount = 1.0
    simulated = heads(obj, names, frame)
    settings.amount = 0.5
    between = heads(obj, names, frame)
    gap = np.linalg.norm(simulated - original, axis=-1)
    assert (gap > 1e-5).all()
    assert (np.linalg.norm(between - (original + simulated) / 2, axis=-1) < 0.1 * gap + 1e-4).all()
    settings.amount = 1.0
    assert bpy.ops.assistmimic.show(index=0, what="SHOW") == {"FINISHED"}
    assert settings.shown_take.job == first
    assert bpy.ops.assistmimic.show(what="ORIGINAL") == {"FINISHED"}
    assert settings.shown_take is None
    np.testing.assert_allclose(heads(obj, names, frame), original, atol=1e-6)
    assert bpy.ops.assistmimic.show(index=1, what="SHOW") == {"FINISHED"}
    assert bpy.ops.assistmimic.accept() == {"FINISHED"}
    assert settings.takes[1].state == "ACCEPTED"
    assert bpy.ops.assistmimic.jump() == {"FINISHED"}
    arrays = part.session.result_arrays(settings.shown_take.job)
    arrays["result_skating"] = np.zeros((FRAMES, 2))
    arrays["result_skating"][3:5] = 50.0
    assert bpy.ops.assistmimic.markers() == {"FINISHED"}
    scene = bpy.context.scene
    assert [(m.name, m.frame) for m in scene.timeline_markers if "skating" in m.name] == [("AM skating (2)", 4)]
    assert bpy.ops.assistmimic.markers() == {"FINISHED"} and len(scene.timeline_markers) == 0
    assert bpy.ops.assistmimic.compare() == {"FINISHED"}
    ghosts = bpy.data.collections["AssistMimic original"].objects
    assert sum(ghost.type == "ARMATURE" for ghost in ghosts) == 2
    assert bpy.ops.assistmimic.compare() == {"FINISHED"}
    assert "AssistMimic original" not in bpy.data.collections


def glb_json(path: Path) -> dict:
    """The JSON of a binary glTF file: its first chunk, after a header of 12 bytes and its own of 8."""
    data = path.read_bytes()
    return json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])


def test_exports_of_a_result(part: SimpleNamespace, tmp_path) -> None:
    """Measures as JSON, CSV and HTML; the motion as FBX and GLB, of this scene alone, that come back as they went."""
    settings = load_short_demo()
    bpy.data.scenes.new("another scene")
    assert bpy.ops.assistmimic.simulate() == {"FINISHED"}
    for suffix, mark in ((".json", '"scores"'), (".csv", "Foot skating"), (".html", "Content-Security-Policy")):
        path = tmp_path / f"ergebnis größe{suffix}"
        assert bpy.ops.assistmimic.export_scores(filepath=str(path)) == {"FINISHED"}
        assert mark in path.read_text(encoding="utf-8")
    with pytest.raises(RuntimeError, match="use one of"):
        bpy.ops.assistmimic.export_scores(filepath=str(tmp_path / "x.pdf"))
    frame = np.array([FRAMES])
    names = ["left_wrist", "head", "pelvis"]
    expected = heads(settings.recipient, names, frame)
    for suffix in (".fbx", ".glb"):
        path = tmp_path / f"pair{suffix}"
        assert bpy.ops.assistmimic.export_scene(filepath=str(path)) == {"FINISHED"}
        if suffix == ".glb":
            assert [scene["name"] for scene in glb_json(path)["scenes"]] == ["Scene"]
        bpy.ops.wm.read_homefile(use_empty=True)
        bpy.context.scene.render.fps = 30  # glTF keeps seconds: the rate has to be set before
        if suffix == ".fbx":
            bpy.ops.import_scene.fbx(filepath=str(path))
        else:
            bpy.ops.import_scene.gltf(filepath=str(path), bone_heuristic="BLENDER")
        came = [obj for obj in bpy.data.objects if obj.type == "ARMATURE"]
        assert len(came) == 2
        # Blender's FBX importer moves keys one frame on; its glTF importer begins at frame 0.
        shift = {".fbx": 1, ".glb": -1}[suffix]
        errors = [np.abs(heads(obj, names, frame + shift) - expected).max() for obj in came]
        assert min(errors) < 2e-3, (suffix, errors)
        if suffix == ".fbx":
            settings = load_short_demo()
            bpy.data.scenes.new("another scene")
            assert bpy.ops.assistmimic.simulate() == {"FINISHED"}
            expected = heads(settings.recipient, names, frame)


def load_demo_on_rigify(part: SimpleNamespace) -> bpy.types.PropertyGroup:
    """The demo's motion, keyed on two rigs that Rigify generates."""
    clip = read_npz(ROOT / "assets" / "clips" / "pull_up.npz")
    settings = load_short_demo()
    people = [make_rigify("basic"), make_rigify("basic")]
    frames = np.arange(1, FRAMES + 1)
    for obj, (_, motion) in zip(people, clip.people, strict=True):
        rig = part.recognising.rig_of(obj, bpy.context.scene)
        sampled = part.reading.sample([(obj, rig)], frames, bpy.context.scene)[0]
        motion = replace(slice_motion(motion, slice(0, FRAMES)), rest_joints=rig.rest_joints)
        action, slot = part.baking.bake(obj, sampled, motion, "demo", joints=range(22))
        part.compat.assign(obj, action, slot)
    settings.supporter, settings.recipient = people
    return settings


def test_generated_rigs_are_simulated(part: SimpleNamespace) -> None:
    """Two Rigify rigs play the simulated clip within 0.1 mm, on FK; reject gives IK, poses and curves back."""
    settings = load_demo_on_rigify(part)
    people = (settings.supporter, settings.recipient)
    # The animator's hand is on inverse kinematics, and the hips are turned.
    for obj in people:
        limb = obj.pose.bones["upper_arm_parent.R"]
        limb["IK_FK"] = 0.0
        curves = part.compat.object_fcurves(obj)
        for curve in [c for c in curves if "upper_arm_parent.R" in c.data_path]:
            curves.remove(curve)
        obj.pose.bones["hips"].rotation_quaternion = (1, 0.1, 0, 0)
        obj.pose.bones["hand_ik.R"].location = (0.05, 0, 0)
    names, frames = ["DEF-hand.R", "DEF-spine", "DEF-toe.L", "hand_fk.R"], np.array([1, FRAMES])
    before = [heads(obj, names, frames) for obj in people]
    sources = [curves_of(obj.animation_data.action, part) for obj in people]
    assert bpy.ops.assistmimic.simulate() == {"FINISHED"}
    assert simulated_heads_error(settings, part, body=True) < 1e-4
    for obj in people:
        assert obj.pose.bones["upper_arm_parent.R"]["IK_FK"] == 1.0
    assert bpy.ops.assistmimic.reject() == {"FINISHED"}
    for obj, source, was in zip(people, sources, before, strict=True):
        assert curves_of(obj.animation_data.action, part) == source
        assert obj.pose.bones["upper_arm_parent.R"]["IK_FK"] == 0.0
        np.testing.assert_allclose(heads(obj, names, frames), was, atol=1e-6)
