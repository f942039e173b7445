"""Surfaces of two bodies in every frame: penetration, and distances of palms from the partner.

Surfaces meet by MuJoCo's collision detection, whichever engine simulates.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import mujoco
import numpy as np

from controller_server.body.compiled import compiled
from controller_server.body.layout import clip_qpos
from controller_server.body.mjcf import FLOOR
from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.skeleton import L_WRIST, R_WRIST
from controller_server.physics.recorded_frames import take_frames

from .legs import ANKLE, TOE
from .poses import PairPoses

PALMS = (L_WRIST, R_WRIST)
ON_FLOOR, ON_PROP = -1, -2
MARGIN = 0.03
"""How near is near [m]."""
FAR = 0.3
"""Distances beyond this are not measured [m]."""


@dataclass(frozen=True)
class Overlaps:
    """Points where a person is inside something.

    Attributes:
        frame: Shape (N,).
        person: Who, and in whom: 0, 1, ON_FLOOR or ON_PROP. Shape (N, 2); the first is a person.
        joint: Joint whose body each side belongs to; 0 for floor and props. Shape (N, 2).
        point: In the world [m], shape (N, 3).
        normal: Unit direction that leads the first out of the second, shape (N, 3).
        depth: Positive inside, negative for points that are only near [m], shape (N,).
        pair: Number of the pair of shapes, the same in every frame, shape (N,).
    """

    frame: np.ndarray
    person: np.ndarray
    joint: np.ndarray
    point: np.ndarray
    normal: np.ndarray
    depth: np.ndarray
    pair: np.ndarray

    def deepest(self, other: tuple[int, ...], *, frame: int | None = None) -> float:
        """Largest depth in the given others [m]: (0, 1) is the partner."""
        mask = np.isin(self.person[:, 1], other)
        if frame is not None:
            mask &= self.frame == frame
        return float(self.depth[mask].max(initial=0.0))


@dataclass(frozen=True)
class Nearness:
    """From one palm to the bodies of the partner.

    Attributes:
        distance: Between surfaces, negative inside; inf beyond FAR [m], shape (T, 22).
        on_palm: Nearest point of the palm in the world [m], shape (T, 22, 3).
        on_body: Nearest point of the partner's body in the world [m], shape (T, 22, 3).
    """

    distance: np.ndarray
    on_palm: np.ndarray
    on_body: np.ndarray


class Surfaces:
    """The compiled bodies of a clip, to be asked about poses."""

    def __init__(self, clip: InteractionClip) -> None:
        self._clip = clip
        self._asked: tuple[PairPoses, np.ndarray] | None = None
        self._is_part = False
        self._pair = PairBody.from_clip(clip)
        found = compiled(self._pair)
        self._model, self._layout = copy(found.model), found.layout
        self._data = mujoco.MjData(self._model)
        model, layout = self._model, self._layout
        owner = np.full((model.nbody, 2), (ON_PROP, 0))
        for person in range(2):
            owner[layout.body[person]] = [(person, j) for j in self._pair.joints]
            owner[layout.palm[person]] = [(person, j) for j in PALMS]
        self._owner = owner[model.geom_bodyid]
        self._owner[model.geom(FLOOR).id] = (ON_FLOOR, 0)
        palm_body = np.isin(model.geom_bodyid, layout.palm)
        self._palm_geom = np.array([[np.flatnonzero(model.geom_bodyid == b)[0] for b in row] for row in layout.palm])
        feet = [*ANKLE, *TOE]
        # The wrist's own geom is the palm's twin; hands do not hold feet.
        self._holdable = [
            [
                g
                for g in range(model.ngeom)
                if self._owner[g, 0] == person
                and self._owner[g, 1] not in feet
                and (palm_body[g] or self._owner[g, 1] not in PALMS)
            ]
            for person in range(2)
        ]

    def at(self, frames: np.ndarray) -> Surfaces:
        """Return the same bodies, to be asked about poses of some of the clip's frames."""
        part = copy(self)
        part._clip, part._asked, part._is_part = take_frames(self._clip, frames), None, True
        return part

    def _qpos(self, poses: PairPoses) -> np.ndarray:
        if poses.n_frames != self._clip.n_frames:
            raise ValueError(f"{poses.n_frames} poses for a clip of {self._clip.n_frames} frames")
        if self._asked is not None and self._asked[0] is poses:
            return self._asked[1]
        qpos = clip_qpos(poses.to_clip(self._clip), self._pair, self._layout, self._model.nq)
        if self._is_part:  # palms are asked for one by one about the same poses; a whole clip is too long to keep
            self._asked = (poses, qpos)
        return qpos

    def overlaps(self, poses: PairPoses, *, over: float = 0.0) -> Overlaps:
        """Return everything deeper than `over` [m]; a negative number lists what is near, up to MARGIN."""
        self._model.geom_margin[:] = MARGIN / 2 if over < 0 else 0
        frame, geoms, points, normals, depths = [], [], [], [], []
        data = self._data
        for t, qpos in enumerate(self._qpos(poses)):
            data.qpos[:] = qpos
            mujoco.mj_kinematics(self._model, data)
            mujoco.mj_collision(self._model, data)
            contact = data.contact
            deep = np.flatnonzero(contact.dist < -over)
            if deep.size:
                frame.append(np.full(deep.size, t))
                geoms.append(contact.geom[deep])
                points.append(contact.pos[deep])
                normals.append(contact.frame[deep, :3])
                depths.append(-contact.dist[deep])
        if not frame:
            empty = np.zeros((0, 2), int)
            return Overlaps(
                empty[:, 0], empty, empty, np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), np.zeros(0, int)
            )
        pairs, normal = np.concatenate(geoms), np.concatenate(normals)
        owner = self._owner[pairs]  # (N, 2 sides, person and joint)
        # MuJoCo's normal leads from the first geom into the second: out of the first for the second.
        swap = owner[:, 0, 0] < 0
        owner = np.where(swap[:, None, None], owner[:, ::-1], owner)
        return Overlaps(
            np.concatenate(frame),
            owner[..., 0],
            owner[..., 1],
            np.concatenate(points),
            np.where(swap[:, None], normal, -normal),
            np.concatenate(depths),
            pairs.min(axis=1) * self._model.ngeom + pairs.max(axis=1),
        )

    def nearness(self, poses: PairPoses, person: int, side: int, joints: tuple[int, ...] | None = None) -> Nearness:
        """From one palm to each of the partner's bodies (or only to some) in every frame."""
        model, data = self._model, self._data
        palm = int(self._palm_geom[person, side])
        candidates = [g for g in self._holdable[1 - person] if joints is None or int(self._owner[g, 1]) in joints]
        geoms = np.array(candidates)
        reach = model.geom_rbound[geoms] + model.geom_rbound[palm] + FAR
        distance = np.full((poses.n_frames, 22), np.inf)
        ends = np.zeros((poses.n_frames, 22, 2, 3))
        fromto = np.zeros(6)
        for t, qpos in enumerate(self._qpos(poses)):
            data.qpos[:] = qpos
            mujoco.mj_kinematics(model, data)
            centres = np.linalg.norm(data.geom_xpos[geoms] - data.geom_xpos[palm], axis=-1)
            for g in geoms[centres < reach]:
                d = mujoco.mj_geomDistance(model, data, palm, g, FAR, fromto)
                joint = self._owner[g, 1]
                if d < FAR and d < distance[t, joint]:
                    distance[t, joint] = d
                    ends[t, joint] = fromto.reshape(2, 3)
        return Nearness(distance, ends[:, :, 0], ends[:, :, 1])
