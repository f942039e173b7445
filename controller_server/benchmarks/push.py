"""Benchmark of recovery from unforeseen pushes, in any direction and at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import ROLES, InteractionClip
from controller_server.clip.io.npz import clip_sha256
from controller_server.control.fallback.policy_choice import choose_policy
from controller_server.control.fallback.settings import QUALITIES, ControlSettings
from controller_server.control.playback import Runner
from controller_server.control.policy.policy import Playback, PolicyBase
from controller_server.control.reference.reference import Reference
from controller_server.control.search.search import Search
from controller_server.core.errors import AssistMimicError, SimulationDiverged
from controller_server.core.fingerprint import fingerprint
from controller_server.core.machine import machine
from controller_server.core.progress import OnProgress, Progress, ignore_progress
from controller_server.physics.recording import Recording
from controller_server.pipeline.convert import pair_of
from controller_server.pipeline.result import versions
from controller_server.pipeline.settings import Controller, ConvertSettings, Quality
from controller_server.prepare import prepare

from .conversion import Case, cases
from .rows import KeptRows

FORCES = {"steady": 300.0, "walk_arm_in_arm": 150.0}
"""Clips that are asked for, and what people are pushed with there [N]."""
SECONDS = 0.2
"""Duration of a push [s]."""
WITHIN = 0.7
"""Share of the clip in which pushes begin."""
AFTER = 1.0
"""Time that people are left standing after the clip's end, which is held still [s]."""
LOW, SPEED = 0.15, 0.3
"""Limits of being upright then: the pelvis' depth under the reference's [m], the centre of mass' speed [m/s]."""
_WINDOW = 0.1  # s over which that speed is taken
_LOST = 0.8  # m mean deviation: nobody comes back from there


@dataclass(frozen=True)
class Push:
    """A horizontal force on one pelvis for a while.

    Attributes:
        person: 0 supporter, 1 recipient.
        direction: From the world's +X towards +Y [rad].
        start: [s].
        force: [N].
        seconds: How long [s].
    """

    person: int
    direction: float
    start: float
    force: float
    seconds: float = SECONDS

    def __call__(self, time: float) -> np.ndarray:
        """Force and torque on each pelvis at a time [s], shape (2, 6)."""
        wrench = np.zeros((2, 6))
        if self.start <= time + 1e-9 < self.start + self.seconds:
            wrench[self.person, :2] = self.force * np.cos(self.direction), self.force * np.sin(self.direction)
        return wrench


def draw_pushes(count: int, duration: float, force: float, seed: int = 0) -> list[Push]:
    """Pushes on both people by turns, spread evenly over directions and over the first 70 % of a clip.

    Args:
        count: How many.
        duration: Of the clip [s].
        force: [N].
        seed: Seed of what chance leaves open.
    """
    rng = np.random.default_rng(seed)
    directions = rng.permutation((np.arange(count) + rng.random(count)) / count) * 2 * np.pi
    moments = rng.permutation((np.arange(count) + rng.random(count)) / count) * WITHIN * duration
    return [Push(k % 2, float(directions[k]), float(moments[k]), force) for k in range(count)]


def bench_push(
    names: Sequence[str] = (),
    *,
    controller: Controller = Controller.SEARCH,
    quality: Quality = Quality.DEFAULT,
    trials: int = 20,
    force: float | None = None,
    seed: int = 0,
    threads: int = 0,
    keep: Path | None = None,
    on_progress: OnProgress = ignore_progress,
) -> dict[str, Any]:
    """Push people in clips and see who stands afterwards.

    Args:
        names: Clips; `steady` and the walk by default.
        controller: `search` or `policy`: one go of it, without the fallback strategies after it.
        quality: How long the search thinks.
        trials: Pushes for each clip.
        force: [N]; by default 300, in the walk 150.
        seed: Seed of pushes and search.
        threads: Physics threads; 0 takes every core.
        keep: File of rows: those made before are taken from it, new ones added.
        on_progress: Told which clip is at which trial.

    Returns:
        What `docs/bench.md` describes, ready for JSON.

    Raises:
        AssistMimicError: a name is unknown, the controller is another, no policy fits, or `keep` cannot be used.
    """
    if controller not in (Controller.SEARCH, Controller.POLICY):
        raise AssistMimicError(f"bench push: controller {controller.value}; pushes can be given to search and policy")
    if not 1 <= trials <= 1000:
        raise AssistMimicError(f"bench push: {trials} trials are outside 1-1000")
    settings = ConvertSettings(controller=controller, quality=quality, seed=seed, threads=threads)
    common = {"bench": "push", "code": fingerprint(), "settings": settings.to_dict()}
    kept = KeptRows(keep, {**common, "settings": {**common["settings"], "threads": 0}})
    chosen = cases(names or tuple(FORCES))
    entries = [
        _entry(case, settings, FORCES.get(case.name, 300.0) if force is None else force, trials, kept, on_progress)
        for case in chosen
    ]
    return {
        "clips": entries,
        "controller": controller.value,
        "quality": quality.value,
        "seed": seed,
        "machine": machine(),
        "versions": versions(),
    }


