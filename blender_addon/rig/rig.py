# SPDX-License-Identifier: GPL-3.0-or-later
"""An armature as a person: its SMPL-X joints, axes, unit and proportions, read off its rest pose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from controller_server.clip.fit.body_frames import shortest_arc
from controller_server.clip.io.bvh_world import find_unit
from controller_server.clip.rotation import quat_conj, quat_from_matrix, quat_mul, quat_rotate
from controller_server.clip.skeleton import JOINT_NAMES, N_JOINTS, PARENTS, Skeleton, joint
from controller_server.core.errors import AssistMimicError, SceneError

from .bones import Bones
from .by_motion import rest_from_motion
from .controls import Controls
from .mapping import REQUIRED, BoneMapping

Motion = Callable[[], "tuple[np.ndarray, np.ndarray] | None"]
"""Gives an object's matrices (T, 4, 4) and its bones' in armature space (T, N, 4, 4); None where nothing moves it."""
LEG_LENGTH = (0.3, 1.5)
"""Hip to ankle of a person [m]."""
_SAME = 1e-3
_SNAP = np.cos(np.radians(20))
_BENT = np.radians(15)
_ARM = (("shoulder", "elbow"), ("elbow", "wrist"))


@dataclass(frozen=True)
class Rig:
    """A recognised armature.

    The model frame is SMPL-X's (x left, y up, z forward). Its rest pose is the T-pose; an arm that hangs in the
    armature's rest pose is a pose of the model, `rest_turns` away from its rest.

    Attributes:
        kind: "SMPL-X", "Mixamo" and so on.
        bones: All bones of the armature.
        rows: Row of each SMPL-X joint's bone, -1 where the rig has none, shape (55,).
        axes: Rotation of the model frame into armature space (w, x, y, z), shape (4,).
        rest_turns: World rotation each joint has in the armature's rest pose, in the model frame, shape (55, 4).
        unit: Metres per armature unit, object scale included.
        metres: Metres per unit of the scene.
        rest_joints: The person's T-pose in the model frame [m], shape (55, 3).
        controls: What is keyed where the joints' bones follow controls; None where they are keyed themselves.
    """

    kind: str
    bones: Bones
    rows: np.ndarray
    axes: np.ndarray
    rest_turns: np.ndarray
    unit: float
    metres: float
    rest_joints: np.ndarray
    controls: Controls | None = None

    @cached_property
    def mapped(self) -> np.ndarray:
        """SMPL-X joints that have a bone, ascending."""
        return np.flatnonzero(self.rows >= 0)

    @cached_property
    def bone_to_joint(self) -> np.ndarray:
        """Rotation from each joint's frame to its bone's, so that R_joint = R_bone * this; shape (55, 4)."""
        to_joint = np.zeros((N_JOINTS, 4))
        to_joint[:, 0] = 1
        rows = self.rows[self.mapped]
        rest = quat_from_matrix(_rotation_of(self.bones.rest[rows]))
        to_joint[self.mapped] = quat_mul(quat_conj(rest), quat_mul(self.axes, self.rest_turns[self.mapped]))
        return to_joint

    @property
    def line(self) -> str:
        """One line for the panel."""
        up = quat_rotate(self.axes, np.array([0.0, 1, 0]))
        axis = "XYZ"[int(np.abs(up).argmax())]
        name = {0.01: "centimetres", 1.0: "metres", 0.0254: "inches", 0.001: "millimetres"}.get(round(self.unit, 5))
        unit = name or f"{self.unit:.4g} m per unit"
        stature = Skeleton(self.rest_joints).stature
        return f"{self.kind}, {len(self.mapped)} joints, {unit}, {axis} up, {stature:.2f} m tall"


def recognise(
    bones: Bones,
    world: np.ndarray,
    mappings: Sequence[BoneMapping],
    scene_units: Sequence[float] = (1.0,),
    motion: Motion | None = None,
) -> Rig:
    """See the person in an armature, by its bones and where they stand in the rest pose.

    Args:
        bones: Bones of the armature.
        world: The object's matrix, shape (4, 4).
        mappings: To try; the one that finds most joints is taken.
        scene_units: Metres per Blender unit to try, the first under which the legs are a person's; after them the
            units of motion files.
        motion: Gives a sample of its motion, which is asked where the rest pose is no person standing.

    Raises:
        AssistMimicError: it is no person, its object is scaled unevenly, or its controls are not what they should be.
    """
    scale = _even_scale(world)
    matches = [(mapping, *mapping.match(bones)) for mapping in mappings]
    mapping, kind, found = max(matches, key=lambda match: len(match[2]))
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        raise SceneError(
            f"no person: {', '.join(missing[:4])}{' and more' if len(missing) > 4 else ''} not found among "
            f"{len(bones.names)} bones; choose a bone mapping for this rig"
        )
    rows = np.full(N_JOINTS, -1)
    for name, row in found.items():
        rows[JOINT_NAMES.index(name)] = row
    legs = _leg_length(bones.heads, found)
    metres = next((unit for unit in scene_units if LEG_LENGTH[0] <= legs * scale * unit <= LEG_LENGTH[1]), None)
    if metres is None:
        metres = _unit_of_files(legs * scale)
    unit = scale * metres
    if mapping.controls is not None:
        mapping.controls.check(mapping.name, bones, rows)
    try:
        axes, turns = _standing(bones, rows, legs)
    except _NoStandingRest as error:
        moved = None if motion is None else motion()
        if moved is None:
            raise SceneError(f"{error}, and it has no motion to see its joints by") from None
        axes, turns = rest_from_motion(bones, rows, *moved, metres)
    rest = _rest_joints(quat_rotate(quat_conj(axes), bones.heads), rows, turns, unit)
    return Rig(_kind(kind, found), bones, rows, axes, turns, unit, metres, rest, mapping.controls)


class _NoStandingRest(SceneError):
    """The rest pose is not that of a person who stands."""


def _standing(bones: Bones, rows: np.ndarray, legs: float) -> tuple[np.ndarray, np.ndarray]:
    """Model frame and rest turns of a rig that stands in its rest pose. Raises _NoStandingRest."""
    axes = _model_axes(bones, rows)
    model = quat_rotate(quat_conj(axes), bones.heads)
    if not model[rows[0], 1] > model[rows[joint("left_ankle")], 1] + 0.5 * legs:
        raise _NoStandingRest("its rest pose does not stand: the pelvis is not above the ankles")
    return axes, _rest_turns(model, rows)


def _unit_of_files(legs: float) -> float:
    """Metres per unit of the scene for somebody who was imported in a file's own unit, centimetres say."""
    try:
        return find_unit(("legs",), (legs,))[0]
    except AssistMimicError:
        raise SceneError(
            f"legs are {legs:.3g} units long, a person's {LEG_LENGTH[0]} to {LEG_LENGTH[1]} m; scale the object"
        ) from None


