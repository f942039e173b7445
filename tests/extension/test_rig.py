"""Rigs of the Blender extension, as far as they need no Blender."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.standing import standing_motion

from blender_addon.rig.bones import Bones
from blender_addon.rig.controls import Control, Controls
from blender_addon.rig.mapping import called, read_mapping, shipped_mappings
from blender_addon.rig.motion import blend_motions
from blender_addon.rig.rig import recognise
from blender_addon.rig.rotation_modes import EULER_MODES, channels_from_matrices, matrices_from_channels
from controller_server.clip.fit.joint_names import match_joints
from controller_server.clip.io.bvh_world import UNITS
from controller_server.clip.rig_tables import motion_file_tables, read_joint_table
from controller_server.clip.rotation import quat_from_rotvec, quat_to_matrix
from controller_server.clip.skeleton import JOINT_NAMES, NEUTRAL_REST_JOINTS, PARENTS, joint
from controller_server.core.errors import AssistMimicError

MPI_AXES = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


def person(axes: np.ndarray = MPI_AXES, rest: np.ndarray = NEUTRAL_REST_JOINTS, names: tuple[str, ...] = JOINT_NAMES):
    """Bones of an armature at rest, one for each joint, in the model's axes."""
    matrices = np.tile(np.eye(4), (len(names), 1, 1))
    matrices[:, :3, :3] = axes
    matrices[:, :3, 3] = rest @ axes.T
    return Bones(names, np.array(PARENTS), matrices, ("QUATERNION",) * len(names))


@pytest.mark.parametrize("mode", ["QUATERNION", "AXIS_ANGLE", *EULER_MODES])
def test_rotation_modes_come_back(mode: str) -> None:
    """A smooth rotation written in any mode and read again is the same, and no channel jumps."""
    rng = np.random.default_rng(1)
    rotvecs = np.cumsum(rng.normal(0, 0.08, (200, 3)), axis=0)
    matrices = quat_to_matrix(quat_from_rotvec(rotvecs))
    source = np.array([1.0, 0, 0, 0]) if mode == "QUATERNION" else np.array([0.0, 0, 1, 0])
    values = channels_from_matrices(matrices, mode, np.tile(source, (200, 1)))
    padded = np.zeros((200, 1, 4))
    padded[:, 0, : values.shape[1]] = values
    assert np.abs(matrices_from_channels(padded, [mode])[:, 0] - matrices).max() < 1e-9
    if mode in EULER_MODES:
        assert np.abs(np.diff(values, axis=0)).max() < np.pi  # whole turns are taken out


def test_quaternions_lie_on_the_sources_side() -> None:
    """Keys are signed like the source's, even where that one is the negative of the usual quaternion."""
    turn = np.linspace(0.1, 3.0, 50)
    simulated = quat_to_matrix(quat_from_rotvec(np.stack([turn + 0.2, 0 * turn, 0 * turn], axis=-1)))
    source = -quat_from_rotvec(np.stack([turn, 0 * turn, 0 * turn], axis=-1))
    values = channels_from_matrices(simulated, "QUATERNION", source)
    assert (np.einsum("ti,ti->t", values, source) > 0.9).all()
    assert np.abs(np.diff(values, axis=0)).max() < 0.1


def test_recognises_by_geometry() -> None:
    """The same person is read from metres with Z up, centimetres with Y up, and a rig turned on its side."""
    tilted = quat_to_matrix(quat_from_rotvec(np.array([0.3, 0.5, -0.2])))
    for axes, units in ((MPI_AXES, 1.0), (np.eye(3), 100.0), (tilted, 1.0)):
        bones = person(axes, NEUTRAL_REST_JOINTS * units)
        world = np.diag([1 / units] * 3 + [1.0])
        rig = recognise(bones, world, shipped_mappings())
        assert rig.kind == "SMPL-X" and len(rig.mapped) == 55
        assert np.abs(rig.rest_joints - NEUTRAL_REST_JOINTS).max() < 1e-9


