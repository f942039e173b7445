"""A lit picture of meshes on a floor: soft shadows, no graphics library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .blur import box_blur
from .camera import Camera
from .raster import rasterise, weights_at
from .shadow import FloorShadow, SunShadow


@dataclass(frozen=True)
class Mesh:
    """A closed surface in the world.

    Attributes:
        points: [m], shape (V, 3).
        normals: Of unit length, shape (V, 3).
        faces: Counter-clockwise from outside, shape (F, 3).
        colours: Of each face, linear light 0 to 1, shape (F, 3).
        gloss: How much each face shines, shape (F,) or a number.
    """

    points: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    colours: np.ndarray
    gloss: np.ndarray | float = 0.05


@dataclass(frozen=True)
class Look:
    """Light and floor.

    Attributes:
        sun: Direction to the sun in the world, shape (3,).
        sky: Colour of the background, sRGB 0 to 1.
        floor: Colour of the floor.
        line: Colour of the floor's lines, one metre apart.
    """

    sun: np.ndarray = field(default_factory=lambda: np.array([0.45, -0.5, 1.1]))
    sky: tuple[float, float, float] = (0.905, 0.918, 0.935)
    floor: tuple[float, float, float] = (0.862, 0.870, 0.880)
    line: tuple[float, float, float] = (0.74, 0.77, 0.80)


_SUN, _ABOVE, _BELOW = np.array([1.0, 0.965, 0.90]) * 0.84, np.array([0.43, 0.46, 0.50]), np.array([0.31, 0.29, 0.275])


def render(
    meshes: Sequence[Mesh], camera: Camera, width: int, height: int, look: Look | None = None, *, samples: int = 2
) -> np.ndarray:
    """Return the picture, shape (height, width, 3) uint8.

    Args:
        meshes: What stands on the floor z = 0.
        camera: Where the picture is taken from.
        width: Of the picture [pixels].
        height: Of the picture [pixels].
        look: Light and floor.
        samples: Each pixel is the mean of `samples`² points, which smooths edges.
    """
    look = look or Look()
    mesh = _joined(meshes)
    wide, high = width * samples, height * samples
    sun = look.sun / np.linalg.norm(look.sun)
    projected = camera.project(mesh.points, wide, high)
    seen = rasterise(projected, mesh.faces, wide, high)
    floor = _encoded(_floor(mesh, camera, width, height, look, sun)).reshape(height, width, 3)
    hit = np.flatnonzero(seen.face.ravel() >= 0)
    face = seen.face.ravel()[hit]
    row, column = hit // wide, hit % wide
    shares = weights_at(projected, mesh.faces[face], column, row).astype(np.float32)
    light = _surface(mesh, face, shares, camera, SunShadow.of(mesh.points, mesh.faces, sun), sun)
    coarse = seen.nearness[samples // 2 :: samples, samples // 2 :: samples]
    light *= _hollows(coarse, camera, height)[row // samples, column // samples][:, None]
    pixel = row // samples * width + column // samples
    light = _encoded(light)
    covered = np.bincount(pixel, minlength=width * height).reshape(height, width, 1)
    total = np.stack([np.bincount(pixel, light[:, k], minlength=width * height) for k in range(3)], axis=1)
    picture = (total.reshape(height, width, 3) + (samples**2 - covered) * floor) / samples**2
    return np.round(255 * picture).astype(np.uint8)


def _joined(meshes: Sequence[Mesh]) -> Mesh:
    starts = np.cumsum([0, *(len(m.points) for m in meshes)])
    return Mesh(
        np.concatenate([m.points for m in meshes]),
        np.concatenate([m.normals for m in meshes]),
        np.concatenate([m.faces + start for m, start in zip(meshes, starts[:-1], strict=True)]),
        np.concatenate([m.colours for m in meshes]),
        np.concatenate([np.broadcast_to(m.gloss, len(m.faces)) for m in meshes]),
    )


def _encoded(light: np.ndarray) -> np.ndarray:
    """Return linear light as sRGB, highlights rolled off."""
    return np.clip(light, 0, 1) ** np.float32(1 / 2.2)


def decoded(colour: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return an sRGB colour as linear light."""
    return np.asarray(colour, float) ** 2.2