def _entry(
    case: Case, settings: ConvertSettings, force: float, trials: int, kept: KeptRows, on_progress: OnProgress
) -> dict[str, Any]:
    clip = case.load().clip
    scene: _Scene | None = None
    rows = []
    # The first trial is left alone: whoever does not stand then was not felled by a push.
    for number, push in enumerate([None, *draw_pushes(trials, clip.duration, force, settings.seed)]):
        on_progress(Progress(f"{case.name}: push {number} of {trials}"))
        of = {"clip": clip_sha256(clip), "push": None if push is None else vars(push)}
        row = kept.find(of)
        if row is None:
            scene = scene or _Scene.of(clip, settings)
            row = scene.trial(push)
            kept.add(of, row)
        rows.append(row)
    calm, pushed = rows[0], rows[1:]
    recovered = sum(row["upright"] for row in pushed)
    return {
        "name": case.name,
        "force_n": force,
        "push_s": SECONDS,
        "trials": trials,
        "recovered": recovered,
        "share": recovered / trials,
        "unpushed": calm,
        "rows": pushed,
    }


@dataclass(frozen=True)
class _Scene:
    """A prepared clip and who carries it out.

    Attributes:
        clip: As it was read.
        prepared: What is asked for.
        pair: The bodies.
        reference: Prepared, with its end held still.
        settings: All choices.
    """

    clip: InteractionClip
    prepared: InteractionClip
    pair: PairBody
    reference: Reference
    settings: ConvertSettings

    @staticmethod
    def of(clip: InteractionClip, settings: ConvertSettings) -> _Scene:
        prepared = prepare(clip, settings.prepare).clip
        pair = pair_of(prepared, settings)
        reference = Reference.of(prepared, pair, extra_frames=round(AFTER * pair.control_hz))
        return _Scene(clip, prepared, pair, reference, settings)

    def trial(self, push: Push | None) -> dict[str, Any]:
        """Carry the clip out once, with a push or without."""
        runner = self._runner()
        if push is not None:
            runner.disturb(push)
        try:
            recording = runner.run(stop_at=_LOST)
        except SimulationDiverged:
            recording = runner.recording()
        low, speed = upright_measures(recording, self.reference)
        finished = recording.time[-1] > (self.reference.n_frames - 1.5) / self.reference.hz
        return {
            "person": None if push is None else ROLES[push.person],
            "direction_deg": None if push is None else float(np.degrees(push.direction)),
            "start_s": None if push is None else push.start,
            "upright": bool(finished and low.max() <= LOW and speed.max() < SPEED),
            "pelvis_low_m": dict(zip(ROLES, low.tolist(), strict=True)),
            "com_speed_m_s": dict(zip(ROLES, speed.tolist(), strict=True)),
            "simulated_s": float(recording.time[-1]),
        }

    def _runner(self) -> Runner:
        settings = self.settings
        if settings.controller is Controller.POLICY:
            control = ControlSettings("policy", sha256=clip_sha256(self.clip), prepare=settings.prepare)
            bundle = choose_policy(self.pair, control).bundle
            assert bundle is not None
            base = PolicyBase(self.pair, self.reference, bundle)
            return Playback(self.pair, self.reference, base, engine=settings.engine)
        effort = QUALITIES[settings.quality.value]
        return Search(
            self.pair, self.reference, effort, seed=settings.seed, threads=settings.threads, engine=settings.engine
        )


def upright_measures(recording: Recording, reference: Reference) -> tuple[np.ndarray, np.ndarray]:
    """Return each pelvis' depth under the reference [m] and each centre of mass' speed [m/s] at the end, shapes (2,).

    The speed is that from 0.1 s before the end to the end.
    """
    at = reference.row(round(float(recording.time[-1]) * reference.hz))
    low = reference.positions[at, :, 0, 2] - recording.positions[-1, :, 0, 2]
    since = np.searchsorted(recording.time, recording.time[-1] - _WINDOW - 1e-9)
    passed = max(float(recording.time[-1] - recording.time[since]), 1e-9)
    return low, np.linalg.norm(recording.com[-1] - recording.com[since], axis=-1) / passed