def _kind(kind: str, found: Mapping[str, int]) -> str:
    if kind != "SMPL-X" or "jaw" in found:
        return kind
    return "SMPL-H" if "left_index1" in found else "SMPL-X body"


def _even_scale(world: np.ndarray) -> float:
    lengths = np.linalg.norm(world[:3, :3], axis=0)
    if lengths.min() < 1e-9 or lengths.max() / lengths.min() > 1 + _SAME:
        raise SceneError(
            f"scaled unevenly ({', '.join(f'{x:.3g}' for x in lengths)}); apply its scale with Object > Apply > Scale"
        )
    if np.linalg.det(world[:3, :3]) < 0:
        raise SceneError("mirrored (negative scale); apply its scale with Object > Apply > Scale")
    return float(lengths.mean())


def _rotation_of(matrices: np.ndarray) -> np.ndarray:
    """Rotation matrices without scale. Shape (..., 4, 4) to (..., 3, 3)."""
    columns = matrices[..., :3, :3]
    return columns / np.linalg.norm(columns, axis=-2, keepdims=True)


def _model_axes(bones: Bones, rows: np.ndarray) -> np.ndarray:
    """Model frame in armature space.

    SMPL-X rigs have every bone rest in the model's axes; elsewhere hips, shoulders and neck tell.
    """

    def head(name: str) -> np.ndarray:
        return bones.heads[rows[joint(name)]]

    top = "neck" if rows[joint("neck")] >= 0 else "head"
    left = head("left_hip") - head("right_hip") + head("left_shoulder") - head("right_shoulder")
    up = head(top) - head("pelvis")
    left = left / max(float(np.linalg.norm(left)), 1e-12)
    up = up - (up @ left) * left
    up = up / max(float(np.linalg.norm(up)), 1e-12)
    seen = np.stack([left, up, np.cross(left, up)], axis=-1)
    if not np.isfinite(seen).all() or abs(np.linalg.det(seen)) < 0.5:
        raise _NoStandingRest("its rest pose shows no left and no up: hips, shoulders or spine lie in one point")
    body = _rotation_of(bones.rest[rows[:22][rows[:22] >= 0]])
    if np.abs(body - body[0]).max() < _SAME and np.trace(body[0].T @ seen) > 1 + 2 * _SNAP:
        return quat_from_matrix(body[0])
    snapped = np.zeros((3, 3))
    for column in range(2):
        k = int(np.abs(seen[:, column]).argmax())
        snapped[k, column] = np.sign(seen[k, column])
    snapped[:, 2] = np.cross(snapped[:, 0], snapped[:, 1])
    is_near = (np.einsum("ij,ij->j", snapped, seen) > _SNAP).all()
    return quat_from_matrix(snapped if is_near else seen)