def _surface(
    mesh: Mesh, face: np.ndarray, shares: np.ndarray, camera: Camera, shadow: SunShadow, sun: np.ndarray
) -> np.ndarray:
    """Return the light from places on faces, each given by the shares of its corners, shape (N, 3) float32."""
    corners = mesh.faces[face]
    points, normals, colours = (a.astype(np.float32) for a in (mesh.points, mesh.normals, mesh.colours))
    sun = sun.astype(np.float32)
    place = _mixed(shares, points, corners)
    normal = _unit(_mixed(shares, normals, corners))
    to_eye = _unit(camera.eye.astype(np.float32) - place)
    lit = np.clip((normal @ sun + 0.12) / 1.12, 0, 1) * shadow.light(place, normal)
    above = (0.5 + 0.5 * normal[:, 2])[:, None]
    colour = colours[face]
    sky, ground = _ABOVE.astype(np.float32), _BELOW.astype(np.float32)
    light = colour * (_SUN.astype(np.float32) * lit[:, None] + ground + above * (sky - ground))
    shine = np.clip((normal * _unit(to_eye + sun)).sum(axis=1), 0, 1) ** 28 * lit
    shine *= np.asarray(mesh.gloss, np.float32)[face]
    rim = 0.10 * (1 - np.clip((normal * to_eye).sum(axis=1), 0, 1)) ** 3 * (0.4 + 0.6 * above[:, 0])
    return light + shine[:, None] + rim[:, None] * (0.35 + 0.65 * colour)


def _mixed(shares: np.ndarray, values: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return the mean of three corners' values by their shares, shape (N, 3)."""
    first, second, third = (shares[:, k : k + 1] * values[corners[:, k]] for k in range(3))
    return first + second + third


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)


def _floor(mesh: Mesh, camera: Camera, width: int, height: int, look: Look, sun: np.ndarray) -> np.ndarray:
    """Return the light from floor and background at each pixel, shape (height * width, 3)."""
    ray = camera.rays(width, height).reshape(-1, 3)
    light = np.tile(decoded(look.sky).astype(np.float32), (len(ray), 1))
    below = np.flatnonzero(ray[:, 2] < -1e-4)
    far = np.float32(-camera.eye[2]) / ray[below, 2]
    place = camera.eye[:2].astype(np.float32) + far[:, None] * ray[below, :2]
    middle = ((mesh.points[:, :2].min(axis=0) + mesh.points[:, :2].max(axis=0)) / 2).astype(np.float32)
    fade = np.clip(1.25 - np.linalg.norm(place - middle, axis=1) / 5.5, 0, 1)
    fade = fade * fade * (3 - 2 * fade)
    near = np.flatnonzero(fade > 0)
    below, far, place, fade = below[near], far[near], place[near], fade[near].astype(np.float32)
    footprint = np.maximum(far * camera.field_of_view / height, 1e-4)
    slant = np.maximum(footprint / np.maximum(-ray[below, 2], 0.02), footprint)[:, None]
    from_line = np.abs(place - np.round(place))
    lines = np.clip((0.006 + slant - from_line) / slant, 0, 1).max(axis=1) * np.clip(0.05 / slant[:, 0], 0, 1)
    colour = decoded(look.floor) + (decoded(look.line) - decoded(look.floor)) * (0.7 * lines)[:, None]
    colour = colour * FloorShadow.of(mesh.points, mesh.faces, sun).light(place)[:, None]
    light[below] += fade[:, None] * (colour.astype(np.float32) - light[below])
    return light


def _hollows(nearness: np.ndarray, camera: Camera, height: int) -> np.ndarray:
    """Return how much of the sky each pixel's surroundings leave: less in folds and where bodies meet, (H, W)."""
    known = np.isfinite(nearness)
    if not known.any():
        return np.ones(nearness.shape, np.float32)
    distance = np.where(known, 1 / np.where(known, nearness, 1), 0).astype(np.float32)
    middle = float(distance[known].mean())
    radius = max(int(0.045 * height / 2 / np.tan(camera.field_of_view / 2) / middle), 1)
    total, count = distance * known, known.astype(np.float32)
    for _ in range(2):
        total, count = box_blur(total, radius), box_blur(count, radius)
    behind = distance - total / np.maximum(count, 1e-6)
    return 1 - 0.42 * np.clip(behind / 0.05, 0, 1) * np.clip(2.2 - behind / 0.12, 0.35, 1)
