"""Fallback strategies: a good result ends them, else the best is kept; failures say why; help stays bounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from helpers.control_cases import TINY, standing
from helpers.measure_cases import recording_of

from controller_server.body.layout import clip_local_quats
from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.control.assist import Assistance
from controller_server.control.fallback import controllers
from controller_server.control.fallback.attempt import quality_of
from controller_server.control.fallback.run import ControlInterrupted, run_strategies
from controller_server.control.fallback.settings import ControlSettings
from controller_server.control.fallback.strategy import ASSIST_LEVELS
from controller_server.core.errors import AssistMimicError, SimulationDiverged
from controller_server.metrics.effort import GRAVITY
from controller_server.physics.recording import Recording

pytestmark = pytest.mark.usefixtures("no_policies")
ATTEMPTS = ["search", "search longer", *(f"assisted {level:g}" for level in ASSIST_LEVELS)]


@pytest.fixture(autouse=True)
def small_searches(monkeypatch: pytest.MonkeyPatch):
    """Search as little as a test can afford, whatever the quality."""
    monkeypatch.setattr(controllers, "QUALITIES", {"default": TINY, "draft": TINY})
    monkeypatch.setattr(controllers, "_LONGER", {"horizon": 6})


def hovering(people: tuple[int, ...] = (0, 1)) -> tuple[InteractionClip, PairBody]:
    """Half a second in which people stand, then are a metre up in the air and stay there."""
    clip, pair, _ = standing(16)
    up = np.zeros((16, 3))
    up[4:, 2] = 1.0

    def lift(motion):
        return replace(motion, trans=motion.trans + up)

    return replace(
        clip,
        supporter=lift(clip.supporter) if 0 in people else clip.supporter,
        recipient=lift(clip.recipient) if 1 in people else clip.recipient,
    ), pair


def test_first_rung_carries_an_easy_clip():
    """Stand on the search, without outside help, when it carries the clip."""
    clip, pair, _ = standing(10)
    seen: list[tuple[str, int, int]] = []
    outcome = run_strategies(clip, pair, ControlSettings(threads=1), lambda *now: seen.append(now))
    assert (outcome.success, outcome.controller, len(outcome.attempts)) == (True, "search", 1)
    attempt = outcome.attempts[0]
    assert max(attempt.max_deviation) < 0.05
    assert attempt.max_force == 0
    assert attempt.control_steps > 0
    assert attempt.reason == f"never more than {1000 * max(attempt.max_deviation):.0f} mm off"
    assert seen[-1] == ("search", 30, 30)


@pytest.mark.parametrize("rest", [True, False])
def test_who_ends_at_rest_has_to_stand_still_beyond_the_end(rest: bool):
    """Go on for 0.7 s with the last pose held where a clip ends at rest, show nothing of it, and else end there."""
    clip, pair, _ = standing(10)
    if not rest:
        swaying = np.linspace(0, 0.1, 10)[:, None] * [1.0, 0, 0]
        clip = replace(clip, supporter=replace(clip.supporter, trans=clip.supporter.trans + swaying))
    shown: list[float] = []
    outcome = run_strategies(
        clip,
        pair,
        ControlSettings(controller="search", threads=1),
        on_motion=lambda _, motion: shown.append(float(motion().time[-1])),
    )
    assert outcome.recording.time[-1] == pytest.approx(1.0 if rest else 0.3)
    assert max(shown) == pytest.approx(0.3)


def test_impossible_clip_climbs_every_rung():
    """Fail on every attempt for two people who hover, say when, give the best, and keep to the bounds of assistance."""
    clip, pair = hovering()
    outcome = run_strategies(clip, pair, ControlSettings(threads=1))
    assert not outcome.success
    assert [attempt.controller for attempt in outcome.attempts] == ATTEMPTS
    assert not any(attempt.success for attempt in outcome.attempts)
    for attempt in outcome.attempts:
        assert attempt.reason in {f"the {role} was over 0.25 m off at 0.1 s" for role in ("supporter", "recipient")}
        assert max(attempt.max_deviation) > 0.3
    assert outcome.recording.time[-1] == pytest.approx(0.5)  # every attempt gave up; the best went on to the end
    assert outcome.controller in ATTEMPTS
    weight = outcome.recording.mass * GRAVITY
    force = np.linalg.norm(outcome.recording.wrench[..., :3], axis=-1) / weight
    torque = np.linalg.norm(outcome.recording.wrench[..., 3:], axis=-1)
    assert force.max() <= 0.5 + 1e-9
    assert torque.max() <= 100.0 + 1e-9
    assert 0.4 < outcome.attempts[-1].max_force <= 0.5 + 1e-9
    for attempt, level in zip(outcome.attempts[2:], ASSIST_LEVELS, strict=True):
        assert attempt.max_force <= level + 1e-9


def test_only_the_judged_have_to_succeed():
    """Call it a success when the recipient alone is judged and only the supporter hovers."""
    clip, pair = hovering((0,))
    outcome = run_strategies(clip, pair, ControlSettings(controller="search", threads=1, judged=(1,)))
    assert outcome.success
    assert outcome.attempts[0].max_deviation[0] > 0.25 > outcome.attempts[0].max_deviation[1]
    outcome = run_strategies(clip, pair, ControlSettings(controller="search", threads=1))
    assert outcome.attempts[0].reason == "the supporter was over 0.25 m off at 0.1 s"
    assert len(outcome.attempts) == 1


def following(clip: InteractionClip, pair: PairBody, **given: float) -> Recording:
    """A recording that stays on a clip of people who stand still; see `recording_of`."""
    recording = recording_of(clip, pair, **given)
    local = clip_local_quats(clip, pair.joints)[0]
    return replace(recording, local_quats=np.broadcast_to(local, recording.local_quats.shape))


def pretending(monkeypatch: pytest.MonkeyPatch, recordings: Callable[[Assistance | None], Recording]) -> None:
    """Put recordings with a known answer in the search's place, by the assistance of the attempt."""

    class Pretended:
        control_steps = began = 0

        def __init__(self, *_, assistance: Assistance | None, **__) -> None:
            self.assistance = assistance

        def run(self, *_, **__):
            return recordings(self.assistance)

        def recording(self):
            return recordings(self.assistance)

        def take_over(self, *_):
            """What it is to give is known: it cannot begin later."""

    monkeypatch.setattr(controllers, "Search", Pretended)


