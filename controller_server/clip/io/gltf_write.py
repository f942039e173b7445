"""A clip as a GLB: both people skinned and animated, with SMPL-X names, for any viewer and without Blender.

Y up, metres, one animation with both people. A person is an armature node over 55 joints that moves the project's own
figure; each part of its clothes is a material.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.clip.interaction import ROLES, InteractionClip, SmplxMotion
from controller_server.clip.rotation import quat_from_matrix, quat_from_rotvec, quat_mul, quat_rotate
from controller_server.clip.skeleton import JOINT_NAMES, N_JOINTS, PARENTS
from controller_server.core.errors import ClipError
from controller_server.core.whole_file import replace_file
from controller_server.figure import ZONES, dressed
from controller_server.figure.asset import zone_colours

_Y_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
_ARRAY, _ELEMENTS = 34962, 34963


class _Buffer:
    """The binary chunk and the views and accessors into it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, values: np.ndarray, kind: str, target: int | None = None) -> int:
        """Append an array and return its accessor."""
        code = {"<f4": 5126, "<u2": 5123, "<u4": 5125}[values.dtype.str]
        self.data.extend(b"\0" * (-len(self.data) % 4))
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.data), "byteLength": values.nbytes}
        if target is not None:
            view["target"] = target
        self.data.extend(np.ascontiguousarray(values).tobytes())
        self.views.append(view)
        flat = values.reshape(len(values), -1)
        self.accessors.append(
            {
                "bufferView": len(self.views) - 1,
                "componentType": code,
                "count": len(values),
                "type": kind,
                "min": flat.min(axis=0).tolist(),
                "max": flat.max(axis=0).tolist(),
            }
        )
        return len(self.accessors) - 1


def write_gltf(path: Path, clip: InteractionClip) -> list[Path]:
    """Write a clip and return the file. Raises AssistMimicError when it cannot be written."""
    buffer, nodes, skins, meshes, channels, samplers = _Buffer(), [], [], [], [], []
    times = buffer.add((np.arange(clip.n_frames) / clip.fps).astype("<f4"), "SCALAR")
    for index, (role, motion) in enumerate(clip.people):
        first = len(nodes) + 2
        nodes.append({"name": role, "children": [first, first - 1]})
        nodes.append({"name": f"{role} body", "mesh": index, "skin": index})
        nodes += _joints(motion, first)
        skins.append(_skin(buffer, motion, first))
        meshes.append(_mesh(buffer, motion, role, index))
        for node, name, values, kind in _motion(motion, first):
            samplers.append({"input": times, "output": buffer.add(values.astype("<f4"), kind)})
            channels.append({"sampler": len(samplers) - 1, "target": {"node": node, "path": name}})
    content = {
        "asset": {"version": "2.0", "generator": "AssistMimic", "extras": {"source": clip.source}},
        "scene": 0,
        "scenes": [{"nodes": [k for k, node in enumerate(nodes) if node["name"] in ROLES]}],
        "nodes": nodes,
        "skins": skins,
        "meshes": meshes,
        "materials": [material for role in ROLES for material in _materials(role)],
        "animations": [{"name": "clip", "channels": channels, "samplers": samplers}],
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data)}],
    }
    try:
        replace_file(path, _glb(content, bytes(buffer.data)))
    except OSError as error:
        raise ClipError(f"{path}: cannot be written ({error.strerror or error})") from None
    return [path]


def _glb(content: dict[str, Any], data: bytes) -> bytes:
    text = json.dumps(content, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    data += b"\0" * (-len(data) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _joints(motion: SmplxMotion, first: int) -> list[dict[str, Any]]:
    """Return the joints' nodes in the rest pose: standing on the floor, in the model's own axes (y up)."""
    skeleton = motion.skeleton
    offsets = skeleton.offsets.copy()
    offsets[0] = skeleton.rest_joints[0] - [0, skeleton.sole_height, 0]
    nodes = []
    for j, name in enumerate(JOINT_NAMES):
        node: dict[str, Any] = {"name": name, "translation": offsets[j].tolist()}
        children = [first + k for k, parent in enumerate(PARENTS) if parent == j]
        nodes.append({**node, "children": children} if children else node)
    return nodes


def _rest(motion: SmplxMotion) -> np.ndarray:
    return motion.skeleton.rest_joints - [0, motion.skeleton.sole_height, 0]


def _skin(buffer: _Buffer, motion: SmplxMotion, first: int) -> dict[str, Any]:
    inverse = np.tile(np.eye(4), (N_JOINTS, 1, 1))
    inverse[:, 3, :3] = -_rest(motion)  # columns first, as glTF stores matrices
    joints = list(range(first, first + N_JOINTS))
    return {"inverseBindMatrices": buffer.add(inverse.astype("<f4"), "MAT4"), "joints": joints, "skeleton": first}


def _motion(motion: SmplxMotion, first: int) -> list[tuple[int, str, np.ndarray, str]]:
    """Return each node's curve: the pelvis' place, and the rotation of every joint."""
    turn = quat_from_matrix(_Y_UP)
    quats = quat_from_rotvec(np.concatenate([motion.root_orient[:, None], motion.pose], axis=1))
    quats[:, 0] = quat_mul(turn, quats[:, 0])
    pelvis = quat_rotate(turn, motion.joints[0][:, 0])
    turns = [(first + j, "rotation", quats[:, j][:, [1, 2, 3, 0]], "VEC4") for j in range(N_JOINTS)]
    return [(first, "translation", pelvis, "VEC3"), *turns]


def _materials(role: str) -> list[dict[str, Any]]:
    """Return a material for each of the figure's zones, in their order."""
    return [
        {
            "name": f"{role} {zone}",
            "pbrMetallicRoughness": {
                "baseColorFactor": [*np.round(colour**2.2, 4).tolist(), 1.0],
                "metallicFactor": 0.0,
                "roughnessFactor": 0.8,
            },
        }
        for zone, colour in zip(ZONES, zone_colours(role), strict=True)
    ]


def _mesh(buffer: _Buffer, motion: SmplxMotion, role: str, index: int) -> dict[str, Any]:
    """Return the person's figure: one set of points, and a primitive for each zone."""
    person = dressed(motion.skeleton)
    figure = person.figure
    attributes = {
        "POSITION": buffer.add((person.points - [0, motion.skeleton.sole_height, 0]).astype("<f4"), "VEC3", _ARRAY),
        "NORMAL": buffer.add(person.normals.astype("<f4"), "VEC3", _ARRAY),
        "JOINTS_0": buffer.add(figure.joints.astype("<u2"), "VEC4", _ARRAY),
        "WEIGHTS_0": buffer.add(figure.weights.astype("<f4"), "VEC4", _ARRAY),
    }
    primitives = []
    for zone in range(len(ZONES)):
        indices = buffer.add(figure.faces[figure.zones == zone].reshape(-1).astype("<u4"), "SCALAR", _ELEMENTS)
        primitives.append({"attributes": attributes, "indices": indices, "material": index * len(ZONES) + zone})
    return {"name": role, "primitives": primitives}
