"""How long it will take, told of conversions that were really made."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from controller_server.core.progress import Progress
from controller_server.pipeline.time_left import PaceBook, TimeLeft, kind_of


@dataclass(frozen=True)
class Trace:
    """A conversion on one core: seconds of processor time.

    Attributes:
        frames: Of the clip.
        total: Control frames.
        at: When each six of them were done; before the first come preparing and inverse dynamics.
        measured: When steering ended.
        end: When all was done.
    """

    frames: int
    total: int
    at: tuple[float, ...]
    measured: float
    end: float

    def play(self, left: TimeLeft) -> list[tuple[float, float | None]]:
        """Every moment with what was told then."""
        reports = [(0.0, Progress("prepare"))]
        reports += [(when, Progress("search", 6 * (k + 1), self.total)) for k, when in enumerate(self.at)]
        reports.append((self.measured, Progress("measure")))
        return [(when, left(progress, when)) for when, progress in reports]

    def told(self, left: TimeLeft, share: float) -> float:
        """The whole time as it is expected after a share of it [s]."""
        when, value = [told for told in self.play(left) if told[0] <= share * self.end][-1]
        assert value is not None
        return when + value


# Hard and easy stretches: where the prepared motion carries people by itself six frames take 0.2 s, else up to 4.
PULL_UP = Trace(136, 156, (17.8, 18.0, 18.2, 21.7, 25.8, 26.0, 28.8, 29.0, 29.2, 29.4, 29.5, 29.7, 29.8, 30.0, 30.2)
    + (30.4, 30.5, 30.7, 30.8, 30.9, 31.1, 31.3, 31.5, 31.6, 31.8, 31.9), 32.1, 32.3)  # fmt: skip
WEAK = Trace(136, 156, (11.8, 12.0, 12.2, 12.4, 12.6, 12.9, 16.2, 19.2, 22.3, 22.5, 22.7, 25.7, 28.7, 28.9, 29.0, 29.2)
    + (29.4, 29.6, 29.8, 30.1, 30.2, 30.4, 30.6, 30.8, 30.9, 31.1), 31.3, 31.6)  # fmt: skip
FLOOR = Trace(154, 174, (10.9, 11.0, 11.2, 11.3, 11.4, 12.7, 14.0, 15.1, 16.2, 17.3, 18.4, 19.2, 20.2, 20.9, 21.7, 22.3)
    + (22.9, 23.5, 24.1, 24.7, 25.4, 26.0, 26.6, 27.1, 27.7, 28.2, 28.9, 29.5, 30.1), 30.1, 30.4)  # fmt: skip
TRACES = {"pull_up": PULL_UP, "weak": WEAK, "floor": FLOOR}


@pytest.mark.parametrize("name", TRACES)
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_the_time_told_is_within_a_factor_of_one_and_a_half(name, share, tmp_path):
    """Expect, from a quarter on, about what it really takes, on a machine that converted the other two before."""
    for other in TRACES:
        if other != name:
            trace, left = TRACES[other], TimeLeft(TRACES[other].frames, {}, 0.0)
            trace.play(left)
            PaceBook(tmp_path / "pace.json").add("same", left.measured(trace.end))
    trace = TRACES[name]
    told = trace.told(PaceBook(tmp_path / "pace.json").time_left(trace.frames, 0.0, "same"), share)
    assert trace.end / 1.5 < told < trace.end * 1.5


def test_a_clip_that_was_done_before_is_known():
    """Expect of the same clip what it took, however long others take; of another one the mean of all."""
    book, slow = PaceBook(), {"prepare": 0.1, "steer": 4.0, "measure": 0.1}
    left = TimeLeft(136, {}, 0.0)
    PULL_UP.play(left)
    book.add("same", left.measured(PULL_UP.end), "pull_up 136")
    for _ in range(5):
        book.add("same", slow, "other 100")
    for share in (0.1, 0.25, 0.5, 0.75):
        told = PULL_UP.told(book.time_left(136, 0.0, "same", "pull_up 136"), share)
        assert told == pytest.approx(PULL_UP.end, rel=0.05)
    assert book.of("same", "other 100") == pytest.approx(slow)
    assert 0.5 < book.of("same", "never seen")["steer"] < 4.0


def test_without_anything_measured_only_the_stage_is_told():
    """Say nothing before there is a speed, then the time left of the stage."""
    told = PULL_UP.play(TimeLeft(136, {}, 0.0))
    assert [value for _, value in told[:2]] == [None, None] and told[-1][1] is None
    assert told[2][1] == pytest.approx((18.0 - 17.8) / 6 * 144)


def test_what_is_kept_is_never_in_the_way(tmp_path):
    """Read damaged files as none, leave out short clips and broken-off ones, and go on where nothing can be written."""
    path = tmp_path / "pace.json"
    for text in ("{", "[1]", '{"a": {"prepare": -1, "steer": "x"}}', '{"a": 3}'):
        path.write_text(text)
        assert PaceBook(path).of("a") == {}
    short, broken = TimeLeft(10, {}, 0.0), TimeLeft(100, {}, 0.0)
    PULL_UP.play(short)
    broken(Progress("search", 1, 2), 3.0)
    assert short.measured(40.0) == broken.measured(40.0) == {}
    path.unlink()
    path.mkdir()
    book = PaceBook(path / "no" / "pace.json")
    (path / "no").write_text("a file")
    book.add("a", {"prepare": 1.0})
    assert book.of("a") == {"prepare": 1.0}
    assert kind_of({"quality": "draft"}) != kind_of({"quality": "default"})