def test_least_assistance_wins(monkeypatch: pytest.MonkeyPatch):
    """Take the smallest level that carries the clip, with what it took in words."""
    clip, pair, _ = standing(31)
    weight = pair.recipient.mass * GRAVITY

    def recordings(assistance: Assistance | None):
        enough = assistance is not None and assistance.level >= 0.1
        return following(clip, pair, wrench=0.09 * weight) if enough else following(clip, pair, until=0.5)

    pretending(monkeypatch, recordings)
    outcome = run_strategies(clip, pair)
    assert (outcome.success, outcome.controller) == (False, "assisted 0.1")  # help is no success
    assert [attempt.success_tracking for attempt in outcome.attempts] == [False, False, False, True]
    assert [attempt.controller for attempt in outcome.attempts] == [*ATTEMPTS[:2], "assisted 0.05", "assisted 0.1"]
    assert outcome.attempts[0].reason == "the simulation broke off at 0.5 s"
    assert "0.09 body weights of outside help, 0.090 on average" in outcome.attempts[3].reason
    assert outcome.attempts[3].max_force == pytest.approx(0.09)


def test_too_much_help_on_average_is_a_failure(monkeypatch: pytest.MonkeyPatch):
    """Report a clip that needs more than 0.15 body weights on average as failed, though it was followed."""
    clip, pair, _ = standing(31)
    recording = following(clip, pair, wrench=0.2 * pair.recipient.mass * GRAVITY)
    pretending(monkeypatch, lambda _: recording)
    outcome = run_strategies(clip, pair, ControlSettings(controller="assisted"))
    assert not outcome.success
    assert [attempt.controller for attempt in outcome.attempts] == ATTEMPTS[2:]
    assert outcome.attempts[0].reason == "needed 0.20 body weights of outside help on average, more than 0.15"


def test_the_one_that_held_out_longest_is_kept(monkeypatch: pytest.MonkeyPatch):
    """Give the recording of the attempt that came farthest when none succeeded."""
    clip, pair, _ = standing(31)
    until = dict(zip([None, *ASSIST_LEVELS], (0.2, 0.4, 0.8, 0.6, 0.3, 0.5), strict=True))
    pretending(monkeypatch, lambda a: following(clip, pair, until=until[a.level if a else None]))
    outcome = run_strategies(clip, pair)
    assert (outcome.success, outcome.controller) == (False, "assisted 0.1")
    assert outcome.recording.time[-1] == pytest.approx(0.8)


