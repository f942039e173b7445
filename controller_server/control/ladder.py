"""The ladder of controllers: the first rung that carries the clip wins, and says why the lower ones did not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..body.pair import PairBody
from ..clip.interaction import ROLES, InteractionClip
from ..errors import AssistMimicError, SimulationDiverged
from ..frames import frame_times, recording_to_clip
from ..measure.tracking import SUCCESS_LIMIT, deviation, judge
from ..physics.recording import Recording
from .assist import GRAVITY, MAX_MEAN_FORCE, Assistance
from .reference import Reference
from .search import Search, SearchSettings

ASSIST_LEVELS = (0.05, 0.1, 0.2, 0.35, 0.5)
"""Force limits tried one after the other, in body weights: the smallest that carries the clip is kept."""
_HOPELESS = 0.3  # mean deviation [m] at which a rung gives up

QUALITIES = {"default": SearchSettings(), "draft": SearchSettings(samples=24, iterations=2)}
"""What the search spends: `draft` a quarter of `default`."""
_LONGER = {"samples": 96, "horizon": 10, "execute": 2, "hold": 2}
"""What a second search spends more when the first has lost the clip."""
CONTROLLERS = ("auto", "search", "assisted")


@dataclass(frozen=True)
class ControlSettings:
    """How to steer.

    Attributes:
        controller: "auto", or one rung alone: "search" or "assisted".
        quality: One of QUALITIES.
        seed: Of the search's random numbers.
        threads: Physics threads; 0 takes every core.
        judged: Who has to succeed (0 supporter, 1 recipient).
    """

    controller: str = "auto"
    quality: str = "default"
    seed: int = 0
    threads: int = 0
    judged: tuple[int, ...] = (0, 1)

    def __post_init__(self) -> None:
        if self.controller not in CONTROLLERS:
            raise AssistMimicError(f"controller {self.controller!r}: expected one of {', '.join(CONTROLLERS)}")
        if self.quality not in QUALITIES:
            raise AssistMimicError(f"quality {self.quality!r}: expected one of {', '.join(QUALITIES)}")


@dataclass(frozen=True)
class Attempt:
    """What one rung did.

    Attributes:
        controller: Name of the rung.
        success: Whether both people stayed on the clip within the bounds of the rung.
        reason: In words: how far off, or why it failed and when.
        seconds: Computing time [s].
        control_steps: Control steps simulated while searching, over all worlds.
        max_deviation: Of supporter and recipient from the prepared clip [m].
        max_force: Largest external force [body weights].
        failed_at: When somebody was first too far off, or the simulation broke off [s]; None if nobody was.
    """

    controller: str
    success: bool
    reason: str
    seconds: float
    control_steps: int
    max_deviation: tuple[float, float]
    max_force: float = 0.0
    failed_at: float | None = None


@dataclass(frozen=True)
class Outcome:
    """The ladder's result: the recording of the rung it stands on, and every attempt in order."""

    recording: Recording
    controller: str
    success: bool
    attempts: tuple[Attempt, ...]


