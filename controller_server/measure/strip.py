"""A clip as a picture strip: frames from left to right, one row for each camera, drawn by MuJoCo without a display."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import mujoco
import numpy as np

from ..body.layout import PairLayout, clip_qpos
from ..body.mjcf import body_name, build_spec
from ..body.pair import PairBody
from ..clip.interaction import InteractionClip
from ..clip.npz import read_npz, write_npz
from ..clip.rotation import quat_rotate
from ..clip.skeleton import HEAD, JOINT_NAMES
from ..errors import AssistMimicError
from ..wholefile import replace_file

VIEWS = {
    "side": (90.0, -8.0),
    "front": (180.0, -8.0),
    "back": (0.0, -8.0),
    "left": (135.0, -12.0),
    "right": (225.0, -12.0),
    "top": (90.0, -80.0),
}
"""Camera azimuth relative to where the recipient looks, and elevation [deg]."""
RENDERERS = ("osmesa", "egl") if sys.platform.startswith("linux") else ("",)
"""What `MUJOCO_GL` is tried with, in this order, where the variable is not set; elsewhere MuJoCo's own choice."""
_READY = "ready to draw"
_FOV = 30.0
_MARKER = (0.12, 0.12, 0.12, 1.0)


def render_strip(
    clips: InteractionClip | Sequence[InteractionClip],
    path: str | Path,
    *,
    frames: int = 8,
    views: Sequence[str] = ("side", "front"),
    width: int = 240,
    height: int = 320,
    start: float = 0.0,
    end: float | None = None,
) -> None:
    """Draw clips as a strip of pictures: bodies, floor and props; supporter blue, recipient orange, noses black.

    The drawing happens in a process of its own, in software, with OSMesa or else EGL (or what `MUJOCO_GL` says), so
    neither a display nor a GPU is needed and the caller's OpenGL state stays as it is.

    Args:
        clips: One clip, or several to be put under each other.
        path: The PNG to write.
        frames: Pictures per row, evenly spread from `start` to `end`.
        views: Cameras, one row for each and clip; names of VIEWS.
        width: Of one picture [pixels].
        height: Of one picture [pixels].
        start: First moment shown [s].
        end: Last moment shown [s]; the clip's end if None.

    Raises:
        NoRenderer: this machine has none.
        AssistMimicError: an unknown view, or a path that cannot be written.
    """
    clips = [clips] if isinstance(clips, InteractionClip) else list(clips)
    for view in views:
        if view not in VIEWS:
            raise AssistMimicError(f"strip: no view {view!r}; there are {', '.join(VIEWS)}")
    if not clips or not views or frames < 1:
        raise AssistMimicError("strip: nothing to draw; give at least one clip, one view and one frame")
    path = Path(path).absolute()
    with tempfile.TemporaryDirectory() as folder:
        names = [str(Path(folder) / f"{k}.npz") for k in range(len(clips))]
        for name, clip in zip(names, clips, strict=True):
            write_npz(name, clip)
        job = {
            "clips": names,
            "path": str(Path(folder) / "strip.png"),
            "frames": frames,
            "views": list(views),
            "size": [width, height],
            "span": [start, end],
        }
        _draw_elsewhere(job, path)
        try:
            replace_file(path, Path(job["path"]).read_bytes())
        except OSError as error:
            raise AssistMimicError(f"{path}: the picture strip could not be written ({error.strerror})") from None


class NoRenderer(AssistMimicError):
    """Nothing on this machine can draw."""


def _draw_elsewhere(job: dict, path: Path) -> None:
    """Draw in another process, with the first renderer that there is; `path` is what is to be drawn, for messages."""
    chosen = os.environ.get("MUJOCO_GL")
    tried = (chosen,) if chosen else RENDERERS
    for renderer in tried:
        done = subprocess.run(
            [sys.executable, "-m", "controller_server.measure.strip", json.dumps(job)],
            env={**os.environ, "MUJOCO_GL": renderer},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return
        if _READY in done.stdout:
            reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise AssistMimicError(f"{path}: the picture strip could not be drawn ({reason})")
    raise NoRenderer(
        f"{path}: the picture strip could not be drawn: there is no software renderer on this machine "
        f"(tried {', '.join(filter(None, tried)) or 'MuJoCo alone'}); install OSMesa (Debian, Ubuntu: libosmesa6) or "
        "Mesa's EGL (libegl1 and libgl1), or set MUJOCO_GL to one that works here"
    )


def _draw_job(job: dict) -> None:
    width, height = job["size"]
    context = mujoco.GLContext(width, height)
    context.make_current()
    mujoco.MjrContext(mujoco.MjModel.from_xml_string("<mujoco/>"), mujoco.mjtFontScale.mjFONTSCALE_100).free()
    print(_READY, flush=True)  # what fails from here on is not for want of a renderer
    rows = []
    for name in job["clips"]:
        clip = read_npz(name)
        start, end = job["span"]
        end = clip.duration if end is None else min(end, clip.duration)
        chosen = np.round(np.linspace(start, end, job["frames"]) * clip.fps).astype(int).clip(0, clip.n_frames - 1)
        rows += _draw_clip(clip, chosen, job["views"], width, height)
    write_png(job["path"], np.concatenate(rows, axis=0))
    context.free()


def _draw_clip(
    clip: InteractionClip, frames: np.ndarray, views: Sequence[str], width: int, height: int
) -> list[np.ndarray]:
    """One row of pictures for each view, (height, frames * width, 3) uint8."""
    pair = PairBody.from_clip(clip)
    spec = build_spec(pair, sensors=False)
    _dress(spec, pair)
    spec.visual.global_.offwidth, spec.visual.global_.offheight = width, height
    spec.visual.global_.fovy = _FOV
    spec.visual.headlight.ambient, spec.visual.headlight.diffuse = [0.45] * 3, [0.5] * 3
    model = spec.compile()
    data, scene = mujoco.MjData(model), mujoco.MjvScene(model, maxgeom=2000)
    scene.flags[mujoco.mjtRndFlag.mjRND_SKYBOX] = 1
    gl = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
    mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, gl)
    qpos = clip_qpos(clip, pair, PairLayout.of(model, pair), model.nq)
    viewport, option = mujoco.MjrRect(0, 0, width, height), mujoco.MjvOption()
    rows = []
    for view in views:
        row = []
        for k, frame in enumerate(frames):
            data.qpos[:] = qpos[frame]
            mujoco.mj_forward(model, data)
            camera = _camera(clip, frame, view, width / height)
            mujoco.mjv_updateScene(model, data, option, None, camera, mujoco.mjtCatBit.mjCAT_ALL, scene)
            mujoco.mjr_render(viewport, scene, gl)
            label = f"{frame / clip.fps:.2f} s" + (f"  {view}" if k == 0 else "")
            mujoco.mjr_overlay(mujoco.mjtFont.mjFONT_NORMAL, mujoco.mjtGridPos.mjGRID_TOPLEFT, viewport, label, "", gl)
            pixels = np.empty((height, width, 3), np.uint8)
            mujoco.mjr_readPixels(pixels, None, viewport, gl)
            row.append(pixels[::-1])
        rows.append(np.concatenate(row, axis=1))
    gl.free()
    return rows