@pytest.mark.parametrize("controller", ["search", "assisted"])
def test_interrupted(controller: str):
    """Hand out what was simulated so far when somebody presses Ctrl-C."""
    clip, pair, _ = standing(16)

    def stop(_: str, done: int, __: int) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(ControlInterrupted) as caught:
        run_strategies(clip, pair, ControlSettings(controller=controller, threads=1), stop)
    outcome = caught.value.outcome
    assert not outcome.success
    assert 4 / 30 <= outcome.recording.time[-1] < 0.5
    assert outcome.attempts[-1].reason == f"interrupted at {outcome.recording.time[-1]:.1f} s"
    assert outcome.attempts[-1].controller == outcome.controller
    assert outcome.controller.startswith(controller)


def test_interrupted_on_a_higher_rung():
    """Keep the attempts before the one that was interrupted."""
    clip, pair = hovering()

    def stop(attempt: str, _: int, __: int) -> None:
        if attempt == ATTEMPTS[2]:
            raise KeyboardInterrupt

    with pytest.raises(ControlInterrupted) as caught:
        run_strategies(clip, pair, ControlSettings(threads=1), stop)
    outcome = caught.value.outcome
    assert [attempt.controller for attempt in outcome.attempts] == ATTEMPTS[:3]
    best = max(outcome.attempts, key=quality_of)
    assert outcome.controller == best.controller != ATTEMPTS[2]  # what held out longer than what had just begun
    assert best.failed_at is not None and outcome.recording.time[-1] >= best.failed_at > 0


def test_interrupted_while_a_rung_is_made(monkeypatch: pytest.MonkeyPatch):
    """Return what the attempt before simulated; where there is none, it is a plain Ctrl-C."""
    clip, pair = hovering()
    made = []

    class Slow(controllers.Search):
        def __init__(self, *arguments: object, **options: object) -> None:
            if len(made) == limit:
                raise KeyboardInterrupt
            made.append(self)
            super().__init__(*arguments, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(controllers, "Search", Slow)
    limit = 1
    with pytest.raises(ControlInterrupted) as caught:
        run_strategies(clip, pair, ControlSettings(threads=1))
    assert [a.controller for a in caught.value.outcome.attempts] == [caught.value.outcome.controller] == ["search"]
    made.clear()
    limit = 0
    with pytest.raises(KeyboardInterrupt) as plain:
        run_strategies(clip, pair, ControlSettings(threads=1))
    assert not isinstance(plain.value, ControlInterrupted)


def test_interrupted_while_a_failure_is_shown_whole():
    """After every attempt gave up, Ctrl-C keeps what there is and is not taken for the end."""
    clip, pair = hovering()

    def stop(_: str, done: int, of: int) -> None:
        if done >= of - 4:  # every attempt gives up long before
            raise KeyboardInterrupt

    with pytest.raises(ControlInterrupted) as caught:
        run_strategies(clip, pair, ControlSettings(threads=1), stop)
    outcome = caught.value.outcome
    assert len(outcome.attempts) == len(ATTEMPTS) and 0.3 < outcome.recording.time[-1] < 0.5


def test_a_start_that_cannot_be_simulated(monkeypatch: pytest.MonkeyPatch):
    """Pass the divergence on where nobody gets beyond the first frame, and only there."""
    clip, pair, _ = standing(16)

    def diverging(until: float) -> None:
        class Diverges:
            control_steps = began = 0

            def __init__(self, *_: object, **__: object) -> None:
                pass

            def run(self, *_: object, **__: object) -> Recording:
                raise SimulationDiverged("world 0 diverged", world=0, time=until)

            def recording(self) -> Recording:
                return following(clip, pair, until=until)

            def take_over(self, *_: object) -> None:
                pass

        monkeypatch.setattr(controllers, "Search", Diverges)

    diverging(0.0)
    with pytest.raises(SimulationDiverged):
        run_strategies(clip, pair, ControlSettings(threads=1))
    diverging(0.3)
    outcome = run_strategies(clip, pair, ControlSettings(threads=1))
    assert not outcome.success and outcome.recording.time[-1] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: ControlSettings(controller="dance"), r"controller 'dance': expected one of auto, policy, "),
        (lambda: ControlSettings(quality="best"), r"quality 'best': expected one of \w+, \w+"),
    ],
)
def test_unknown_names(make: Callable[[], ControlSettings], complaint: str):
    """Say which controllers and qualities there are."""
    with pytest.raises(AssistMimicError, match=complaint):
        make()
