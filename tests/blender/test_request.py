"""What of a scene is handed in: frames, height of the ground, furniture, grips, parameters."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest

from .conftest import MODULE, ROOT


@pytest.fixture
def part() -> SimpleNamespace:
    """The extension's modules."""
    names = ("blender.request", "ui.presets", "ui.core_settings")
    return SimpleNamespace(**{n.split(".")[1]: importlib.import_module(f"{MODULE}.{n}") for n in names})


@pytest.fixture
def settings():
    """Of a scene with the demo in it."""
    bpy.ops.assistmimic.load_demo()
    return bpy.context.scene.assistmimic


def test_frames(part: SimpleNamespace, settings) -> None:
    """Scene, preview, action and custom ranges mean what they say; pre-roll comes before and is not written."""
    scene = bpy.context.scene
    people = part.request.characters(settings, scene)
    scene.frame_start, scene.frame_end = 3, 50
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 10, 20
    settings.frame_start, settings.frame_end = 30, 40
    found = {}
    for mode in ("SCENE", "PREVIEW", "ACTION", "CUSTOM"):
        settings.frames = mode
        span = part.request.span_of(settings, scene, people)
        found[mode] = (span.start, span.end)
    assert found == {"SCENE": (3, 50), "PREVIEW": (10, 20), "ACTION": (1, 136), "CUSTOM": (30, 40)}
    settings.pre_roll, settings.blend_in, settings.blend_out = 5, 4, 2
    request = part.request.read_request(settings, scene)
    assert request.clip.n_frames == 16 and request.span.first == 25
    weight = request.span.weight
    assert len(weight) == 11 and weight[0] == 0 and weight[-1] == 0 and (weight[4:9] == 1).all()
    original = request.sampled[0]
    written = part.request.written_motion(request.clip.supporter, original, request)
    assert written.n_frames == 11
    assert np.abs(written.joints[0] - original.motion.joints[0][5:]).max() < 1e-6


def test_ground_and_furniture(part: SimpleNamespace, settings) -> None:
    """A raised stage is handed in at height zero, its furniture with it; the chair of the demo comes out as it was."""
    scene = bpy.context.scene
    flat = part.request.read_request(settings, scene).clip
    chair = flat.props[0]
    assert np.allclose(chair.size, (0.42, 0.5, 0.4), atol=1e-6)
    assert np.allclose(chair.position, (-0.03, 0, 0.2), atol=1e-6)
    stage = bpy.data.objects.new("stage", None)
    scene.collection.objects.link(stage)
    for obj in [o for o in scene.objects if o.parent is None and o != stage]:
        obj.parent = stage
    stage.location.z = settings.ground = 0.75
    bpy.context.view_layer.update()
    request = part.request.read_request(settings, scene)
    assert np.abs(request.clip.joints - flat.joints).max() < 1e-5
    assert np.allclose(request.clip.props[0].position, chair.position, atol=1e-6)
    back = part.request.written_motion(request.clip.recipient, request.sampled[1], request)
    assert np.allclose(back.trans, flat.recipient.trans + [0, 0, 0.75], atol=1e-5)


def test_selected_objects_become_furniture(part: SimpleNamespace, settings) -> None:
    """Marking a mesh makes a turned and scaled box of it; characters cannot be marked; unmarking takes it back."""
    mesh = bpy.data.meshes.new("bench")
    mesh.from_pydata([(-1, -1, 0), (1, 1, 0.5)], [], [])
    bench = bpy.data.objects.new("Bänkli", mesh)
    bpy.context.scene.collection.objects.link(bench)
    bench.location, bench.rotation_euler[2], bench.scale = (2, 1, 0), np.pi / 2, (0.5, 0.2, 1)
    for obj in bpy.context.selected_objects:
        obj.select_set(False)
    bench.select_set(True)
    assert bpy.ops.assistmimic.props(on=True) == {"FINISHED"} and bench.show_bounds
    props = {p.name: p for p in part.request.read_request(settings, bpy.context.scene).clip.props}
    assert np.allclose(props["Bänkli"].size, (1, 0.4, 0.5), atol=1e-6)
    assert np.allclose(props["Bänkli"].position, (2, 1, 0.25), atol=1e-6)
    assert bpy.ops.assistmimic.props(on=False) == {"FINISHED"}
    assert len(part.request.read_request(settings, bpy.context.scene).clip.props) == 1
    bench.select_set(False)
    settings.supporter.children[0].select_set(True)
    with pytest.raises(RuntimeError, match="not characters"):
        bpy.ops.assistmimic.props(on=True)