class ControlInterrupted(KeyboardInterrupt):
    """Somebody pressed Ctrl-C; `outcome` holds what was simulated until then."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__("interrupted")
        self.outcome = outcome


def run_ladder(
    clip: InteractionClip,
    pair: PairBody,
    settings: ControlSettings | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Outcome:
    """Carry a prepared clip out.

    Args:
        clip: Prepared.
        pair: The bodies of its people.
        settings: How to steer.
        on_progress: Called with (rung, control frames done, of).

    Returns:
        The first rung that succeeded; if none did, the one that held out longest.

    Raises:
        ControlInterrupted: on Ctrl-C.
        SimulationDiverged: the clip's own start cannot be simulated.
    """
    settings = settings or ControlSettings()
    reference = Reference.of(clip, pair)
    attempts: list[Attempt] = []
    best: tuple[Attempt, Search] | None = None
    for name, effort, assistance in _rungs(pair, settings):
        search = Search(
            pair,
            reference,
            effort,
            seed=settings.seed,
            threads=settings.threads,
            assistance=assistance,
            judged=settings.judged,
        )
        started = time.perf_counter()

        def report(frame: int, of: int, name: str = name) -> None:
            if on_progress is not None:
                on_progress(name, frame, of)

        try:
            recording = search.run(report, stop_at=_HOPELESS)
        except KeyboardInterrupt:
            recording = search.recording()
            attempt = _judge(name, clip, recording, settings, time.perf_counter() - started, search.control_steps)
            attempt = replace(attempt, success=False, reason=f"interrupted at {recording.time[-1]:.1f} s")
            raise ControlInterrupted(Outcome(recording, name, False, (*attempts, attempt))) from None
        except SimulationDiverged:
            recording = search.recording()
        attempt = _judge(name, clip, recording, settings, time.perf_counter() - started, search.control_steps)
        attempts.append(attempt)
        if attempt.success:
            return Outcome(recording, name, True, tuple(attempts))
        if best is None or _held_out(attempt) > _held_out(best[0]):
            best = (attempt, search)
    assert best is not None
    return Outcome(_to_the_end(best[1]), best[0].controller, False, tuple(attempts))


def _to_the_end(search: Search) -> Recording:
    """What a search that gave up does until the clip ends: a failure is shown whole."""
    try:
        return search.run()
    except (KeyboardInterrupt, SimulationDiverged):
        return search.recording()


def _rungs(pair: PairBody, settings: ControlSettings) -> Iterator[tuple[str, SearchSettings, Assistance | None]]:
    """Name, effort and assistance of each rung."""
    effort = QUALITIES[settings.quality]
    if settings.controller in ("auto", "search"):
        yield "search", effort, None
    if settings.controller == "auto" and settings.quality != "draft":
        yield "search longer", replace(effort, **_LONGER), None
    if settings.controller in ("auto", "assisted"):
        for level in ASSIST_LEVELS:
            yield f"assisted {level:g}", effort, Assistance(pair, level)


def _held_out(attempt: Attempt) -> tuple[float, float]:
    """How good a failed attempt is: the later it failed the better, then the nearer it stayed."""
    return (np.inf if attempt.failed_at is None else attempt.failed_at, -max(attempt.max_deviation))


def _judge(
    name: str, clip: InteractionClip, recording: Recording, settings: ControlSettings, seconds: float, steps: int
) -> Attempt:
    simulated = recording_to_clip(recording, clip)
    times = frame_times(clip)
    reached = times <= recording.time[-1] + 1e-6
    distance = deviation(simulated.joints, clip.joints)
    furthest = distance[reached].max(axis=0)
    judged = np.zeros_like(distance)
    judged[:, list(settings.judged)] = distance[:, list(settings.judged)]
    verdict = judge(judged, times, SUCCESS_LIMIT, simulated_until=float(recording.time[-1]))
    weight = recording.mass * GRAVITY
    force = np.linalg.norm(recording.wrench[..., :3], axis=-1) / weight
    mean_force, max_force = force.mean(axis=0).max(), float(force.max())
    if not verdict.success:
        who = (
            "the simulation broke off" if verdict.failed is None else f"the {ROLES[verdict.failed]} was over 0.25 m off"
        )
        reason = f"{who} at {verdict.failure_time:.1f} s"
    elif mean_force > MAX_MEAN_FORCE:
        reason = f"needed {mean_force:.2f} body weights of outside help on average, more than {MAX_MEAN_FORCE}"
    else:
        reason = f"never more than {1000 * furthest[list(settings.judged)].max():.0f} mm off"
        if max_force:
            reason += f" with at most {max_force:.2f} body weights of outside help, {mean_force:.3f} on average"
    return Attempt(
        controller=name,
        success=verdict.success and bool(mean_force <= MAX_MEAN_FORCE),
        reason=reason,
        seconds=seconds,
        control_steps=steps,
        max_deviation=(float(furthest[0]), float(furthest[1])),
        max_force=max_force,
        failed_at=verdict.failure_time,
    )
