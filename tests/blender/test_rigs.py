"""Rigs in Blender: what is written into an action is what Blender plays, and what is read is what was there."""

from __future__ import annotations

import importlib
import os
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import bpy
import numpy as np
import pytest

from controller_server.clip.interaction import slice_motion
from controller_server.clip.io.npz import read_npz

from .rigs import (
    MESHCAPADE,
    MPI,
    SMPLH,
    RigKind,
    animate_rigify,
    heads,
    make_mixamo,
    make_rig,
    make_rigify,
    make_rigify_metarig,
)

MODES = ("QUATERNION", "XYZ", "ZXY", "AXIS_ANGLE", "YXZ", "ZYX", "XZY", "YZX")
FRAMES = np.arange(5, 65)
CLIP = Path(__file__).resolve().parents[2] / "assets" / "clips" / "pull_up.npz"


@pytest.fixture
def part(addon: ModuleType) -> SimpleNamespace:
    """The extension's modules."""
    names = ("armature", "recognising", "reading", "baking", "compat", "figure", "stills")
    return SimpleNamespace(**{n: importlib.import_module(f"{addon.__name__}.blender.{n}") for n in names})


def bake_clip(part: SimpleNamespace, obj: bpy.types.Object, name: str = "baked"):
    """Write 60 frames of a real clip into an armature; what was written, in its proportions."""
    scene = bpy.context.scene
    rig = part.recognising.rig_of(obj, scene)
    motion = replace(slice_motion(read_npz(CLIP).supporter, slice(0, 60)), rest_joints=rig.rest_joints)
    sampled = part.reading.sample([(obj, rig)], FRAMES, scene)[0]
    action, slot = part.baking.bake(obj, sampled, motion, name)
    part.compat.assign(obj, action, slot)
    return rig, motion


def joint_bones(rig) -> list[str]:
    """Bones of the mapped joints, in SMPL-X order."""
    return [rig.bones.names[row] for row in rig.rows[rig.mapped]]


def numbers_on(bone: bpy.types.PoseBone) -> dict[str, float]:
    """A bone's custom properties that are numbers."""
    return {key: value for key, value in bone.items() if isinstance(value, (int, float))}


def placed(kind: RigKind) -> bpy.types.Object:
    """A rig somewhere in the scene, under a parent, its root turned, bones in all rotation modes."""
    obj = make_rig(kind)
    obj.location, obj.rotation_euler[2] = (0.4, -0.3, 0.1), 0.7
    parent = bpy.data.objects.new("floor", None)
    bpy.context.scene.collection.objects.link(parent)
    parent.location, parent.rotation_euler = (0.1, 0.2, 0), (0, 0, -0.4)
    obj.parent = parent
    for k, bone in enumerate(obj.pose.bones):
        bone.rotation_mode = MODES[k % len(MODES)]
    obj.pose.bones["root"].rotation_mode = "QUATERNION"
    obj.pose.bones["root"].rotation_quaternion = (0.9, 0.1, -0.3, 0.2)
    bpy.context.view_layer.update()
    return obj


@pytest.mark.parametrize("kind", [MPI, MESHCAPADE, SMPLH], ids=["mpi", "meshcapade", "smplh"])
def test_written_and_read(part: SimpleNamespace, kind: RigKind) -> None:
    """Joint heads as Blender plays them and as they are read back are those of the motion within 0.1 mm."""
    obj = placed(kind)
    rig, motion = bake_clip(part, obj)
    played = heads(obj, joint_bones(rig), FRAMES)
    assert np.abs(played - motion.joints[0][:, rig.mapped]).max() < 1e-4
    read = part.reading.sample([(obj, rig)], FRAMES, bpy.context.scene)[0]
    assert read.stepped == ""
    assert np.abs(read.motion.joints[0] - motion.joints[0])[:, rig.mapped].max() < 1e-4


def test_played_where_curves_do_not_tell(part: SimpleNamespace) -> None:
    """Under a constraint the scene is played, the reading agrees with Blender, and the current frame stays."""
    obj = placed(MPI)
    rig, _ = bake_clip(part, obj)
    target = bpy.data.objects.new("target", None)
    bpy.context.scene.collection.objects.link(target)
    target.location = (1, 1, 1)
    constraint = obj.pose.bones["left_wrist"].constraints.new("IK")
    constraint.target, constraint.chain_count = target, 3
    bpy.context.scene.frame_set(3)
    read = part.reading.sample([(obj, rig)], FRAMES, bpy.context.scene)[0]
    assert "left_wrist" in read.stepped and bpy.context.scene.frame_current == 3
    played = heads(obj, joint_bones(rig), FRAMES)
    assert np.abs(read.motion.joints[0][:, rig.mapped] - played).max() < 1e-4


