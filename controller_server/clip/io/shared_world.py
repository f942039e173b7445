"""Two people who were tracked one by one, each in a world of their own, put into one world by the camera they share."""

from __future__ import annotations

import numpy as np

from controller_server.clip.rotation import quat_conj, quat_from_rotvec, quat_mul, quat_rotate

from .tracks import SmplTrack

_STILL = np.radians(3), 0.05  # rad and m a camera may seem to move before it counts as moving


def in_first_world(
    first_world: SmplTrack, first_camera: SmplTrack, second_camera: SmplTrack, fps: float
) -> tuple[SmplTrack, str]:
    """Return the second person in the first one's world, and a sentence about it.

    With the pose of a pelvis in world and camera, the camera's own pose in that world is G = world o camera^-1; what
    holds for one person's pelvis in each frame, smoothed, holds for the other's. What is left is an error of depth.

    Args:
        first_world: The first person in the first person's world.
        first_camera: The first person in the camera's frame, as many frames.
        second_camera: The second person in the camera's frame, as many frames.
        fps: Frames per second.
    """
    roots = [quat_from_rotvec(track.root_orient) for track in (first_world, first_camera)]
    turn = quat_mul(roots[0], quat_conj(roots[1]))
    turn = smooth_quats(turn, 0.2 * fps)
    shift = first_world.pelvis() - quat_rotate(turn, first_camera.pelvis())
    angle = 2 * np.arccos(np.clip(np.abs(turn @ turn[len(turn) // 2]), 0, 1))
    still = float(np.percentile(angle, 95)) < _STILL[0] and float(np.ptp(shift, axis=0).max()) < _STILL[1] * 4
    if still:
        turn = np.broadcast_to(smooth_quats(turn, 1e6)[0], turn.shape)
        shift = np.median(first_world.pelvis() - quat_rotate(turn, first_camera.pelvis()), axis=0)
        shift = np.broadcast_to(shift, (len(turn), 3))
    else:
        shift = smooth_along(shift, 0.2 * fps)
    moved = second_camera.moved(turn, shift)
    kind = "a still" if still else "a moving"
    return (
        moved,
        f"one world: the second person was put into the first one's world by the camera they share ({kind} one)",
    )


def smooth_along(values: np.ndarray, sigma: float) -> np.ndarray:
    """Return values smoothed over time by a Gaussian of `sigma` frames, ends held. Shape (T, N)."""
    reach = int(min(3 * sigma + 1, len(values)))
    weight = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-6)) ** 2)
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, weight / weight.sum(), mode="valid") for column in padded.T], axis=1)


def smooth_quats(quats: np.ndarray, sigma: float) -> np.ndarray:
    """Return rotations smoothed over time by a Gaussian of `sigma` frames. Shape (T, 4)."""
    signs = np.sign(np.sum(quats[1:] * quats[:-1], axis=-1))
    signs[signs == 0] = 1
    even = quats * np.concatenate([[1.0], np.cumprod(signs)])[:, None]
    smooth = smooth_along(even, sigma)
    return smooth / np.maximum(np.linalg.norm(smooth, axis=-1, keepdims=True), 1e-9)
