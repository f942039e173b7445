"""Physical plausibility of a posed clip, as numbers an author reads beside the picture strip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.body.layout import PairLayout, clip_qpos
from controller_server.body.mjcf import compile_pair
from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.rotation import quat_conj, quat_mul, rotvec_from_quat
from controller_server.clip.skeleton import PARENTS
from controller_server.metrics.feet import foot_corners
from controller_server.metrics.geometry import clip_geometry

from .pressure import needed_pressure

BEARING_HEIGHT = 0.005
"""Soles lower than this bear weight [m]."""


@dataclass(frozen=True)
class ClipCheck:
    """Measures of a clip of T frames.

    Attributes:
        partner_depth: Deepest point of the people inside each other [m], shape (T,).
        floor_depth: Of each person under the floor [m], shape (T, 2).
        prop_depth: Of each person inside props [m], shape (T, 2).
        hand_gap: From each hand's surface to the partner [m], shape (T, 2, 2); infinite beyond 3 cm.
        foot_slide: Mean speed of sole corners that bear before and after, per person [m/s], shape (2,).
        com: Centres of mass [m], shape (T, 2, 3).
        com_margin: How far inside the support polygon of the bearing soles the centre of mass is [m], shape (T, 2);
            negative outside.
        pair_margin: The same for both people together, shape (T,).
        pressure_margin: How far inside the support polygon the centre of pressure is that the motion of the whole body
            asks for, were nobody helping [m], shape (T, 2).
        held: Whether a grip joins the two, shape (T,).
        seated: Whether a person touches a prop, or the floor with anything but feet, shape (T, 2).
        joint_speed: Fastest joint of each person [rad/s], shape (T - 1, 2).
        joint_jump: Largest change of a joint's velocity from one frame to the next [rad/s], shape (T - 2, 2).
    """

    partner_depth: np.ndarray
    floor_depth: np.ndarray
    prop_depth: np.ndarray
    hand_gap: np.ndarray
    foot_slide: np.ndarray
    com: np.ndarray
    com_margin: np.ndarray
    pair_margin: np.ndarray
    pressure_margin: np.ndarray
    held: np.ndarray
    seated: np.ndarray
    joint_speed: np.ndarray
    joint_jump: np.ndarray


def check_clip(clip: InteractionClip) -> ClipCheck:
    """Measure a clip."""
    pair = PairBody.from_clip(clip)
    geometry = clip_geometry(clip, pair)
    corners = foot_corners(clip, pair)
    grips = np.zeros((clip.n_frames, 2, 2)) if clip.grips is None else clip.grips
    mass = np.array([person.mass for person in pair.people])
    both = (geometry.com * mass[:, None]).sum(axis=1) / mass.sum()
    bearing = [[_bearing(corners[t, p]) for p in range(2)] for t in range(clip.n_frames)]
    margin = [[support_margin(b[p], geometry.com[t, p, :2]) for p in range(2)] for t, b in enumerate(bearing)]
    pair_margin = [support_margin(np.concatenate(b), both[t, :2]) for t, b in enumerate(bearing)]
    needed = _needed_pressure(clip, pair)
    pressure = [[support_margin(b[p], needed[t, p]) for p in range(2)] for t, b in enumerate(bearing)]
    speed = _joint_velocities(clip)
    return ClipCheck(
        partner_depth=geometry.partner_depth,
        floor_depth=geometry.floor_depth,
        prop_depth=geometry.prop_depth,
        hand_gap=geometry.hand_distance,
        foot_slide=_foot_slide(corners, clip.fps),
        com=geometry.com,
        com_margin=np.array(margin),
        pair_margin=np.array(pair_margin),
        pressure_margin=np.array(pressure),
        held=np.any(grips > 0, axis=(1, 2)),
        seated=_seated(clip, pair, geometry.prop_depth),
        joint_speed=np.linalg.norm(speed, axis=-1).max(axis=-1),
        joint_jump=np.linalg.norm(np.diff(speed, axis=0), axis=-1).max(axis=-1),
    )


def _needed_pressure(clip: InteractionClip, pair: PairBody) -> np.ndarray:
    model = compile_pair(pair, sensors=False, springs=False)
    layout = PairLayout.of(model, pair)
    return needed_pressure(model, layout.body[:, 0], clip_qpos(clip, pair, layout, model.nq), clip.fps)[0]


def _bearing(corners: np.ndarray) -> np.ndarray:
    """Ground positions of one person's bearing corners, (feet, C, 3) to (N, 2)."""
    flat = corners.reshape(-1, 3)
    return flat[flat[:, 2] < BEARING_HEIGHT, :2]


def _foot_slide(corners: np.ndarray, fps: float) -> np.ndarray:
    low = corners[..., 2] < BEARING_HEIGHT
    both = low[1:] & low[:-1]
    speed = np.linalg.norm(np.diff(corners[..., :2], axis=0), axis=-1) * fps
    return (speed * both).sum(axis=(0, 2, 3)) / np.maximum(both.sum(axis=(0, 2, 3)), 1)


