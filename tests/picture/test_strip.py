"""Picture strips."""

import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.core.errors import AssistMimicError
from controller_server.picture.files import png_bytes, write_film
from controller_server.picture.film import render_film
from controller_server.picture.film_options import FilmOptions
from controller_server.picture.raster import rasterise, weights_at
from controller_server.picture.strip import render_strip

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
    (tmp_path / "a.png").write_bytes(png_bytes(pixels))
    assert np.array_equal(_pixels(tmp_path / "a.png"), pixels)


def test_strip_shows_both_people_where_they_are(tmp_path: Path):
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


def test_faces_tell_where_people_look(tmp_path: Path):
    """Show skin where a face is from the front, and hair alone from behind."""
    render_strip(_clip(), tmp_path / "strip.png", frames=1, views=("front", "back"), width=300, height=400)
    picture = _pixels(tmp_path / "strip.png").astype(int)
    skin = []
    for tile in (picture[:400], picture[400:]):
        people = np.nonzero(_is_blue(tile))
        head = tile[: people[0].min() + 1, people[1].min() : people[1].max()]  # above the shirt's collar
        skin.append(((head[..., 0] > head[..., 2] + 30) & (head[..., 0] > 120)).sum())
    assert skin[0] > 1.3 * skin[1]


def test_unknown_view_and_nothing_to_draw(tmp_path: Path):
    """Refuse what cannot be drawn before starting the renderer."""
    with pytest.raises(AssistMimicError, match="no view 'above'; there are side"):
        render_strip(_clip(), tmp_path / "a.png", views=("above",))
    with pytest.raises(AssistMimicError, match="nothing to draw"):
        render_strip([], tmp_path / "a.png")


def test_path_that_cannot_be_written(tmp_path: Path):
    """Say so in one line."""
    with pytest.raises(AssistMimicError, match="could not be written .No such file"):
        render_strip(_clip(), tmp_path / "missing" / "a.png", frames=1, views=("side",), width=64, height=64)


def test_nearest_triangle_wins_and_the_far_side_is_not_drawn():
    """Fill exactly the pixels whose centres a triangle covers; hide what is behind; weigh corners in perspective."""
    points = np.array([[0, 0, 1], [0, 8, 1], [8, 0, 1], [8, 8, 1], [2.0, 2, 2], [2, 6, 2], [6, 2, 2]], float)
    faces = np.array([[0, 1, 2], [1, 3, 2], [4, 5, 6], [6, 5, 4]])
    seen = rasterise(points, faces, 10, 10)
    rows, columns = np.mgrid[:10, :10]
    inside = (rows < 8) & (columns < 8)
    assert ((seen.face >= 0) == inside).all()
    assert ((seen.face == 2) == ((rows >= 2) & (columns >= 2) & (rows + columns < 7))).all()
    assert np.isneginf(seen.nearness[~inside]).all()
    shares = weights_at(
        np.array([[0, 0, 1], [0, 4, 1], [4, 0, 0.5]], float), np.array([[0, 1, 2]]), np.array([1]), np.array([1])
    )
    assert shares.sum() == pytest.approx(1) and shares[0, 2] < 0.375  # a third corner twice as far counts half


def test_many_small_triangles_leave_no_holes():
    """Cover a quad cut into thousands of triangles without a gap, whatever their edges fall on."""
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid(np.linspace(3, 97, 60), np.linspace(3, 97, 60)), axis=-1)
    grid[1:-1, 1:-1] += rng.uniform(-0.6, 0.6, (58, 58, 2))
    points = np.concatenate([grid.reshape(-1, 2), np.ones((3600, 1))], axis=1)
    corner = (np.arange(59)[:, None] * 60 + np.arange(59)).ravel()
    faces = np.concatenate(
        [np.stack([corner, corner + 60, corner + 1], 1), np.stack([corner + 1, corner + 60, corner + 61], 1)]
    )
    assert (rasterise(points, faces, 100, 100).face[3:97, 3:97] >= 0).all()


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_a_film_plays_as_long_as_the_clip(tmp_path: Path, suffix: str):
    """Write as many pictures as the clip has frames at that rate, moving ones, side by side."""
    image = pytest.importorskip("PIL.Image")
    clip = _clip()
    moved = InteractionClip(30, clip.supporter, _standing(0.5, -1.0, _FACING_X))
    path = tmp_path / f"film{suffix}"
    assert render_film([clip, moved], path, FilmOptions(width=64, height=48, rate=15)) == 5
    with image.open(path) as film:
        assert film.size == (128, 48) and film.n_frames >= 1  # pictures that are alike are kept once
        left, right = np.split(np.asarray(film.convert("RGB")).astype(int), 2, axis=1)
    assert np.abs(left - right).max() > 40


def test_films_that_cannot_be_written(tmp_path: Path):
    """Say which endings there are, and what is missing, before drawing."""
    with pytest.raises(AssistMimicError, match="films are written as .mp4, .webp or .gif"):
        render_film([_clip()], tmp_path / "a.avi")
    with pytest.raises(AssistMimicError, match="nothing to draw"):
        render_film([], tmp_path / "a.webp")
    with pytest.raises(AssistMimicError, match="could not be written"):
        write_film(tmp_path / "missing" / "a.gif", iter([np.zeros((4, 4, 3), np.uint8)]), 10)


def test_without_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Draw strips without labels, and say what films need."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    render_strip(_clip(), tmp_path / "a.png", frames=1, views=("side",), width=32, height=32)
    assert _pixels(tmp_path / "a.png").shape == (32, 32, 3)
    for name, missing in (("a.gif", "films need Pillow"), ("a.mp4", "MP4 needs PyAV")):
        monkeypatch.setitem(sys.modules, "av", None)
        with pytest.raises(AssistMimicError, match=missing):
            render_film([_clip()], tmp_path / name)
