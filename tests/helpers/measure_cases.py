"""Hand-made pairs and recordings with known measures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controller_server.body.layout import clip_local_quats
from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip, Prop, SmplxMotion
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, rotvec_from_quat
from controller_server.clip.skeleton import L_ANKLE, R_ANKLE, Skeleton
from controller_server.metrics.capsules import centre_of_mass
from controller_server.metrics.effort import GRAVITY
from controller_server.physics.recording import TOUCH_FLOOR, TOUCH_PARTNER, Recording

FPS = 30.0
SKELETON = Skeleton.neutral()
STANDING_HEIGHT = float(SKELETON.rest_joints[0, 1] - SKELETON.sole_height)
"""Of the pelvis over the floor, soles flat on it [m]."""


def upright(heading: float) -> np.ndarray:
    """Rotation vector of somebody upright; heading 0 faces -Y [rad]."""
    turn = quat_mul(quat_from_rotvec(np.array([0, 0, heading])), quat_from_rotvec(np.array([np.pi / 2, 0, 0])))
    return rotvec_from_quat(turn)


def still(frames: int, *, pelvis: tuple[float, float, float], orient: np.ndarray | None = None) -> SmplxMotion:
    """Somebody in the rest pose (arms out) with the pelvis at a point."""
    trans = np.tile(np.array(pelvis) - SKELETON.rest_joints[0], (frames, 1))
    orient = upright(0) if orient is None else orient
    return SmplxMotion(trans=trans, root_orient=np.tile(orient, (frames, 1)), pose_body=np.zeros((frames, 63)))


def apart(frames: int = 10, *, distance: float = 4.0, props: tuple[Prop, ...] = ()) -> InteractionClip:
    """Two people standing still, arms out, side by side along X."""
    return InteractionClip(
        FPS,
        still(frames, pelvis=(0, 0, STANDING_HEIGHT)),
        still(frames, pelvis=(distance, 0, STANDING_HEIGHT)),
        props=props,
    )


def moved(clip: InteractionClip, offset: np.ndarray) -> InteractionClip:
    """The clip with both people moved by an offset [m], shape (3,) or (T, 3)."""
    return clip.with_people(lambda motion: replace(motion, trans=motion.trans + offset))


def recording_of(
    clip: InteractionClip,
    pair: PairBody,
    *,
    lift: float = 0.0,
    wrench: float = 0.0,
    until: float | None = None,
    load: float = 1.0,
) -> Recording:
    """A recording that follows a clip exactly and holds its end still where it goes on beyond it.

    Args:
        clip: What is followed.
        pair: The bodies.
        lift: The supporter lifts the recipient by the left wrist with this [N].
        wrench: Outside force on the recipient [N].
        until: Where it ends [s]; at the clip's end by default.
        load: What the ankles of each person bear [body weights].
    """
    duration = clip.duration if until is None else until
    steps = round(duration * pair.physics_hz) + 1
    frame = np.minimum((np.arange(steps) / pair.physics_hz * clip.fps).round().astype(int), clip.n_frames - 1)
    rows = list(pair.joints)
    bodies = len(rows)
    forces = np.zeros((steps, 2, bodies, 3, 3))
    wrist = pair.hand_rows[0]
    forces[:, 1, wrist, TOUCH_PARTNER, 2] = lift
    forces[:, 0, wrist, TOUCH_PARTNER, 2] = -lift
    weight = np.array([person.mass for person in pair.people]) * GRAVITY
    for ankle in (rows.index(L_ANKLE), rows.index(R_ANKLE)):
        forces[:, :, ankle, TOUCH_FLOOR, 2] = load * weight / 2
    outside = np.zeros((steps, 2, 6))
    outside[:, 1, 2] = wrench
    positions = clip.joints[frame][:, :, rows]
    quats = clip.joint_quats[frame][:, :, rows]
    contacts = np.arange(steps) if lift else np.zeros(0, int)
    return Recording(
        joints=pair.joints,
        time=np.arange(steps) / pair.physics_hz,
        positions=positions,
        quats=quats,
        local_quats=clip_local_quats(clip, pair.joints)[frame],
        com=np.stack([centre_of_mass(clip, p, body) for p, body in enumerate(pair.people)], axis=1)[frame],
        torques=np.zeros((steps, 2, bodies - 1, 3)),
        damper_torques=np.zeros((steps, 2, bodies - 1, 3)),
        joint_velocity=np.zeros((steps, 2, bodies - 1, 3)),
        torque_limits=pair.torque_limits,
        forces=forces,
        grips=np.zeros((steps, 2, 2)),
        wrench=outside,
        mass=np.array([person.mass for person in pair.people]),
        contact_step=contacts,
        contact_bodies=np.tile([wrist + bodies, wrist], (len(contacts), 1)),
        contact_positions=positions[contacts, 1, wrist],
        contact_forces=np.tile([0.0, 0.0, lift], (len(contacts), 1)),
    )