def _leg_length(model: np.ndarray, found: Mapping[str, int]) -> float:
    total = 0.0
    for side in ("left", "right"):
        hip, knee, ankle = (model[found[f"{side}_{part}"]] for part in ("hip", "knee", "ankle"))
        total += float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
    return total / 2


def _rest_turns(model: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rotation of each joint from the T-pose to the armature's rest pose, in the model frame, shape (55, 4).

    Only arms differ from rig to rig by more than taste: what hangs by more than 15 degrees is a pose.
    """
    turns = np.zeros((N_JOINTS, 4))
    turns[:, 0] = 1
    neutral = Skeleton.neutral().offsets
    for j in range(1, N_JOINTS):
        turns[j] = turns[PARENTS[j]]
        side, _, part = JOINT_NAMES[j].partition("_")
        for start, end in _ARM:
            if part != start:
                continue
            child = joint(f"{side}_{end}")
            arc = shortest_arc(quat_rotate(turns[j], neutral[child]), model[rows[child]] - model[rows[j]])
            if 2 * np.arccos(min(1.0, abs(float(arc[0])))) > _BENT:
                turns[j] = quat_mul(arc, turns[j])
    return turns


def _rest_joints(model: np.ndarray, rows: np.ndarray, turns: np.ndarray, unit: float) -> np.ndarray:
    """Return the T-pose of the rig's proportions [m]; joints without a bone stand where the neutral body has them."""
    neutral = Skeleton.neutral()
    own = Skeleton(np.where(rows[:, None] >= 0, model[np.maximum(rows, 0)] * unit, neutral.rest_joints))
    rest = np.zeros((N_JOINTS, 3))
    posed = np.zeros((N_JOINTS, 3))  # where the joint is in the armature's rest pose
    for j in range(N_JOINTS):
        parent = PARENTS[j]
        has_bone = rows[j] >= 0
        if has_bone:
            posed[j] = model[rows[j]] * unit
        if parent < 0:
            rest[j] = posed[j]
            continue
        if not has_bone:
            rides = JOINT_NAMES[j] in ("jaw", "left_eye_smplhf", "right_eye_smplhf", "spine1", "spine2", "spine3")
            rides = rides or JOINT_NAMES[j].endswith(("collar", "neck"))
            offset = np.zeros(3) if rides else neutral.offsets[j] * own.scale
            posed[j] = posed[parent] + quat_rotate(turns[parent], offset)
        rest[j] = rest[parent] + quat_rotate(quat_conj(turns[parent]), posed[j] - posed[parent])
    return rest