def test_keyed_grips(part: SimpleNamespace, settings) -> None:
    """The demo's grips come in as keys on both armatures and go out again as they were; off and automatic send none."""
    from controller_server.clip.io.npz import read_npz

    scene = bpy.context.scene
    settings.grips = "KEYED"
    grips = part.request.read_request(settings, scene).clip.grips
    expected = read_npz(ROOT / "assets" / "clips" / "pull_up.npz").grips
    assert grips is not None and expected is not None and expected.max() == 1
    np.testing.assert_allclose(grips, expected, atol=1e-6)
    for mode, name in (("AUTO", "auto"), ("OFF", "off")):
        settings.grips = mode
        assert part.request.read_request(settings, scene).clip.grips is None
        assert part.core_settings.convert_settings(settings)["prepare"]["grips"] == name


def test_presets_are_settings_of_the_core(part: SimpleNamespace, settings) -> None:
    """Every preset gives settings that the core takes, and each differs from the others."""
    from controller_server.pipeline.settings import ConvertSettings

    seen = []
    for name in part.presets.PRESETS:
        assert bpy.ops.assistmimic.preset(name=name) == {"FINISHED"}
        values = ConvertSettings.from_dict(part.core_settings.convert_settings(settings))
        assert values not in seen
        seen.append(values)
    heavy = seen[list(part.presets.PRESETS).index("HEAVY")]
    assert heavy.strengths[1].mass == pytest.approx(1.5)


def test_every_parameter_reaches_the_core(part: SimpleNamespace, settings) -> None:
    """A new scene has the core's defaults, and every setting that is a parameter can be given another value."""
    from controller_server.pipeline.settings import ConvertSettings

    def flat(values: dict[str, Any]) -> dict[str, Any]:
        nested = {f"{of}.{name}": value for of in ("criteria", "prepare") for name, value in values.pop(of).items()}
        return values | nested

    def now() -> dict[str, Any]:
        return flat(ConvertSettings.from_dict(part.core_settings.convert_settings(settings)).to_dict())

    before = now()
    assert before == {**flat(ConvertSettings().to_dict()), "carry_report": True}
    settings.recipient_kind, settings.engine, settings.policy, settings.grips = "weak", "newton", "helpers", "FINGERS"
    settings.hands, settings.controller, settings.quality, settings.seed = "full", "policy", "draft", 3
    settings.remove_supporter, settings.cutoff_hz = True, 6.3
    for name in ("supporter_strength", "supporter_mass", "recipient_mass", "grip_force"):
        setattr(settings, name, 110)
    for name in part.core_settings.STEPS:
        setattr(settings, name, False)
    for name, values in part.core_settings.limit_properties().items():
        setattr(settings.limits, name, values["default"] + (1 if values["max"] > 1 else -0.1))
    after = now()
    same = {name for name, value in after.items() if value == before[name]}
    assert same == set(part.core_settings.NOT_PARAMETERS)
    assert after["prepare.cutoff_hz"] == 6.3 and after["criteria.max_joint_error_m"] == 1.15


def test_picking_characters(settings) -> None:
    """From Selection takes meshes for their armatures, the active one as supporter; Swap and Check work."""
    supporter, recipient = settings.supporter, settings.recipient
    settings.supporter = settings.recipient = None
    for obj in bpy.context.selected_objects:
        obj.select_set(False)
    recipient.children[0].select_set(True)
    supporter.select_set(True)
    bpy.context.view_layer.objects.active = recipient.children[0]
    assert bpy.ops.assistmimic.from_selection() == {"FINISHED"}
    assert (settings.supporter, settings.recipient) == (recipient, supporter)
    assert bpy.ops.assistmimic.swap() == {"FINISHED"}
    assert (settings.supporter, settings.recipient) == (supporter, recipient)
    assert bpy.ops.assistmimic.check() == {"FINISHED"}
    session = importlib.import_module(f"{MODULE}.ui.session").session
    assert session.message.count("SMPL-X, 55 joints, metres, Z up") == 2


def test_own_presets(settings) -> None:
    """Parameters kept as a preset of one's own come back from it."""
    settings.recipient_mass, settings.grips = 180, "OFF"
    assert bpy.ops.assistmimic.preset_add(name="meins") == {"FINISHED"}
    settings.recipient_mass, settings.grips = 100, "AUTO"
    path = next(Path(folder) / "meins.py" for folder in bpy.utils.preset_paths("assistmimic"))
    bpy.ops.script.execute_preset(filepath=str(path), menu_idname="ASSISTMIMIC_MT_presets")
    assert settings.recipient_mass == 180 and settings.grips == "OFF"
