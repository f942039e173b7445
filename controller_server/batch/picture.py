"""A strip of small pictures of clips as SVG: stick figures with thick limbs, drawn without any renderer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.skeleton import HEAD, PARENTS

_PERSON = ("#3b7dd8", "#e07b39")  # supporter, recipient; the report's colours
_WIDTH, _HEIGHT, _GAP = 90, 100, 4
_BODY = 22  # joints
_LIMB = 0.075  # m
_HEAD = 0.11  # m, radius


def strip_svg(clips: Sequence[InteractionClip], frames: int = 6) -> str:
    """Draw clips under each other, frames from left to right, seen from the side of both people.

    Args:
        clips: Of the same scene, as input and output; all are drawn to one scale.
        frames: Pictures per row, evenly spread.
    """
    side = _side(clips[0])
    flat = [_project(clip, side) for clip in clips]
    points = np.concatenate([figure.reshape(-1, 2) for figure, _ in flat])
    low, high = np.percentile(points, (1, 99), axis=0)
    low[1] = min(low[1], 0.0)
    span = max(high[1] - low[1] + 0.35, 1.2)
    scale = _HEIGHT / span
    width, height = frames * (_WIDTH + _GAP), len(clips) * (_HEIGHT + _GAP)
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>']
    for row, (clip, (figure, depth)) in enumerate(zip(clips, flat, strict=True)):
        for column, frame in enumerate(np.linspace(0, clip.n_frames - 1, frames).round().astype(int)):
            middle = figure[frame, :, :, 0].mean()
            corner = column * (_WIDTH + _GAP), row * (_HEIGHT + _GAP)
            parts.append(
                f'<svg x="{corner[0]}" y="{corner[1]}" width="{_WIDTH}" height="{_HEIGHT}" stroke-linecap="round">'
                f'<path d="M0 {_y(0, low, scale)}H{_WIDTH}" stroke="#8888" fill="none"/>'
            )
            parts += _props(clip, side, middle, low, scale)
            for person in np.argsort(-depth[frame]):  # the farther first
                parts.append(_figure(figure[frame, person], middle, low, scale, _PERSON[person]))
            parts.append("</svg>")
    return "".join(parts) + "</svg>\n"


def _side(clip: InteractionClip) -> np.ndarray:
    """Return where right is in the picture: from one person to the other where they are apart. Shape (3,)."""
    between = (clip.joints[:, 1, 0] - clip.joints[:, 0, 0]).mean(axis=0)
    between[2] = 0
    length = np.linalg.norm(between)
    return between / length if length > 0.05 else np.array([1.0, 0, 0])


def _project(clip: InteractionClip, side: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return places in the picture [m], shape (T, 2, 22, 2), and how far away each person is [m], shape (T, 2)."""
    joints = clip.joints[:, :, :_BODY]
    away = np.array([-side[1], side[0], 0])
    return np.stack([joints @ side, joints[..., 2]], axis=-1), (joints @ away).mean(axis=2)


def _y(z: float, low: np.ndarray, scale: float) -> str:
    return f"{_HEIGHT - (z - low[1] + 0.08) * scale:.0f}"


def _figure(points: np.ndarray, middle: float, low: np.ndarray, scale: float, colour: str) -> str:
    x = _WIDTH / 2 + (points[:, 0] - middle) * scale
    y = _HEIGHT - (points[:, 1] - low[1] + 0.08) * scale
    limbs = "".join(
        f"M{x[PARENTS[j]]:.0f} {y[PARENTS[j]]:.0f}L{x[j]:.0f} {y[j]:.0f}" for j in range(1, _BODY) if PARENTS[j] >= 0
    )
    return (
        f'<path d="{limbs}" stroke="{colour}" stroke-width="{_LIMB * scale:.1f}" fill="none" stroke-opacity=".85"/>'
        f'<circle cx="{x[HEAD]:.0f}" cy="{y[HEAD]:.0f}" r="{_HEAD * scale:.1f}" fill="{colour}"/>'
    )


def _props(clip: InteractionClip, side: np.ndarray, middle: float, low: np.ndarray, scale: float) -> list[str]:
    """Draw furniture as the boxes around it."""
    drawn = []
    for prop in clip.props:
        half = np.abs(side[:2]) @ prop.size[:2] / 2
        x = _WIDTH / 2 + (prop.position @ side - half - middle) * scale
        top = prop.position[2] + prop.size[2] / 2
        drawn.append(
            f'<rect x="{x:.0f}" y="{_y(top, low, scale)}" width="{2 * half * scale:.0f}" '
            f'height="{prop.size[2] * scale:.0f}" fill="#8886"/>'
        )
    return drawn