def test_hanging_arms_are_a_pose() -> None:
    """A rig that rests with lowered arms has the same T-pose as one that rests with raised ones."""
    lowered = NEUTRAL_REST_JOINTS.copy()
    for side, sign in (("left", -1), ("right", 1)):
        shoulder = joint(f"{side}_shoulder")
        turn = quat_to_matrix(quat_from_rotvec(np.array([0, 0, sign * 0.9])))
        arm = [j for j in range(55) if _below(j, shoulder)]
        lowered[arm] = lowered[shoulder] + (lowered[arm] - lowered[shoulder]) @ turn.T
    rig = recognise(person(rest=lowered), np.eye(4), shipped_mappings())
    assert np.abs(rig.rest_joints - NEUTRAL_REST_JOINTS).max() < 0.02
    assert np.abs(rig.rest_turns[joint("left_wrist")] - [1, 0, 0, 0]).max() > 0.1


def _below(j: int, ancestor: int) -> bool:
    while j >= 0:
        if j == ancestor:
            return True
        j = PARENTS[j]
    return False


@pytest.mark.parametrize(
    ("bones", "world", "message"),
    [
        (person(names=tuple(f"bone{k}" for k in range(55))), np.eye(4), "choose a bone mapping"),
        (person(), np.diag([1.0, 1.0, 1.2, 1.0]), "Apply > Scale"),
        (person(), np.diag([1.0, 1.0, -1.0, 1.0]), "mirrored"),
        (person(rest=NEUTRAL_REST_JOINTS * 5), np.eye(4), "scale the object"),
    ],
)
def test_what_is_no_person_is_refused(bones: Bones, world: np.ndarray, message: str) -> None:
    """Strange names, uneven scale, mirrored objects and giants are refused with the way to mend it."""
    with pytest.raises(AssistMimicError, match=message):
        recognise(bones, world, shipped_mappings())


def test_mapping_files(tmp_path: Path) -> None:
    """Shipped mappings name only SMPL-X joints; a damaged file is refused by its name."""
    assert {mapping.name for mapping in shipped_mappings()} >= {"SMPL-X", "Rigify"}
    path = tmp_path / "mine.json"
    broken = ("{", "not readable as JSON"), ('{"name": "x", "bones": {"tail": "Tail"}}', "tail")
    for text, message in (*broken, ('{"name": "x", "bones": ["Hips"]}', "joints: expected names and values")):
        path.write_text(text)
        with pytest.raises(AssistMimicError, match=message) as caught:
            read_mapping(path)
        assert str(path) in str(caught.value)


def test_blending_ends_where_it_should() -> None:
    """Weight 0 gives the original, 1 the simulated motion, a half lies between."""
    a, b = standing_motion(3, at=(0, 0), facing=0), standing_motion(3, at=(0.2, 0), facing=1)
    mixed = blend_motions(a, b, np.array([0.0, 0.5, 1.0]))
    assert np.abs(mixed.joints[0][0] - a.joints[0][0]).max() < 1e-9
    assert np.abs(mixed.joints[0][2] - b.joints[0][2]).max() < 1e-9
    assert mixed.trans[1, 0] == pytest.approx((a.trans[1, 0] + b.trans[1, 0]) / 2)


def test_controls_of_generated_rigs() -> None:
    """Rigify's controls move every joint of the body once; without one, or with one elsewhere, it is refused."""
    rigify = next(mapping for mapping in shipped_mappings() if mapping.name == "Rigify")
    assert rigify.controls is not None
    assert sorted(joint(control.takes) for control in rigify.controls.keyed) == list(range(22))
    plain = person()
    extra = [control for control in rigify.controls.keyed if control.bone != "hand_fk.L"]
    assert rigify.table is not None
    names = tuple(rigify.table.joints.get(name, (name,))[0] for name in plain.names) + tuple(
        control.bone for control in extra
    )
    turns_at = [max(joint(c.takes), joint(c.on)) if c.on in JOINT_NAMES else 0 for c in extra]
    rest = np.concatenate([plain.rest, plain.rest[turns_at]])
    parents = np.concatenate([plain.parents, np.full(len(extra), -1)])
    modes = ("QUATERNION",) * len(names)
    with pytest.raises(AssistMimicError, match=r"without a control hand_fk.L where it moves the left wrist"):
        recognise(Bones(names, parents, rest, modes), np.eye(4), shipped_mappings())
    whole = [*names, "hand_fk.L"], np.append(parents, -1), np.concatenate([rest, rest[[joint("left_wrist")]]])
    rig = recognise(Bones(tuple(whole[0]), whole[1], whole[2], (*modes, "XYZ")), np.eye(4), shipped_mappings())
    assert rig.kind == "Rigify" and rig.controls == rigify.controls
    whole[2][-1, :3, 3] += 0.1
    with pytest.raises(AssistMimicError, match="hand_fk.L"):
        recognise(Bones(tuple(whole[0]), whole[1], whole[2], (*modes, "XYZ")), np.eye(4), shipped_mappings())