def _dress(spec: mujoco.MjSpec, pair: PairBody) -> None:
    """Noses, dark palms, a chequered floor and a light: what the eye needs and physics does not."""
    for person in pair.people:
        s = person.skeleton.scale
        head = spec.body(body_name(person.role, HEAD))
        nose = np.array([[0, 0.07, 0.12], [0, 0.05, 0.155]]) * s
        _marker(head, fromto=nose.ravel(), radius=0.016 * s)
        for x in (-0.045, 0.045):
            eye = np.array([x, 0.1, 0.105]) * s
            _marker(head, fromto=np.concatenate([eye, eye + [0, 0, 0.004]]), radius=0.014 * s)
        for shape in person.shapes:
            if shape.kind == "box" and JOINT_NAMES[shape.joint].endswith("foot"):
                for geom in spec.body(body_name(person.role, shape.joint)).geoms:
                    geom.rgba = [0.8 * c for c in geom.rgba[:3]] + [1]
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.97, 0.97, 0.98],
        rgb2=[0.8, 0.84, 0.88],
        width=64,
        height=64,
    )
    spec.add_texture(
        name="chequer",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=[0.9, 0.9, 0.88],
        rgb2=[0.8, 0.8, 0.78],
        width=256,
        height=256,
    )
    material = spec.add_material(name="chequer", texrepeat=[2, 2], texuniform=True)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "chequer"
    floor = spec.geom("floor")
    floor.material, floor.size = "chequer", [20, 20, 1]
    floor.rgba = [1, 1, 1, 1]
    spec.worldbody.add_light(pos=[1, -2, 5], dir=[-0.2, 0.4, -1], type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL)


def _marker(body: mujoco.MjsBody, *, fromto: np.ndarray, radius: float) -> None:
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        fromto=fromto,
        size=[radius, 0, 0],
        mass=0,
        contype=0,
        conaffinity=0,
        rgba=_MARKER,
    )


def _camera(clip: InteractionClip, frame: int, view: str, aspect: float) -> mujoco.MjvCamera:
    """A camera that stands still while the pair does and goes along when it walks."""
    body = clip.joints[:, :, :22]
    middle = (body[..., :2].min(axis=(1, 2)) + body[..., :2].max(axis=(1, 2))) / 2
    travels = np.ptp(middle, axis=0).max() > 0.8
    low, high = body.min(axis=(1, 2)), body.max(axis=(1, 2))
    span = (high - low).max(axis=0) if travels else high.max(axis=0) - low.min(axis=0)
    centre = middle[frame] if travels else (low.min(axis=0) + high.max(axis=0))[:2] / 2
    facing = quat_rotate(clip.joint_quats[clip.n_frames // 2, 1, 0], np.array([0.0, 0, 1]))
    azimuth, elevation = VIEWS[view]
    camera = mujoco.MjvCamera()
    camera.type = mujoco.mjtCamera.mjCAMERA_FREE
    camera.lookat[:] = [*centre, 0.85]
    camera.azimuth = np.degrees(np.arctan2(facing[1], facing[0])) + azimuth
    camera.elevation = elevation
    half = np.tan(np.radians(_FOV / 2))
    wide = float(np.linalg.norm(span[:2])) if view not in VIEWS else _width_seen(span[:2], camera.azimuth)
    camera.distance = max((wide + 0.4) / 2 / (half * aspect), 2.15 / 2 / half) + wide / 4
    return camera


def _width_seen(span: np.ndarray, azimuth: float) -> float:
    angle = np.radians(azimuth)
    return float(abs(np.sin(angle)) * span[0] + abs(np.cos(angle)) * span[1])


def write_png(path: str | Path, pixels: np.ndarray) -> None:
    """Write an 8-bit RGB picture, shape (H, W, 3) uint8, as PNG (RFC 2083: one IDAT, filter Up)."""
    height, width, _ = pixels.shape
    rows = np.ascontiguousarray(pixels, dtype=np.uint8).reshape(height, -1)
    raw = np.full((height, 1 + 3 * width), 2, np.uint8)
    raw[:, 1:] = np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1]))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(raw.tobytes(), 9))]
    Path(path).write_bytes(b"".join([*parts, chunk(b"IEND", b"")]))


if __name__ == "__main__":
    _draw_job(json.loads(sys.argv[1]))