def _seated(clip: InteractionClip, pair: PairBody, prop_depth: np.ndarray) -> np.ndarray:
    seated = prop_depth > 0
    for p, person in enumerate(pair.people):
        flesh = next(shape for shape in person.shapes if shape.joint == 0)
        seated[:, p] |= clip.joints[:, p, 0, 2] + flesh.position[1] - flesh.size[0] < 0.02
    return seated


def _joint_velocities(clip: InteractionClip) -> np.ndarray:
    """Angular velocities of the body joints relative to their parents [rad/s], shape (T - 1, 2, 21, 3)."""
    quats = clip.joint_quats
    local = quat_mul(quat_conj(quats[:, :, list(PARENTS[1:22])]), quats[:, :, 1:22])
    return rotvec_from_quat(quat_mul(quat_conj(local[:-1]), local[1:])) * clip.fps


def support_margin(points: np.ndarray, com: np.ndarray) -> float:
    """Signed distance of a ground position to the edge of the convex hull of support points.

    Args:
        points: Shape (N, 2) [m].
        com: Shape (2,) [m].

    Returns:
        Positive inside [m]; minus infinity without support.
    """
    hull = convex_hull(points)
    if len(hull) < 3:
        return -float(np.linalg.norm(points - com, axis=1).min()) if len(points) else -np.inf
    along = np.roll(hull, -1, axis=0) - hull
    length = np.linalg.norm(along, axis=1)
    to_com = com - hull
    inside = (along[:, 0] * to_com[:, 1] - along[:, 1] * to_com[:, 0]) / length
    if inside.min() >= 0:
        return float(inside.min())
    foot = np.clip((to_com * along).sum(axis=1) / length**2, 0, 1)[:, None]
    return -float(np.linalg.norm(to_com - foot * along, axis=1).min())


def convex_hull(points: np.ndarray) -> np.ndarray:
    """Corners of the hull, counter-clockwise (Andrew's monotone chain). Shapes (N, 2) to (H, 2)."""
    ordered = sorted(set(map(tuple, np.round(points, 6).tolist())))
    if len(ordered) < 3:
        return np.array(ordered).reshape(-1, 2)

    def half(sequence: list[tuple[float, float]]) -> list[tuple[float, float]]:
        chain: list[tuple[float, float]] = []
        for c in sequence:
            while len(chain) > 1:
                (ax, ay), (bx, by) = chain[-2:]
                if (bx - ax) * (c[1] - ay) - (by - ay) * (c[0] - ax) > 0:
                    break
                chain.pop()
            chain.append(c)
        return chain[:-1]

    return np.array(half(ordered) + half(ordered[::-1]))


def summary(clip: InteractionClip, check: ClipCheck) -> str:
    """Return what an author wants to know, a line for each fact."""
    lines = [f"{clip.duration:.2f} s, {clip.n_frames} frames"]
    for name, depth in (("partner", check.partner_depth), ("floor", check.floor_depth), ("props", check.prop_depth)):
        frame = int(depth.reshape(clip.n_frames, -1).max(axis=1).argmax())
        lines.append(f"deepest in {name}: {1000 * depth.max():.1f} mm at {frame / clip.fps:.2f} s")
    for p in range(2):
        lines += _person_lines(clip, check, p)
    lines.append(f"margin of both together: {100 * check.pair_margin.min():.1f} cm at least")
    return "\n".join(lines)


def _person_lines(clip: InteractionClip, check: ClipCheck, p: int) -> list[str]:
    def span(track: np.ndarray) -> str:
        return f"{100 * track.min():.1f} to {100 * track.max():.1f} cm" if track.size else "never"

    role, motion = clip.people[p]
    height = motion.joints[0][:, 0, 2]
    free = ~check.held & ~check.seated[:, p]
    lines = [
        f"{role}: pelvis from {height[0]:.3f} to {height[-1]:.3f} m, feet slide {100 * check.foot_slide[p]:.3f} cm/s",
        f"  margin of the centre of mass {span(check.com_margin[:, p])}, while free {span(check.com_margin[free, p])}",
        f"  margin of the pressure {span(check.pressure_margin[:, p])}",
        f"  joints up to {check.joint_speed[:, p].max():.2f} rad/s, "
        f"from frame to frame {check.joint_jump[:, p].max():.2f} rad/s",
    ]
    for h, side in enumerate(("left", "right")):
        on = clip.grips[:, p, h] > 0 if clip.grips is not None else np.zeros(clip.n_frames, bool)
        if on.any():
            gap = 1000 * check.hand_gap[on, p, h]
            lines.append(f"  {side} hand holds {on.sum()} frames, gap {gap.min():.1f} to {gap.max():.1f} mm")
    return lines