@pytest.mark.parametrize("name", [table.name for table in motion_file_tables() if table.name != "smplx"])
def test_rigs_of_the_readers_tables(name: str) -> None:
    """See a person in any rig whose names the clip readers know, spelled as exporters spell them."""
    table = next(table for table in motion_file_tables() if table.name == name)
    known = {**table.rotations, **table.joints}
    names = tuple(known[j][0] if j in known else f"extra{k}" for k, j in enumerate(JOINT_NAMES))
    for spelled in (names, tuple(bone.upper().replace("_", " ") for bone in names)):
        rig = recognise(person(names=spelled), np.eye(4), shipped_mappings())
        assert rig.kind == called(name) and len(rig.mapped) == len(known)
        assert np.abs(rig.rest_joints - NEUTRAL_REST_JOINTS)[rig.mapped].max() < 1e-9


@pytest.mark.parametrize("unit", ["cm", "mm", "inch", "cmu"])
def test_units_of_motion_files(unit: str) -> None:
    """Somebody imported in a file's own unit is a person of the right size, under a scaled object too."""
    per_unit = UNITS[unit]
    for world in (np.eye(4), np.diag([2.0, 2.0, 2.0, 1.0])):
        rest = NEUTRAL_REST_JOINTS / per_unit / world[0, 0]
        rig = recognise(person(rest=rest), world, shipped_mappings(), (1.0,))
        assert rig.metres == pytest.approx(per_unit)
        assert np.abs(rig.rest_joints - NEUTRAL_REST_JOINTS).max() < 1e-9


def test_mappings_serve_motion_files_and_armatures(tmp_path: Path) -> None:
    """A mapping saved for Blender serves --joint-map as well; its names are taken as they stand, its controls kept."""
    path = tmp_path / "mine.json"
    bones = {name: f"My.{name}" for name in JOINT_NAMES[:22]}
    controls = {"controls": {"torso": ["spine1", "root"]}, "at_rest": ["hips"], "properties": {"torso": {"follow": 1}}}
    path.write_text(json.dumps({"name": "Mine", "bones": bones, **controls, "author": "me"}))
    mapping, names = read_mapping(path), tuple(f"rig:My.{name}" for name in JOINT_NAMES)
    assert mapping.match(person(names=names)) == ("Mine", {name: k for k, name in enumerate(JOINT_NAMES[:22])})
    assert mapping.match(person(names=tuple(name.lower() for name in names)))[1] == {}
    assert mapping.controls == Controls((Control("torso", "spine1", "root"),), ("hips",), {"torso": {"follow": 1}})
    assert len(match_joints(names, "rig.bvh", read_joint_table(path)).joints) == 22


def test_mapping_in_the_readers_format(tmp_path: Path) -> None:
    """A table written for --joint-map serves in Blender as well."""
    path = tmp_path / "mine.yaml"
    path.write_text("joints: {" + ", ".join(f"{name}: b{k}" for k, name in enumerate(JOINT_NAMES)) + "}")
    bones = person(names=tuple(f"b{k}" for k in range(len(JOINT_NAMES))))
    assert len(recognise(bones, np.eye(4), [read_mapping(path)]).mapped) == len(JOINT_NAMES)