def test_constraints_do_not_move_a_result(part: SimpleNamespace) -> None:
    """A result written over an inverse-kinematics arm plays as simulated, and the constraint can be restored."""
    obj = placed(MPI)
    target = bpy.data.objects.new("target", None)
    bpy.context.scene.collection.objects.link(target)
    constraint = obj.pose.bones["left_wrist"].constraints.new("IK")
    constraint.target, constraint.chain_count, constraint.influence = target, 3, 0.8
    rig, motion = bake_clip(part, obj)
    played = heads(obj, joint_bones(rig), FRAMES)
    assert np.abs(played - motion.joints[0][:, rig.mapped]).max() < 1e-4
    record = part.baking.read_record(obj.animation_data.action)
    part.compat.assign(obj, None, None)
    part.stills.write_channels(obj, record["stills"])
    assert constraint.influence == pytest.approx(0.8)


def test_keys_around_and_other_channels_stay(part: SimpleNamespace) -> None:
    """Writing into a part of an animation keeps keys before and after, object keys, and the source action itself."""
    obj = placed(MPI)
    rig, _ = bake_clip(part, obj, "source")
    obj.location = (0, 0, 0)
    obj.keyframe_insert("location", frame=5)
    source = obj.animation_data.action
    before = {(c.data_path, c.array_index): len(c.keyframe_points) for c in part.compat.object_fcurves(obj)}
    sampled = part.reading.sample([(obj, rig)], FRAMES[20:40], bpy.context.scene)[0]
    action, slot = part.baking.bake(obj, sampled, sampled.motion, "part")
    assert {(c.data_path, c.array_index): len(c.keyframe_points) for c in part.compat.object_fcurves(obj)} == before
    part.compat.assign(obj, action, slot)
    after = {(c.data_path, c.array_index): len(c.keyframe_points) for c in part.compat.object_fcurves(obj)}
    assert action != source and after == before


def test_figure_is_a_person(part: SimpleNamespace) -> None:
    """Our own figure is recognised with the neutral proportions, has flesh and leaves the mode as it was."""
    from controller_server.clip.skeleton import NEUTRAL_REST_JOINTS, Skeleton

    collection = bpy.context.scene.collection
    obj = part.figure.new_figure("Zoë", Skeleton.neutral(), "supporter", collection)
    rig = part.recognising.rig_of(obj, bpy.context.scene)
    assert rig.kind == "SMPL-X" and np.abs(rig.rest_joints - NEUTRAL_REST_JOINTS).max() < 1e-6
    body = obj.children[0]
    assert len(body.data.vertices) > 500 and all(v.groups for v in body.data.vertices)
    assert bpy.context.mode == "OBJECT"
    assert {m.name.rpartition(" ")[2] for m in body.data.materials} >= {"skin", "shirt", "trousers", "shoes"}


def test_figure_bends_as_everywhere_else(part: SimpleNamespace) -> None:
    """A knee bent in Blender is, to a few millimetres, the knee of report and films."""
    from controller_server.clip.rotation import quat_from_rotvec
    from controller_server.clip.skeleton import N_JOINTS, Skeleton, forward_kinematics, joint
    from controller_server.figure import Pose, dressed, skinned

    skeleton = Skeleton.neutral()
    obj = part.figure.new_figure("Ada", skeleton, "recipient", bpy.context.scene.collection)
    turns = np.zeros((N_JOINTS, 3))
    turns[joint("left_knee"), 0] = 1.7
    quats = quat_from_rotvec(turns)
    bone = obj.pose.bones["left_knee"]
    bone.rotation_mode, bone.rotation_quaternion = "QUATERNION", quats[joint("left_knee")]
    bpy.context.view_layer.update()
    mesh = obj.children[0].evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    found = np.empty(3 * len(mesh.vertices))
    mesh.vertices.foreach_get("co", found)
    joints, world = forward_kinematics(skeleton.offsets, skeleton.rest_joints[0], quats)
    legs = dressed(skeleton).points[:, 1] < -0.3  # without hands, which hang relaxed elsewhere
    expected = skinned(dressed(skeleton), Pose(joints, world))[0][legs]
    assert np.abs(found.reshape(-1, 3)[legs] @ [[1, 0, 0], [0, 0, -1], [0, 1, 0]] - expected).max() < 0.005


