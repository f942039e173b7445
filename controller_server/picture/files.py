"""Pictures and films as files: PNG by itself, labels and films with Pillow, MP4 with PyAV."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.core.errors import FileError

FILMS = (".mp4", ".webp", ".gif")


def png_bytes(pixels: np.ndarray) -> bytes:
    """Return an 8-bit RGB picture, shape (H, W, 3) uint8, as PNG (RFC 2083: one IDAT, filter Up)."""
    height, width, _ = pixels.shape
    rows = np.ascontiguousarray(pixels, dtype=np.uint8).reshape(height, -1)
    raw = np.full((height, 1 + 3 * width), 2, np.uint8)
    raw[:, 1:] = np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1]))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(raw.tobytes(), 9))]
    return b"".join([*parts, chunk(b"IEND", b"")])


def labelled(pixels: np.ndarray, text: str) -> np.ndarray:
    """Return a picture with a text in its upper left corner, or as it is where Pillow is not installed."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        return pixels
    picture = Image.fromarray(pixels)
    size = max(11, pixels.shape[0] // 24)
    ImageDraw.Draw(picture).text((size // 2, size // 3), text, fill=(58, 66, 76), font=ImageFont.load_default(size))
    return np.asarray(picture)


def check_film(path: Path) -> None:
    """Make sure that a film of this kind can be written here. Raises AssistMimicError."""
    if path.suffix.lower() not in FILMS:
        raise FileError(f"{path}: films are written as {', '.join(FILMS[:-1])} or {FILMS[-1]}")
    _library(path)


def write_film(path: Path, pictures: Iterable[np.ndarray], fps: float) -> None:
    """Write pictures of even width and height, shape (H, W, 3) uint8, one after the other. Raises AssistMimicError."""
    library = _library(path)
    try:
        if path.suffix.lower() == ".mp4":
            _write_mp4(path, pictures, fps, library)
        else:
            _write_animation(path, pictures, fps, library)
    except OSError as error:
        raise FileError(f"{path}: the film could not be written ({error.strerror or error})") from None


def _library(path: Path) -> Any:
    if path.suffix.lower() == ".mp4":
        try:
            import av  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise FileError(f"{path}: MP4 needs PyAV (pip install av); .webp and .gif do without it") from None
        return av
    try:
        from PIL import Image
    except ImportError:
        raise FileError(f"{path}: films need Pillow (pip install pillow)") from None
    return Image


def _write_animation(path: Path, pictures: Iterable[np.ndarray], fps: float, image: Any) -> None:
    frames = [image.fromarray(pixels) for pixels in pictures]
    options: dict[str, Any] = {"quality": 82, "method": 2}
    if path.suffix.lower() == ".gif":
        frames = [frame.quantize(128) for frame in frames]
        options = {"optimize": False, "disposal": 1}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=round(1000 / fps), loop=0, **options)


def _write_mp4(path: Path, pictures: Iterable[np.ndarray], fps: float, av: Any) -> None:
    from fractions import Fraction

    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "20"}
        for k, pixels in enumerate(pictures):
            if k == 0:
                stream.height, stream.width = pixels.shape[:2]
            film.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
        film.mux(stream.encode())
