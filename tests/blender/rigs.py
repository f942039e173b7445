"""Armatures made like those people have: bones, axes and units of several kinds, without anybody's model data."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from controller_server.clip.skeleton import JOINT_NAMES, NEUTRAL_REST_JOINTS, PARENTS

MPI_AXES = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


@dataclass(frozen=True)
class RigKind:
    """How a kind of rig is built from SMPL-X's rest joints.

    Attributes:
        axes: Model frame to armature axes, shape (3, 3).
        units: Armature units per metre.
        tail: Direction of every bone's tail in the armature, shape (3,).
        eyes: Names of the eye bones.
        hands: Whether there are fingers, and with them face bones or not.
        face: Whether there are jaw and eyes.
        rotation: Of the object [rad].
        scale: Of the object.
    """

    axes: np.ndarray
    units: float = 1.0
    tail: tuple[float, float, float] = (0, 0, 0.1)
    eyes: tuple[str, str] = ("left_eye_smplhf", "right_eye_smplhf")
    hands: bool = True
    face: bool = True
    rotation: tuple[float, float, float] = (0, 0, 0)
    scale: float = 1.0


MPI = RigKind(MPI_AXES)
MESHCAPADE = RigKind(np.eye(3), 100, (0, 10, 0), ("left_eye", "right_eye"), rotation=(np.pi / 2, 0, 0), scale=0.01)
SMPLH = RigKind(MPI_AXES, face=False)


def make_rig(kind: RigKind, name: str = "person", rest: np.ndarray = NEUTRAL_REST_JOINTS) -> bpy.types.Object:
    """An armature object of a kind, at rest."""
    data = bpy.data.armatures.new(name)
    obj = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    bpy.ops.object.mode_set(mode="EDIT")
    tail = np.array(kind.tail)
    root = data.edit_bones.new("root")
    root.head, root.tail = np.zeros(3), tail
    bones = {-1: root}
    for j, joint in enumerate(JOINT_NAMES):
        if (j in (22, 23, 24) and not kind.face) or (j >= 25 and not kind.hands):
            continue
        bone = data.edit_bones.new(kind.eyes[j - 23] if j in (23, 24) else joint)
        bone.head = kind.axes @ rest[j] * kind.units
        bone.tail, bone.roll = np.array(bone.head) + tail, 0.0
        bone.parent = bones[PARENTS[j]]
        bones[j] = bone
    bpy.ops.object.mode_set(mode="OBJECT")
    obj.rotation_euler = kind.rotation
    obj.scale = (kind.scale,) * 3
    bpy.context.view_layer.update()
    return obj


def heads(obj: bpy.types.Object, names: list[str], frames: np.ndarray) -> np.ndarray:
    """World positions of bone heads as Blender plays them [scene units], shape (T, K, 3)."""
    scene = bpy.context.scene
    found = np.empty((len(frames), len(names), 3))
    for k, frame in enumerate(frames.tolist()):
        scene.frame_set(frame)
        for i, name in enumerate(names):
            found[k, i] = obj.matrix_world @ obj.pose.bones[name].head
    return found


def make_mixamo(name: str = "mixamo") -> bpy.types.Object:
    """A rig as Mixamo makes them: centimetres, Y up, bones along the limbs, a namespace before every name."""
    from controller_server.clip.rig_tables import read_joint_table

    table = {joint: names[0] for joint, names in read_joint_table("mixamo").joints.items()}
    data = bpy.data.armatures.new(name)
    obj = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    bpy.ops.object.mode_set(mode="EDIT")
    rest = 100 * (NEUTRAL_REST_JOINTS + [0, 1.2, 0])
    bones = {}
    for j, joint in enumerate(JOINT_NAMES):
        if joint not in table:
            continue
        bone = data.edit_bones.new(f"mixamorig1:{table[joint]}")
        children = [k for k in range(55) if PARENTS[k] == j and JOINT_NAMES[k] in table]
        bone.head = rest[j]
        straight = rest[children[0]] - rest[j] if children else rest[j] - rest[PARENTS[j]]
        bone.tail = rest[j] + straight * (1.0 if np.linalg.norm(straight) > 1 else 5.0)
        bone.roll = 0.3 * j
        bone.parent = bones.get(PARENTS[j])
        bones[j] = bone
    bpy.ops.object.mode_set(mode="OBJECT")
    obj.rotation_euler, obj.scale = (np.pi / 2, 0, 0), (0.01,) * 3
    bpy.context.view_layer.update()
    return obj


def make_rigify_metarig() -> bpy.types.Object:
    """Rigify's own human meta-rig."""
    import addon_utils

    addon_utils.enable("rigify", default_set=True)
    bpy.ops.object.armature_human_metarig_add()
    return bpy.context.view_layer.objects.active


def make_rigify(kind: str = "human") -> bpy.types.Object:
    """What Rigify generates from its human meta-rig, from that without a face (in a tenth of the time), or "basic"."""
    import addon_utils

    addon_utils.enable("rigify", default_set=True)
    getattr(bpy.ops.object, f"armature_{'basic_' if kind == 'basic' else ''}human_metarig_add")()
    meta = bpy.context.view_layer.objects.active
    if kind == "faceless":
        bpy.ops.object.mode_set(mode="EDIT")
        bones = meta.data.edit_bones
        for bone in [*bones["face"].children_recursive, bones["face"]]:
            bones.remove(bone)
        bpy.ops.object.mode_set(mode="OBJECT")
    assert bpy.ops.pose.rigify_generate() == {"FINISHED"}
    rig = bpy.context.view_layer.objects.active
    assert rig != meta
    bpy.data.objects.remove(meta)
    return rig


def animate_rigify(obj: bpy.types.Object, first: int, last: int) -> bpy.types.Action:
    """Two key poses as animators make them: hands and feet by inverse kinematics, body by torso, hips and chest."""
    keys = {"torso": "location", "hips": "rotation_quaternion", "chest": "rotation_quaternion", "head": "scale"}
    keys |= {f"{limb}_ik.{side}": "location" for limb in ("hand", "foot") for side in "LR"}
    for frame, much in ((first, 0.0), (last, 1.0)):
        for k, (name, channel) in enumerate(keys.items()):
            bone = obj.pose.bones[name]
            if channel == "location":
                bone.location = (0.02 * k * much, -0.05 * much, 0.03 * much)
            elif channel == "scale":
                bone.scale = (1 + 0.1 * much,) * 3
            else:
                bone.rotation_quaternion = (1, 0.2 * much, 0.1 * much, -0.1 * k * much)
            bone.keyframe_insert(channel, frame=frame)
    return obj.animation_data.action
