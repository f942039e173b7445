"""People who float or sink, brought back over time to what bears them: the floor, or furniture under them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from controller_server.body.shape import Shape, body_shapes
from controller_server.clip.interaction import InteractionClip, Prop
from controller_server.core.time_series import gaussian

from .poses import PairPoses
from .smoothing import low_pass, same_hemisphere
from .splines import Spline, solve_banded
from .support import clearance

_KNOTS = 0.5  # s
_STIFF = 0.001  # s^4: how little a float is expected to bend
_LOOK_HZ = 3.0  # jitter is not looked at
_SLOW, _SLOW_UP = 0.4, 0.25  # m/s: what bears a person stays where it is
_DOUBT = 0.02  # m off the curve at which a frame counts for half
_HIGHEST = 0.15  # m a person is brought down or up; further away they are carried, or climb
_SCENE = 0.12  # m both people are off the floor by before the whole scene is moved
_TOGETHER = 0.06  # m by which they may differ then
_ROUNDS = 12


def ground(clip: InteractionClip) -> InteractionClip:
    """Move each person up or down, smoothly over time, until what bears them lies on floor or furniture.

    A scene that is off the floor as a whole comes down first, with furniture that hovers just as high.
    """
    shapes = [body_shapes(motion.skeleton) for _, motion in clip.people]
    clip = _scene_down(clip, shapes)
    poses, calm = PairPoses.of(clip), _calm(PairPoses.of(clip))
    roots = poses.roots.copy()
    for person in range(2):
        roots[:, person, 2] -= float_over_time(calm, person, shapes[person], clip.props)
    return poses.with_changes(roots=roots).to_clip(clip)


def float_over_time(poses: PairPoses, person: int, shapes: Sequence[Shape], props: tuple[Prop, ...]) -> np.ndarray:
    """Return how far one person is over what bears them [m], shape (T,): a slow curve through the frames that tell."""
    gap, told = _bearing_gap(poses, person, shapes, props)
    told &= np.abs(gap) < _HIGHEST
    if not told.any():
        return np.zeros(poses.n_frames)
    spline = Spline.over(poses.n_frames, poses.fps, _KNOTS)
    stiff = _STIFF * spline.curvature() * poses.fps
    weight = told.astype(float)
    curve = np.zeros(poses.n_frames)
    for _ in range(_ROUNDS):
        bands = spline.gram(weight) + stiff
        bands[0] += 1e-6
        curve = spline.evaluate(solve_banded(bands[..., None, None], spline.gather(weight * gap)[:, None])[:, 0])
        # A foot in the air is over the curve, never under it: what is higher is doubted more.
        off = gap - curve
        weight = told / (1 + (np.where(off > 0, 2, 1) * off / _DOUBT) ** 2)
    return curve


def _bearing_gap(
    poses: PairPoses, person: int, shapes: Sequence[Shape], props: tuple[Prop, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Gap under the lowest part [m], and whether that part bears as far as its speed tells; each shape (T,)."""
    found = clearance(poses, person, shapes, props)
    rise = np.abs(np.gradient(gaussian(found.gap, max(0.05 * poses.fps, 0.5)))) * poses.fps
    return found.gap, (found.speed < _SLOW) & (rise < _SLOW_UP)


def _calm(poses: PairPoses) -> PairPoses:
    """Poses without what jitters."""
    return poses.with_changes(
        roots=low_pass(poses.roots, poses.fps, _LOOK_HZ),
        quats=_unit(low_pass(same_hemisphere(poses.quats), poses.fps, _LOOK_HZ)),
    )


def _unit(quats: np.ndarray) -> np.ndarray:
    return quats / np.linalg.norm(quats, axis=-1, keepdims=True)


def _scene_down(clip: InteractionClip, shapes: Sequence[Sequence[Shape]]) -> InteractionClip:
    poses = PairPoses.of(clip)
    calm = _calm(poses)
    standing = tuple(p for p in clip.props if abs(_bottom(p)) < _SCENE)
    heights = []
    for person in range(2):
        gap, told = _bearing_gap(calm, person, shapes[person], standing)
        heights.append(float(np.median(gap[told])) if told.any() else 0.0)
    if min(np.abs(heights)) < _SCENE or abs(heights[0] - heights[1]) > _TOGETHER:
        return clip
    height = float(np.mean(heights))
    roots = poses.roots - np.array([0, 0, height])
    props = tuple(_lowered(prop, height) for prop in clip.props)
    return poses.with_changes(roots=roots).to_clip(replace(clip, props=props))


def _lowered(prop: Prop, height: float) -> Prop:
    """Return the prop at its place on the floor, if it hovered or sank as the people did."""
    if abs(_bottom(prop) - height) > _TOGETHER:
        return prop
    return replace(prop, position=prop.position - np.array([0, 0, height]))


def _bottom(prop: Prop) -> float:
    return float(prop.position[2] - prop.size[2] / 2)