def test_refusals_name_the_object(part: SimpleNamespace) -> None:
    """No object, a mesh, an armature at rest position and a driven bone are refused with what to do."""
    scene = bpy.context.scene
    mesh = bpy.data.objects.new("Würfel", bpy.data.meshes.new("cube"))
    for obj, message in ((None, "pick an armature"), (mesh, "Würfel: not an armature")):
        with pytest.raises(ValueError, match=message):
            part.recognising.rig_of(obj, scene)
    obj = make_rig(MPI)
    rig = part.recognising.rig_of(obj, scene)
    obj.data.pose_position = "REST"
    with pytest.raises(ValueError, match="Pose Position"):
        part.reading.sample([(obj, rig)], FRAMES, scene)
    obj.pose.bones["head"].driver_add("rotation_quaternion", 0)
    with pytest.raises(ValueError, match="head is driven"):
        part.armature.check_writable(obj, rig)


@pytest.mark.parametrize("make", [make_mixamo, make_rigify_metarig], ids=["mixamo", "rigify"])
def test_other_rigs_through_their_mapping(part: SimpleNamespace, make) -> None:
    """A Mixamo rig and Rigify's meta-rig are recognised, written and read back within 0.1 mm of what Blender plays."""
    obj = make()
    scene = bpy.context.scene
    rig = part.recognising.rig_of(obj, scene)
    assert rig.kind in ("Mixamo", "Rigify meta-rig")
    rig, motion = bake_clip(part, obj)
    played = heads(obj, joint_bones(rig), FRAMES)
    read = part.reading.sample([(obj, rig)], FRAMES, scene)[0]
    assert np.abs(read.motion.joints[0][:, rig.mapped] - played).max() < 1e-4
    # Rotations are the motion's own; places too, but where a rig has bones between two joints.
    assert np.abs(read.motion.pose_body - motion.pose_body).max() < 1e-3
    assert np.abs(played - motion.joints[0][:, rig.mapped]).max() < 1e-4


def test_rigify_is_written_onto_its_controls(part: SimpleNamespace) -> None:
    """On a generated rig, animated by inverse kinematics, FK controls put the skeleton where the motion has it."""
    obj = make_rigify(os.environ.get("ASSISTMIMIC_RIGIFY", "faceless"))
    obj.location, obj.rotation_euler[2] = (0.4, -0.3, 0.1), 0.7
    source = animate_rigify(obj, 1, 80)
    slot = part.compat.assigned_slot(obj.animation_data)
    frames = np.array([3, 30, 80])
    ends = ["DEF-hand.L", "DEF-foot.R", "DEF-spine.006", "hand_fk.L"]
    before = heads(obj, ends, frames)
    switches = {bone.name: numbers_on(bone) for bone in obj.pose.bones}
    rig, motion = bake_clip(part, obj)
    assert rig.kind == "Rigify"
    played = heads(obj, joint_bones(rig), FRAMES)
    body = [k for k, j in enumerate(rig.mapped) if j < 22]
    assert np.abs(played - motion.joints[0][:, rig.mapped])[:, body].max() < 1e-4
    # What deforms the skin is what was asked for: no bone is stretched, hands and feet are where the joints are.
    deform = heads(obj, ["DEF-hand.L", "DEF-toe.R", "DEF-spine.003", "DEF-spine.006"], FRAMES)
    wanted = motion.joints[0][:, [20, 11, 9, 15]]
    assert np.abs(deform - wanted).max() < 1e-4
    read = part.reading.sample([(obj, rig)], FRAMES, bpy.context.scene)[0]
    assert read.stepped == "drivers"
    assert np.abs(read.motion.joints[0] - motion.joints[0])[:, :22].max() < 1e-4
    # The spine's bones are stretched between places, so that how it twists between pelvis and chest is not kept.
    limbs = [j - 1 for j in range(1, 22) if j not in (3, 6, 9)]
    turned = (read.motion.pose_body - motion.pose_body).reshape(-1, 21, 3)
    assert np.abs(turned[:, limbs]).max() < 1e-3
    record = part.baking.read_record(obj.animation_data.action)
    part.compat.assign(obj, source, slot)
    part.stills.write_channels(obj, record["stills"])
    np.testing.assert_allclose(heads(obj, ends, frames), before, atol=1e-6)
    assert {bone.name: numbers_on(bone) for bone in obj.pose.bones} == switches
