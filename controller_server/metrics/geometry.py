"""Surfaces of a clip, frame by frame: how deep bodies are in things, how near hands are to the partner.

Input and output go through the same collision detection of the same bodies, without any dynamics: MuJoCo's, whichever
engine simulated.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from controller_server.body.compiled import compiled
from controller_server.body.layout import PairLayout, clip_qpos
from controller_server.body.mjcf import FLOOR
from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.skeleton import JOINT_NAMES, R_WRIST

from .feet import foot_corners

TOUCH_DISTANCE = 0.03
"""A hand whose surface is nearer than this to the partner's touches them [m]."""
DEPTH_THRESHOLD = 0.001
"""Frames deeper than this count as penetrating [m]."""
_FLOOR, _PROP = -1, -2


@dataclass(frozen=True)
class ClipGeometry:
    """What collision detection sees in a clip of T frames.

    Attributes:
        floor_depth: Deepest point of each person under the floor [m], shape (T, 2); 0 where nothing is.
        prop_depth: The same inside props, shape (T, 2).
        partner_depth: Deepest point of the two people inside each other [m], shape (T,).
        hand_distance: From the surface of each hand (left, right) to the partner's surface [m], shape (T, 2, 2);
            negative inside, infinite beyond TOUCH_DISTANCE.
        com: Centre of mass of each person [m], shape (T, 2, 3).
    """

    floor_depth: np.ndarray
    prop_depth: np.ndarray
    partner_depth: np.ndarray
    hand_distance: np.ndarray
    com: np.ndarray


@dataclass(frozen=True)
class ClipSurfaces:
    """All that is measured of a clip's surfaces.

    Attributes:
        geometry: What collides.
        corners: Of the foot boxes in the world [m], shape (T, 2, 2, C, 3).
    """

    geometry: ClipGeometry
    corners: np.ndarray

    @staticmethod
    def of(clip: InteractionClip, pair: PairBody) -> ClipSurfaces:
        """Return those of a clip, with the clip's own skeletons."""
        body = body_of_clip(clip, pair)
        return ClipSurfaces(clip_geometry(clip, body), foot_corners(clip, body))


def body_of_clip(clip: InteractionClip, pair: PairBody) -> PairBody:
    """Return the pair with a clip's own skeletons and props: prepare may have changed both."""
    people = [
        person if person.skeleton is motion.skeleton else replace(person, skeleton=motion.skeleton)
        for person, (_, motion) in zip(pair.people, clip.people, strict=True)
    ]
    return replace(pair, supporter=people[0], recipient=people[1], props=clip.props)


def clip_geometry(clip: InteractionClip, pair: PairBody) -> ClipGeometry:
    """Collide the bodies of every frame of a clip. `pair` must have the clip's proportions (see `body_of_clip`)."""
    found = compiled(pair)
    model, layout = copy(found.model), found.layout
    person, hand = _geom_owners(model, layout, pair)
    model.geom_margin[hand >= 0] = TOUCH_DISTANCE
    data = mujoco.MjData(model)
    frames = clip.n_frames
    world_depth = np.zeros((2, frames, 2))
    partner_depth, hand_distance = np.zeros(frames), np.full((frames, 4), np.inf)
    com = np.zeros((frames, 2, 3))
    for t, qpos in enumerate(clip_qpos(clip, pair, layout, model.nq)):
        data.qpos[:] = qpos
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_collision(model, data)
        com[t] = data.subtree_com[layout.body[:, 0]]
        if not data.ncon:
            continue
        distance, geoms = data.contact.dist, data.contact.geom
        owners = person[geoms]
        depth = np.maximum(-distance, 0)
        between = (owners >= 0).all(axis=1)
        partner_depth[t] = depth[between].max(initial=0)
        for h in range(4):
            hand_distance[t, h] = distance[between & (hand[geoms] == h).any(axis=1)].min(initial=np.inf)
        for k, kind in enumerate((_FLOOR, _PROP)):
            at = (owners == kind).any(axis=1)
            np.maximum.at(world_depth[k, t], owners[at].max(axis=1), depth[at])
    # MuJoCo adds the margins of two hands, so that it reports them from twice as far.
    hand_distance[hand_distance > TOUCH_DISTANCE] = np.inf
    return ClipGeometry(world_depth[0], world_depth[1], partner_depth, hand_distance.reshape(frames, 2, 2), com)


def _geom_owners(model: mujoco.MjModel, layout: PairLayout, pair: PairBody) -> tuple[np.ndarray, np.ndarray]:
    """Person of each geom (_FLOOR, _PROP), and which of the four hands that can touch a partner it is part of (-1)."""
    person, hand = np.full(model.ngeom, _PROP), np.full(model.ngeom, -1)
    body_person = dict.fromkeys([0, model.body("props").id], -1)
    body_hand = {}
    for p in range(2):
        for j, body in zip(pair.joints, layout.body[p], strict=True):
            body_person[body] = p
            if j > R_WRIST:  # fingers; a wrist's own surface never meets the partner, its palm does
                body_hand[body] = 2 * p + (not JOINT_NAMES[j].startswith("left"))
        for side, body in enumerate(layout.palm[p]):
            body_person[body], body_hand[body] = p, 2 * p + side
    for geom in range(model.ngeom):
        body = int(model.geom_bodyid[geom])
        if body_person[body] >= 0:
            person[geom] = body_person[body]
            hand[geom] = body_hand.get(body, -1)
    person[model.geom(FLOOR).id] = _FLOOR
    return person, hand


def deepest(depth: np.ndarray) -> float:
    """Return the largest penetration [mm] of a track of depths [m] of any shape."""
    return float(1000 * depth.max(initial=0))


def share_deeper(depth: np.ndarray, *, threshold: float = DEPTH_THRESHOLD) -> float:
    """Share of frames deeper than the threshold [m], 0-1. Depths [m], shape (T,)."""
    return float((depth > threshold).mean())


def contact_kept(reference: np.ndarray, simulated: np.ndarray, *, within: float = TOUCH_DISTANCE) -> float | None:
    """Share of the reference's touches that the simulation has too, at the same frame by the same hand.

    Args:
        reference: Hand to partner distances of the prepared clip [m], any shape.
        simulated: Of the simulated clip, same shape.
        within: What counts as touching [m].

    Returns:
        0-1, or None when no hand touches in the reference.
    """
    touches = reference <= within
    return float((simulated[touches] <= within).mean()) if touches.any() else None
