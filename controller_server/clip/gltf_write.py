"""A clip as a GLB: both people skinned and animated, with SMPL-X names, for any viewer and without Blender.

Y up, metres, one animation with both people. A person is an armature node over 55 joints; bodies are plain tapered
boxes along the bones, each moved by one joint.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AssistMimicError
from ..wholefile import replace_file
from .interaction import InteractionClip, SmplxMotion
from .rotation import cross, quat_from_matrix, quat_from_rotvec, quat_mul, quat_rotate
from .skeleton import HEAD, JOINT_NAMES, L_FOOT, N_JOINTS, PARENTS, R_FOOT

_Y_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
_COLOURS = {"supporter": (0.20, 0.45, 0.80, 1.0), "recipient": (0.90, 0.55, 0.20, 1.0)}
_THICK = {"hip": 0.07, "knee": 0.06, "ankle": 0.045, "foot": 0.035, "spine1": 0.11, "spine2": 0.12, "spine3": 0.12}
_THICK |= {"neck": 0.07, "head": 0.08, "collar": 0.06, "shoulder": 0.06, "elbow": 0.045, "wrist": 0.035}
_FINGER = 0.009
_SHORTEST = 1e-3  # m
_BOX = np.array([[a, b] for a in (-1, 1) for b in (-1, 1)], dtype=float)
_SIDES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (1, 5, 7, 3), (3, 7, 6, 2), (2, 6, 4, 0))
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
        "scenes": [{"nodes": [k for k, node in enumerate(nodes) if node["name"] in _COLOURS]}],
        "nodes": nodes,
        "skins": skins,
        "meshes": meshes,
        "materials": [
            {"name": role, "pbrMetallicRoughness": {"baseColorFactor": colour, "metallicFactor": 0.0}}
            for role, colour in _COLOURS.items()
        ],
        "animations": [{"name": "clip", "channels": channels, "samplers": samplers}],
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data)}],
    }
    try:
        replace_file(path, _glb(content, bytes(buffer.data)))
    except OSError as error:
        raise AssistMimicError(f"{path}: cannot be written ({error.strerror or error})") from None
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


def _mesh(buffer: _Buffer, motion: SmplxMotion, role: str, material: int) -> dict[str, Any]:
    """Return a body of one tapered box for each bone, moved by the joint it begins at."""
    rest, scale = _rest(motion), motion.skeleton.scale
    points, normals, joints, faces = [], [], [], []
    bones = [(PARENTS[j], rest[PARENTS[j]], rest[j], _width(j)) for j in range(1, N_JOINTS)]
    bones += [(HEAD, rest[HEAD], rest[HEAD] + [0, 0.18 * scale, 0], 0.15)]
    bones += [(j, rest[j], rest[j] + [0, 0, 0.07 * scale], 0.03) for j in (L_FOOT, R_FOOT)]
    for parent, start, end, width in bones:
        if np.linalg.norm(end - start) < _SHORTEST:
            continue
        corners = _bone(start, end, _width(parent) * scale, width * scale)
        for side in _SIDES:
            quad = corners[list(side)]
            normal = np.cross(quad[1] - quad[0], quad[2] - quad[0])
            faces.append(np.array([0, 1, 2, 0, 2, 3]) + 4 * len(faces))
            points.append(quad)
            normals.append(np.tile(normal / max(float(np.linalg.norm(normal)), 1e-12), (4, 1)))
            joints += [parent] * 4
    bound = np.zeros((len(joints), 4), "<u2")
    bound[:, 0] = joints
    weights = np.tile(np.array([1, 0, 0, 0], "<f4"), (len(joints), 1))
    attributes = {
        "POSITION": buffer.add(np.concatenate(points).astype("<f4"), "VEC3", _ARRAY),
        "NORMAL": buffer.add(np.concatenate(normals).astype("<f4"), "VEC3", _ARRAY),
        "JOINTS_0": buffer.add(bound, "VEC4", _ARRAY),
        "WEIGHTS_0": buffer.add(weights, "VEC4", _ARRAY),
    }
    indices = buffer.add(np.concatenate(faces).astype("<u4"), "SCALAR", _ELEMENTS)
    return {"name": role, "primitives": [{"attributes": attributes, "indices": indices, "material": material}]}


def _width(j: int) -> float:
    return _THICK.get(JOINT_NAMES[j].split("_")[-1], 0.1 if j == 0 else _FINGER)


def _bone(start: np.ndarray, end: np.ndarray, first: float, second: float) -> np.ndarray:
    """Return the eight corners of a tapered box along a bone, shape (8, 3)."""
    along = end - start
    along = along / max(float(np.linalg.norm(along)), 1e-9)
    across = cross(along, np.array([0.0, 0, 1]) if abs(along[2]) < 0.9 else np.array([1.0, 0, 0]))
    across = across / np.linalg.norm(across)
    plane = np.stack([across, cross(along, across)])
    ends = (start + first * _BOX @ plane / 2, end + second * _BOX @ plane / 2)
    return np.concatenate(ends)
