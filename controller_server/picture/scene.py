"""A clip's people, seats and cameras, ready to be drawn."""

from __future__ import annotations

import numpy as np

from controller_server.clip.interaction import InteractionClip, Prop
from controller_server.clip.rotation import quat_rotate
from controller_server.figure import Pose, dressed, skinned
from controller_server.figure.asset import zone_colours

from .camera import Camera
from .shade import Mesh, decoded

VIEWS = {
    "side": (90.0, -8.0),
    "front": (180.0, -8.0),
    "back": (0.0, -8.0),
    "left": (135.0, -12.0),
    "right": (225.0, -12.0),
    "top": (90.0, -80.0),
}
"""Camera azimuth relative to where the recipient looks, and elevation [deg]."""
_FOV = np.radians(30.0)
_PROP = (0.74, 0.68, 0.60)
_SIDES = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])


def clip_meshes(clip: InteractionClip, frame: int) -> list[Mesh]:
    """Return supporter, recipient and props at a frame."""
    return [*(person_mesh(clip, frame, k) for k in range(2)), *map(prop_mesh, clip.props)]


def person_mesh(clip: InteractionClip, frame: int, person: int) -> Mesh:
    """Return one person (0 supporter, 1 recipient) at a frame; hands close as the clip's grips say."""
    role, motion = clip.people[person]
    closing = (0.0, 0.0) if clip.grips is None else tuple(map(float, clip.grips[frame, person]))
    figure = dressed(motion.skeleton)
    pose = Pose(clip.joints[frame, person], clip.joint_quats[frame, person], (closing[0], closing[1]))
    points, normals = skinned(figure, pose)
    shown = figure.figure
    return Mesh(points, normals, shown.faces, decoded(zone_colours(role))[shown.zones])


def prop_mesh(prop: Prop) -> Mesh:
    """Return a prop as a box with sharp edges."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * np.asarray(prop.size) / 2
    points = (quat_rotate(np.asarray(prop.quat), corners) + prop.position)[_SIDES]
    normal = np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    quads = np.arange(24).reshape(6, 4)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return Mesh(points.reshape(-1, 3), np.repeat(normal, 4, axis=0), faces, np.tile(decoded(_PROP), (12, 1)), 0.02)


def clip_camera(clip: InteractionClip, frame: int, view: str, aspect: float) -> Camera:
    """Return a camera that stands still while the pair does and goes along when it walks."""
    body = clip.joints[:, :, :22]
    middle = (body[..., :2].min(axis=(1, 2)) + body[..., :2].max(axis=(1, 2))) / 2
    travels = np.ptp(middle, axis=0).max() > 0.8
    low, high = body.min(axis=(1, 2)), body.max(axis=(1, 2))
    span = (high - low).max(axis=0) if travels else high.max(axis=0) - low.min(axis=0)
    centre = middle[frame] if travels else (low.min(axis=0) + high.max(axis=0))[:2] / 2
    facing = quat_rotate(clip.joint_quats[clip.n_frames // 2, 1, 0], np.array([0.0, 0, 1]))
    turn, tilt = VIEWS[view]
    azimuth, elevation = np.arctan2(facing[1], facing[0]) + np.radians(turn), np.radians(tilt)
    half = np.tan(_FOV / 2)
    wide = float(abs(np.sin(azimuth)) * span[0] + abs(np.cos(azimuth)) * span[1])
    tall = float(high[:, 2].max()) + 0.45
    distance = max((wide + 0.5) / 2 / (half * aspect), tall / 2 / half) + wide / 4
    forward = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    target = np.array([*centre, tall / 2 - 0.12])
    return Camera(target - distance * forward, target, _FOV)


def sun_of(camera: Camera) -> np.ndarray:
    """Return a direction to the sun behind the camera's left shoulder, shape (3,)."""
    right, _, forward = camera.axes
    flat = -0.45 * forward - 0.75 * right
    return np.array([flat[0], flat[1], 1.15])
