"""Human ranges for posing: relaxed poses, ranges and stiffness of the SMPL-X joints."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from controller_server.clip.rotation import quat_from_rotvec

from .posing_scene import Stage, rest_qpos, simulated_names

# Rotation vectors relative to the T-pose [deg]: x is bending forward (trunk) or the knee, y the elbow of a T-pose arm,
# z lowers an arm. Right arms mirror y and z. Ranges: those of healthy adults (AAOS, Joint Motion, 1965), rounded.
_RANGES: Mapping[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "hip": ((-125, 25), (-40, 40), (-45, 45)),
    "knee": ((1, 145), (-12, 12), (-6, 6)),
    "ankle": ((-35, 50), (-25, 25), (-20, 20)),
    "foot": ((-60, 30), (-30, 30), (-30, 30)),
    "spine1": ((-12, 30), (-12, 12), (-12, 12)),
    "spine2": ((-10, 22), (-12, 12), (-12, 12)),
    "spine3": ((-10, 18), (-12, 12), (-12, 12)),
    "neck": ((-25, 30), (-35, 35), (-20, 20)),
    "head": ((-20, 25), (-35, 35), (-15, 15)),
    "collar": ((-15, 15), (-25, 15), (-12, 25)),
    "shoulder": ((-90, 90), (-140, 60), (-95, 80)),
    "elbow": ((-85, 85), (-145, -3), (-6, 6)),
    "wrist": ((-12, 12), (-25, 25), (-60, 60)),
}
_STIFFNESS: Mapping[str, tuple[float, float, float]] = {
    "hip": (0.05, 0.3, 0.15),
    "knee": (0.03, 1.0, 1.0),
    "ankle": (0.1, 0.3, 0.3),
    "foot": (30.0, 30.0, 30.0),
    "spine1": (0.6, 0.8, 0.8),
    "spine2": (0.8, 0.8, 0.8),
    "spine3": (1.0, 0.8, 0.8),
    "neck": (0.4, 0.3, 0.6),
    "head": (0.5, 0.4, 0.8),
    "collar": (0.8, 0.7, 0.7),
    "shoulder": (0.12, 0.12, 0.12),
    "elbow": (0.08, 0.06, 1.5),
    "wrist": (0.6, 0.4, 0.3),
}
_STANDING = {"shoulder": (0, 0, -72), "elbow": (0, -18, 0), "collar": (0, 0, -4), "knee": (6, 0, 0), "hip": (-4, 0, 0)}
_SEATED = {**_STANDING, "hip": (-80, 0, 0), "knee": (85, 0, 0)}
_ON_FLOOR = {**_STANDING, "hip": (-105, 0, 0), "knee": (95, 0, 0)}


def _part(name: str) -> str:
    return name.split("_")[-1]


def _mirrored(name: str, vector: np.ndarray) -> np.ndarray:
    """Return a vector given for the left side, for this joint."""
    return vector * np.array([1.0, -1.0, -1.0]) if name.startswith("right") else vector


def relaxed_qpos(stage: Stage, seats: tuple[str | None, str | None]) -> np.ndarray:
    """Return both people at ease, standing or sitting, pelvis at the origin, shape (nq,)."""
    qpos = rest_qpos(stage)
    for person, seat in enumerate(seats):
        table = _STANDING if seat is None else _ON_FLOOR if seat == "floor" else _SEATED
        for row, name in enumerate(simulated_names()):
            vector = np.radians(np.array(table.get(_part(name), (0.0, 0.0, 0.0)), dtype=float))
            qpos[stage.layout.joint_qpos[person][row]] = quat_from_rotvec(_mirrored(name, vector))
    return qpos


def joint_limits(stage: Stage) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Addresses in qpos (J, 4) and qvel (J, 3), lowest and highest rotation vectors (J, 3) [rad] of both people."""
    low, high = [], []
    for _ in range(2):
        for name in simulated_names():
            ends = np.radians(np.array(_RANGES[_part(name)], dtype=float))
            both = np.stack([_mirrored(name, ends[:, 0]), _mirrored(name, ends[:, 1])])
            low.append(both.min(axis=0))
            high.append(both.max(axis=0))
    layout = stage.layout
    return layout.joint_qpos.reshape(-1, 4), layout.joint_qvel.reshape(-1, 3), np.array(low), np.array(high)


_IDLE_ARM = 6.0


def stiffness(stage: Stage, idle: Collection[tuple[int, str]]) -> np.ndarray:
    """Cost of leaving the relaxed pose per velocity coordinate, shape (nv,); zero for the pelvis.

    `idle` lists the arms, as (person, side), that have nothing to do and should hang.
    """
    cost = np.zeros(stage.model.nv)
    for person in range(2):
        for row, name in enumerate(simulated_names()):
            cost[stage.layout.joint_qvel[person][row]] = _STIFFNESS[_part(name)]
            if _part(name) in ("shoulder", "elbow") and (person, name.split("_")[0]) in idle:
                cost[stage.layout.joint_qvel[person][row]] *= _IDLE_ARM
    return cost
