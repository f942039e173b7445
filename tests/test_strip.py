"""Picture strips."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.errors import AssistMimicError
from controller_server.measure import strip
from controller_server.measure.strip import NoRenderer, render_strip, write_png

_FACING_X = np.full(3, 2 * np.pi / 3 / np.sqrt(3))
_FACING_MINUS_Y = np.array([np.pi / 2, 0, 0])


def _standing(x: float, y: float, orient: np.ndarray) -> SmplxMotion:
    return SmplxMotion(
        trans=np.tile([x, y, 1.31], (10, 1)), root_orient=np.tile(orient, (10, 1)), pose_body=np.zeros((10, 63))
    )


def _clip() -> InteractionClip:
    return InteractionClip(30, _standing(0, 1.0, _FACING_X), _standing(0, -1.0, _FACING_X))


def _pixels(path: Path) -> np.ndarray:
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    body, at = b"", 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            body += data[at + 8 : at + 8 + length]
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, 1 + 3 * width)
    assert (rows[:, 0] == 2).all()  # filter Up: each row is the difference to the one above
    return np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8).reshape(height, width, 3)


def _is_blue(p: np.ndarray) -> np.ndarray:
    return (p[..., 2] > 90) & (p[..., 2] > 1.4 * p[..., 0].astype(float))


def _is_orange(p: np.ndarray) -> np.ndarray:
    return (p[..., 0] > 90) & (p[..., 0] > 1.8 * p[..., 2].astype(float))


def test_png_round_trip(tmp_path: Path):
    """Write the pixels that were given."""
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    write_png(tmp_path / "a.png", pixels)
    assert np.array_equal(_pixels(tmp_path / "a.png"), pixels)


def test_strip_shows_both_people_where_they_are(tmp_path: Path, renderer: str):
    """Draw a picture per frame and view, the supporter blue and the recipient orange, each on their side."""
    render_strip(_clip(), tmp_path / "strip.png", frames=2, views=("front", "back"), width=160, height=200)
    picture = _pixels(tmp_path / "strip.png")
    assert picture.shape == (400, 320, 3)
    for row, sign in ((0, 1), (1, -1)):
        for column in range(2):
            tile = picture[200 * row : 200 * row + 200, 160 * column : 160 * column + 160]
            blue, orange = np.nonzero(_is_blue(tile))[1], np.nonzero(_is_orange(tile))[1]
            assert len(blue) > 300 and len(orange) > 300
            # From the front, the supporter on the recipient's left is on the right of the picture.
            assert sign * (blue.mean() - orange.mean()) > 20


def test_noses_tell_where_people_look(tmp_path: Path, renderer: str):
    """Show dark eyes and noses from the front and none from behind."""
    render_strip(_clip(), tmp_path / "strip.png", frames=1, views=("front", "back"), width=480, height=600)
    picture = _pixels(tmp_path / "strip.png").astype(int)
    dark = [(tile[30:300].max(axis=-1) < 60).sum() for tile in (picture[:600], picture[600:])]
    assert dark[0] > 20 > dark[1]


def test_unknown_view_and_nothing_to_draw(tmp_path: Path):
    """Refuse what cannot be drawn before starting the renderer."""
    with pytest.raises(AssistMimicError, match="no view 'above'; there are side"):
        render_strip(_clip(), tmp_path / "a.png", views=("above",))
    with pytest.raises(AssistMimicError, match="nothing to draw"):
        render_strip([], tmp_path / "a.png")


def test_path_that_cannot_be_written(tmp_path: Path, renderer: str):
    """Say so in one line."""
    with pytest.raises(AssistMimicError, match="could not be written .No such file"):
        render_strip(_clip(), tmp_path / "missing" / "a.png", frames=1, views=("side",), width=64, height=64)


def test_no_renderer_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Say what is missing and how to get it, not what a library said about it."""
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr(strip, "RENDERERS", ("none such",))
    with pytest.raises(NoRenderer, match=r"no software renderer .*tried none such.*libosmesa6") as raised:
        render_strip(_clip(), tmp_path / "a.png", frames=1, views=("side",), width=64, height=64)
    assert "Error" not in str(raised.value) and not (tmp_path / "a.png").exists()


def test_a_second_renderer_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renderer: str):
    """Draw with what there is where the first choice is missing."""
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr(strip, "RENDERERS", ("none such", renderer))
    render_strip(_clip(), tmp_path / "a.png", frames=1, views=("side",), width=64, height=64)
    assert _pixels(tmp_path / "a.png").shape == (64, 64, 3)
