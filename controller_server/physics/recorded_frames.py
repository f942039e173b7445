"""Recordings at physics steps, brought back to the frames of a clip."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from controller_server.clip.interaction import InteractionClip, SmplxMotion, slice_motion
from controller_server.clip.resample import sample_cubic, sample_quats
from controller_server.clip.rotation import rotvec_from_quat
from controller_server.clip.skeleton import LEFT_HAND, RIGHT_HAND

from .recording import Recording


def frame_times(clip: InteractionClip) -> np.ndarray:
    """Time of each frame since the first [s], shape (T,)."""
    return np.arange(clip.n_frames) / clip.fps


def recording_to_clip(recording: Recording, reference: InteractionClip) -> InteractionClip:
    """Return the simulated motion as a clip with the frames, the rate and the fields of another.

    Root positions are interpolated cubically and joint rotations spherically between physics steps. Where the
    recording ends before the clip does, the last simulated pose is held.

    Args:
        recording: What happened.
        reference: The prepared clip it was simulated from. Joints without a body of their own (fingers of mitten
            hands, jaw, eyes), expression, betas, gender, rest skeleton, props and grips are taken from it.
    """
    at = np.interp(frame_times(reference), recording.time, np.arange(len(recording.time)))
    roots = sample_cubic(recording.positions[:, :, 0], at)
    rotvecs = rotvec_from_quat(sample_quats(recording.local_quats, at))
    people = [
        _simulated_motion(motion, roots[:, person], rotvecs[:, person], recording.joints)
        for person, (_, motion) in enumerate(reference.people)
    ]
    return replace(reference, supporter=people[0], recipient=people[1])


def _simulated_motion(
    motion: SmplxMotion, roots: np.ndarray, rotvecs: np.ndarray, joints: tuple[int, ...]
) -> SmplxMotion:
    """Return a motion with its root and its simulated joints replaced.

    `rotvecs` is (T, B, 3) in the order of `joints`.
    """
    pose = np.concatenate([motion.root_orient[:, None], motion.pose], axis=1)
    pose[:, list(joints)] = rotvecs
    frames = len(pose)
    return replace(
        motion,
        trans=roots - motion.skeleton.rest_joints[0],
        root_orient=pose[:, 0],
        pose_body=pose[:, 1:22].reshape(frames, -1),
        left_hand_pose=pose[:, LEFT_HAND].reshape(frames, -1),
        right_hand_pose=pose[:, RIGHT_HAND].reshape(frames, -1),
    )


def slice_clip(clip: InteractionClip, frames: slice) -> InteractionClip:
    """Return some frames of a clip. Raises AssistMimicError when fewer than two are left."""
    return take_frames(clip, np.arange(clip.n_frames)[frames])


def take_frames(clip: InteractionClip, frames: np.ndarray) -> InteractionClip:
    """Return the frames of a clip with these indices, shape (S,).

    Raises AssistMimicError when they are fewer than two.
    """
    grips = None if clip.grips is None else clip.grips[frames]
    people = [slice_motion(motion, frames) for _, motion in clip.people]
    return replace(clip, supporter=people[0], recipient=people[1], grips=grips)


def per_frame(time: np.ndarray, values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Mean of what was recorded at each step over the steps nearest to each frame: keeps impulses, unlike sampling.

    Args:
        time: Of the steps [s], shape (S,).
        values: Shape (S, ...).
        times: Of the frames, evenly spaced [s], shape (T,).

    Returns:
        Shape (T, ...). A frame with no step of its own (clips faster than the physics) takes the nearest step's.
    """
    frame = nearest_frame(time, times)
    flat = values.reshape(len(time), -1)
    total = np.zeros((len(times), flat.shape[1]))
    np.add.at(total, frame, flat)
    count = np.bincount(frame, minlength=len(times))
    means = total / np.maximum(count, 1)[:, None]
    empty = np.flatnonzero(count == 0)
    if len(empty):
        means[empty] = flat[np.abs(time[None] - times[empty, None]).argmin(axis=1)]
    return means.reshape(len(times), *values.shape[1:])


def nearest_frame(time: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Index of the evenly spaced frame nearest to each step, shape (S,)."""
    step = times[1] - times[0]
    # A step half-way between two frames belongs to the later one, so that every frame gets as many.
    return np.clip(np.floor((time - times[0]) / step + 0.5 + 1e-6).astype(int), 0, len(times) - 1)


@dataclass(frozen=True)
class FrameContacts:
    """Who touches whom, frame by frame. C contacts.

    Attributes:
        frame: Frame of each contact, ascending, shape (C,).
        bodies: Body row of the first and second participant, plus B for the recipient; -1 floor, -2 prop. (C, 2).
        positions: Mean place in the world [m], shape (C, 3).
        forces: Net force on the first participant, mean over the frame's steps [N, world], shape (C, 3).
    """

    frame: np.ndarray
    bodies: np.ndarray
    positions: np.ndarray
    forces: np.ndarray


def contacts_per_frame(recording: Recording, times: np.ndarray) -> FrameContacts:
    """Return the contact list of the physics steps gathered to frames, one entry for each touching pair of bodies."""
    frame = nearest_frame(recording.time, times)
    steps_in_frame = np.bincount(frame, minlength=len(times))
    keys = np.column_stack([frame[recording.contact_step], recording.contact_bodies])
    unique, group = np.unique(keys, axis=0, return_inverse=True)
    group = group.reshape(-1)
    forces, positions = np.zeros((len(unique), 3)), np.zeros((len(unique), 3))
    np.add.at(forces, group, recording.contact_forces)
    np.add.at(positions, group, recording.contact_positions)
    entries = np.bincount(group, minlength=len(unique))
    return FrameContacts(
        frame=unique[:, 0],
        bodies=unique[:, 1:],
        positions=positions / np.maximum(entries, 1)[:, None],
        forces=forces / np.maximum(steps_in_frame[unique[:, 0]], 1)[:, None],
    )


def slice_recording(recording: Recording, start: float, end: float) -> Recording:
    """Return the steps from one time to another [s], both included, with time starting at zero again."""
    first, last = np.searchsorted(recording.time, (start - 1e-6, end + 1e-6))
    listed = (recording.contact_step >= first) & (recording.contact_step < last)
    per_step = ("positions", "quats", "local_quats", "com", "torques", "damper_torques", "joint_velocity")
    per_step += ("forces", "grips", "wrench")
    per_contact = ("contact_bodies", "contact_positions", "contact_forces")
    return replace(
        recording,
        time=recording.time[first:last] - start,
        contact_step=recording.contact_step[listed] - first,
        **{name: getattr(recording, name)[first:last] for name in per_step},
        **{name: getattr(recording, name)[listed] for name in per_contact},
    )


def until_end(recording: Recording, clip: InteractionClip) -> Recording:
    """Return the steps of a recording up to the first at or after the last frame of a clip."""
    step = recording.time[1] - recording.time[0] if len(recording.time) > 1 else 0.0
    return slice_recording(recording, 0.0, clip.duration + step - 3e-6)
