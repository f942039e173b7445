"""Centre of pressure on the floor: the one a motion needs, and motion of the centre of mass that keeps it in place."""

from __future__ import annotations

import mujoco
import numpy as np

_GRAVITY = 9.81


def com_above_pressure(pressure: np.ndarray, height: np.ndarray, fps: float) -> np.ndarray:
    """Return the motion of a centre of mass that keeps the floor's pressure where it is wanted.

    Linear inverted pendulum: x - (h / g) x'' = p. Its bounded solution is p convolved with exp(-w |t|) w / 2,
    w = sqrt(g / h) (Kajita et al. 2003, "Biped walking pattern generation by using preview control", in the limit of
    an exact plan).

    Args:
        pressure: Wanted centre of pressure [m], shape (T, 2).
        height: Of the centre of mass [m], shape (T,); its mean is taken.
        fps: Frames per second.

    Returns:
        Shape (T, 2).
    """
    rate = np.sqrt(_GRAVITY / float(height.mean()))
    # A symmetric exponential sampled at frames: kernel of the discrete equation x - (x[-1] - 2 x + x[1]) / (w dt)^2.
    shrink = 1 + (rate / fps) ** 2 / 2
    shrink -= np.sqrt(shrink**2 - 1)
    reach = int(np.ceil(np.log(1e-6) / np.log(shrink)))
    kernel = shrink ** np.abs(np.arange(-reach, reach + 1))
    padded = np.pad(pressure, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(axis, kernel / kernel.sum(), mode="valid") for axis in padded.T], axis=1)


def zero_moment_point(com: np.ndarray, fps: float, moment: np.ndarray | None = None) -> np.ndarray:
    """Return where the floor would have to press: x - (z x'' + moment) / (g + z'').

    Args:
        com: Centres of mass [m], shape (T, P, 3).
        fps: Frames per second.
        moment: Rate of the angular momentum about them by mass [m^2/s^2], shape (T, P, 3); a point has none.

    Returns:
        Shape (T, P, 2) [m].
    """
    force = np.gradient(np.gradient(com, axis=0), axis=0) * fps**2 + np.array([0, 0, _GRAVITY])
    lever = com[..., 2:] * force[..., :2]
    if moment is not None:
        lever = lever + np.stack([moment[..., 1], -moment[..., 0]], axis=-1)
    return com[..., :2] - lever / force[..., 2:]


def needed_pressure(
    model: mujoco.MjModel, root: np.ndarray, qpos: np.ndarray, fps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return where the floor would have to press for a motion of whole bodies, were nobody helping.

    Args:
        model: The pair.
        root: Pelvis body ids, shape (2,).
        qpos: Shape (T, nq).
        fps: Frames per second.

    Returns:
        With what turns trunks and swings limbs, and for the centres of mass alone, each of shape (T, 2, 2) [m].
    """
    data, velocity = mujoco.MjData(model), np.zeros(model.nv)
    spin: np.ndarray = np.zeros((len(qpos), 2, 3))
    com = np.zeros_like(spin)
    for t, row in enumerate(qpos):
        before, after = max(t - 1, 0), min(t + 1, len(qpos) - 1)
        mujoco.mj_differentiatePos(model, velocity, (after - before) / fps, qpos[before], qpos[after])
        data.qpos[:], data.qvel[:] = row, velocity
        mujoco.mj_fwdPosition(model, data)
        mujoco.mj_fwdVelocity(model, data)
        mujoco.mj_subtreeVel(model, data)
        com[t], spin[t] = data.subtree_com[root], data.subtree_angmom[root]
    rate = np.gradient(spin, axis=0) * fps
    moment = rate / model.body_subtreemass[root][:, None]
    return zero_moment_point(com, fps, moment), zero_moment_point(com, fps)
