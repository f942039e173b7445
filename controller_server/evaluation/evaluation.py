"""Evaluation of a policy: clips x dynamics, with and without the supporter, and against other policies."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.body.strength import Strength
from controller_server.clip.interaction import InteractionClip
from controller_server.control.policy.bundle import PolicyBundle
from controller_server.control.policy.policy import Playback, PolicyBase
from controller_server.control.reference.reference import Reference
from controller_server.core.array_store import ArrayStore, cache_folder
from controller_server.core.errors import AssistMimicError, SimulationDiverged
from controller_server.core.machine import machine
from controller_server.metrics.tracking import SUCCESS_LIMIT
from controller_server.metrics.verdict import Verdict
from controller_server.physics.backend import EngineOptions
from controller_server.physics.engines import check_engine, make_backend
from controller_server.pipeline.result import versions

from .clip_cache import prepared
from .conditions import Conditions, Dynamics
from .measured_runs import KeptRuns, Record, key_of
from .statistics import compare, wilson
from .trial_log import SHORTFALL_LIMIT, Trials
from .trials import Supporter, run_together
from .verdicts import VerdictTrials, failed_criteria, judge_trials

OnProgress = Callable[[str, int, int], None]
_MOST_WORLDS = 256
"""Largest number of worlds in a batch of several clips: about half a gigabyte."""
COMPARED = ("mpjpe", "com_spread", "torque", "partner_force")
"""Measures of each trial that bundles are compared by."""


@dataclass(frozen=True)
class EvaluationClip:
    """A clip to be tried.

    Attributes:
        name: As rows call it.
        clip: As it was read; prepared here.
    """

    name: str
    clip: InteractionClip


@dataclass(frozen=True)
class Run:
    """The trials of one bundle on one clip under one dynamics.

    Attributes:
        bundle: Name.
        clip: Name.
        dynamics: Name.
        trials: With the supporter.
        others: By what became of the supporter.
        verdicts: On each trial with the supporter, recorded; empty where nobody asked for them.
    """

    bundle: str
    clip: str
    dynamics: str
    trials: Trials
    others: dict[Supporter, Trials]
    verdicts: tuple[Verdict, ...] = ()


def evaluate(
    bundles: Sequence[PolicyBundle],
    clips: Sequence[EvaluationClip],
    dynamics: Sequence[Dynamics],
    conditions: Conditions,
    *,
    recipient: Strength | None = None,
    help_tests: Sequence[Supporter] = (Supporter.REMOVED, Supporter.UNFELT, Supporter.LIMP),
    verdicts: bool = True,
    on_progress: OnProgress | None = None,
    kept: KeptRuns | None = None,
    on_row: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Try bundles on clips.

    Every bundle meets the same trials: the same starts, frictions and pushes. The supporter is removed under every
    dynamics; the other help tests are run under the first.

    Args:
        bundles: The policies; the first is compared with each of the others.
        clips: What they are to do.
        dynamics: Under which conditions.
        conditions: Trials, seed, noise.
        recipient: Strength of the recipient in place of the one the bundle was trained with.
        help_tests: What becomes of the supporter, besides being active.
        verdicts: Whether each trial with the supporter is recorded too, and judged as a conversion is.
        on_progress: Called with (what is run, control frames or trials done, of).
        kept: Runs that were made before and need not be made again; each new one is added.
        on_row: Called with each row as it is there, those of `kept` included.

    Returns:
        What `docs/evaluation.md` describes, ready for JSON.

    Raises:
        AssistMimicError: nothing to try, two of the same name, or a bundle does not fit a clip.
    """
    check_engine(conditions.engine)
    for what, given in (("bundles", bundles), ("clips", clips), ("dynamics", dynamics)):
        if not given:
            raise AssistMimicError(f"evaluate: no {what}; name at least one")
    _check_names(bundles, clips, dynamics)
    tests, made, store = tuple(help_tests), {}, kept or KeptRuns()
    for group in _groups(clips, bundles, conditions):
        for setting in dynamics:
            whole = setting is dynamics[0]
            how = _How(setting, conditions, recipient, tests if whole else (), verdicts)
            for bundle in bundles:
                records = _kept_runs(bundle, group, how, on_progress, store, whole=whole)
                for clip, record in zip(group, records, strict=True):
                    made[clip.name, setting.name, bundle.card.name] = record
                    if on_row is not None:
                        on_row(record["row"])
    names = [(clip.name, setting.name) for clip in clips for setting in dynamics]
    runs = [made[clip, setting, bundle.card.name] for clip, setting in names for bundle in bundles]
    several = len(bundles) > 1
    return {
        "rows": [_told(run["row"], several=several) for run in runs],
        "help": [run["help"] for run in runs if run["row"]["dynamics"] == dynamics[0].name],
        "playback": [_playback(bundle, clip, conditions.engine) for clip in clips for bundle in bundles],
        "comparison": _comparisons(runs, [bundle.card.name for bundle in bundles]),
        "bundles": [bundle.card.name for bundle in bundles],
        "conditions": {
            "trials": conditions.trials,
            "seed": conditions.seed,
            "engine": conditions.engine,
            "noise": asdict(conditions.noise),
            "recipient": "as in training" if recipient is None else recipient.label,
            "success_limit_m": SUCCESS_LIMIT,
            "shortfall_limit_m": SHORTFALL_LIMIT,
            "dynamics": [setting.to_dict() for setting in dynamics],
        },
        "versions": versions(),
        "machine": machine(),
    }


def _check_names(
    bundles: Sequence[PolicyBundle], clips: Sequence[EvaluationClip], dynamics: Sequence[Dynamics]
) -> None:
    """Make sure that rows and comparisons can go by name. Raises AssistMimicError."""
    for what, names in (
        ("bundles", [bundle.card.name for bundle in bundles]),
        ("clips", [clip.name for clip in clips]),
        ("dynamics", [setting.name for setting in dynamics]),
    ):
        twice = {name for name in names if names.count(name) > 1}
        if twice:  # rows and comparisons go by name
            raise AssistMimicError(f"evaluate: two {what} are called {', '.join(sorted(twice))}")


@dataclass(frozen=True)
class _How:
    """All that a run's numbers depend on, besides policy and clip; the fields are the arguments of `evaluate`."""

    dynamics: Dynamics
    conditions: Conditions
    recipient: Strength | None
    help_tests: tuple[Supporter, ...]
    verdicts: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; not the threads, which change no number."""
        conditions = asdict(self.conditions)
        conditions.pop("threads")
        return {
            "dynamics": self.dynamics.to_dict(),
            "conditions": conditions,
            "recipient": None if self.recipient is None else asdict(self.recipient),
            "help_tests": [supporter.value for supporter in self.help_tests],
            "verdicts": self.verdicts,
            "versions": versions(),
        }


def _groups(
    clips: Sequence[EvaluationClip], bundles: Sequence[PolicyBundle], conditions: Conditions
) -> list[list[EvaluationClip]]:
    """Clips that are tried in one batch of worlds: of about one length, and not too many; clip by clip if need be."""
    if len(clips) == 1 or any(bundle.card.action.closing for bundle in bundles):  # hands are closed clip by clip
        return [[clip] for clip in clips]
    probe = make_backend(conditions.engine, PairBody.from_clip(clips[0].clip), 1, EngineOptions(threads=1))
    size = _MOST_WORLDS // conditions.trials
    if size < 2 or not probe.capabilities.per_world_pair:
        return [[clip] for clip in clips]
    ordered = sorted(clips, key=lambda clip: clip.clip.duration)
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def _kept_runs(
    bundle: PolicyBundle,
    clips: Sequence[EvaluationClip],
    how: _How,
    on_progress: OnProgress | None,
    kept: KeptRuns,
    *,
    whole: bool,
) -> list[Record]:
    """Return what is kept of runs, made now if they were not before, those together."""
    asked = {**how.to_dict(), "whole": whole, "bundle": bundle.card.name}
    keys = [key_of(bundle, clip.clip, {**asked, "clip": clip.name}) for clip in clips]
    known = {key: kept.get(key) for key in keys}
    records = {key: record for key, record in known.items() if record is not None}
    missing = [clip for key, clip in zip(keys, clips, strict=True) if key not in records]
    runs = {run.clip: run for run in _run(bundle, missing, how, on_progress, whole=whole)} if missing else {}
    for key, clip in zip(keys, clips, strict=True):
        if key not in records:
            run = runs[clip.name]
            compared = {measure: _flat(getattr(run.trials, measure)).tolist() for measure in COMPARED}
            numbers = {"success": [bool(success) for success in run.trials.success], **compared}
            records[key] = kept.add({"key": key, "row": _row(run), "help": _help_row(run), "trials": numbers})
    return [records[key] for key in keys]


def without_actions(bundle: PolicyBundle) -> PolicyBundle:
    """Return the same policy with every action zero: what the reference's targets do by themselves."""
    parameters: dict[str, dict[str, np.ndarray]] = {}
    for name, spec in bundle.card.networks.items():
        last = f"layer{spec.n_layers - 1}."
        parameters[name] = {
            key: np.zeros_like(array) if key.startswith(last) else array
            for key, array in bundle.parameters[name].items()
        }
    return PolicyBundle(replace(bundle.card, name=f"{bundle.card.name}-no-actions"), parameters)


def bodies_of(bundle: PolicyBundle, clip: InteractionClip, recipient: Strength | None = None) -> PairBody:
    """Return a clip's people with the bodies a bundle was trained with."""
    body = bundle.card.body
    return (body if recipient is None else replace(body, recipient=recipient)).pair(clip)


def _run(
    bundle: PolicyBundle, clips: Sequence[EvaluationClip], how: _How, on_progress: OnProgress | None, *, whole: bool
) -> list[Run]:
    """Run the trials of some clips together; those of the help tests only to their end, if not `whole`."""
    dynamics, conditions = how.dynamics, how.conditions
    ready = [_prepared(bundle, clip) for clip in clips]
    pairs = [bodies_of(bundle, clip, how.recipient) for clip in ready]

    def reporter(on: str, what: str) -> Callable[[int, int], None]:
        label = f"{bundle.card.name} on {on}, {dynamics.name}, {what}"
        return lambda done, of: None if on_progress is None else on_progress(label, done, of)

    def trials(supporter: Supporter, *, until_lost: bool = False) -> list[Trials]:
        report = reporter(clips[0].name if len(clips) == 1 else f"{len(clips)} clips", f"supporter {supporter.value}")
        played = list(zip(ready, pairs, strict=True))
        return run_together(played, bundle, conditions, dynamics, supporter, report, until_lost=until_lost)

    judged: list[list[Verdict]] = [[] for _ in clips]
    for k, clip in enumerate(clips if how.verdicts else ()):
        played = VerdictTrials.of(clip.clip, ready[k], pairs[k], bundle, conditions, dynamics)
        judged[k] = judge_trials(played, threads=conditions.threads, on_trial=reporter(clip.name, "judged"))
    active = trials(Supporter.ACTIVE)
    removed = dict.fromkeys((Supporter.REMOVED, *how.help_tests))
    others = {supporter: trials(supporter, until_lost=not whole) for supporter in removed}
    return [
        Run(
            bundle.card.name,
            clip.name,
            dynamics.name,
            active[k],
            {supporter: found[k] for supporter, found in others.items()},
            tuple(judged[k]),
        )
        for k, clip in enumerate(clips)
    ]


def _playback(bundle: PolicyBundle, clip: EvaluationClip, engine: str) -> dict[str, Any]:
    """Return how fast the policy plays a clip once, recorded as `convert` records it, on one core."""
    ready = _prepared(bundle, clip)
    pair = bodies_of(bundle, ready)
    reference = Reference.of(ready, pair)
    player = Playback(pair, reference, PolicyBase(pair, reference, bundle), engine=engine)
    started = time.process_time()
    with suppress(SimulationDiverged):
        player.run()
    took = time.process_time() - started
    played = player.recording().time[-1]
    return {"bundle": bundle.card.name, "clip": clip.name, "cpu_s": took, "times_real_time": float(played / took)}


def _prepared(bundle: PolicyBundle, clip: EvaluationClip) -> InteractionClip:
    return prepared(clip.clip, bundle.card.prepare, ArrayStore(cache_folder()))


def _told(row: Mapping[str, Any], *, several: bool) -> dict[str, Any]:
    """Return a row as reports have it: with its bundle where there are several."""
    return {name: value for name, value in row.items() if several or name != "bundle"}


def _row(run: Run) -> dict[str, Any]:
    trials, alone = run.trials, run.others[Supporter.REMOVED]
    return {
        "bundle": run.bundle,
        "clip": run.clip,
        "dynamics": run.dynamics,
        "trials": len(trials.success),
        **_verdict_row(run.verdicts),
        **_rate("success_tracking_rate", trials.success),
        "mpjpe_mm": float(trials.mpjpe.mean()),
        "mpjpe_success_mm": _mean(trials.mpjpe[trials.success]),
        "mpjpe_supporter_mm": float(trials.mpjpe[:, 0].mean()),
        "mpjpe_recipient_mm": float(trials.mpjpe[:, 1].mean()),
        "failure_time_s": _mean(trials.failure_time[~trials.success]),
        "recipient_success_rate": float(trials.carried.mean()),
        "recipient_alone_success_rate": float(alone.carried.mean()),
        "max_wrench_n": float(trials.wrench.max()),
        "com_spread_m": float(trials.com_spread.mean()),
        "recipient_torque_max_nm": float(trials.torque.mean()),
        "partner_force_n": float(trials.partner_force.mean()),
        "horizontal_force_n": float(trials.pull.mean()),
        "upward_force_n": float(trials.lift.mean()),
        "diverged": int(trials.diverged.sum()),
    }


def _rate(name: str, success: np.ndarray) -> dict[str, Any]:
    """Return a share of trials and its interval; None of both without trials."""
    done, of = int(np.sum(success)), len(success)
    return {name: done / of if of else None, f"{name}_95": wilson(done, of) if of else None}


def _verdict_row(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return how many recorded trials are usable, and what the others broke."""
    return {
        **_rate("success_rate", np.array([verdict.success for verdict in verdicts])),
        "failed_criteria": failed_criteria(verdicts),
        "verdicts": [
            {
                "success": verdict.success,
                "success_tracking": verdict.success_tracking,
                "failed_criteria": [criterion.name for criterion in verdict.failed],
            }
            for verdict in verdicts
        ],
    }


def _help_row(run: Run) -> dict[str, Any]:
    trials = run.trials
    row: dict[str, Any] = {
        "bundle": run.bundle,
        "clip": run.clip,
        "dynamics": run.dynamics,
        "trials": len(trials.success),
        "with_supporter": _judged(trials),
        "upward_force_n": float(trials.lift.mean()),
        "upward_force_body_weights": float(trials.lift.mean() / trials.weight),
        "upward_force_rising_n": _mean(trials.lift_rising),
        "upward_force_rising_body_weights": _mean(trials.lift_rising / trials.weight),
        "partner_force_n": float(trials.partner_force.mean()),
        "horizontal_force_n": float(trials.pull.mean()),
        "recipient_weight_n": float(trials.weight),
    }
    return row | {f"supporter_{supporter.value}": _judged(other) for supporter, other in run.others.items()}


def _judged(trials: Trials) -> dict[str, Any]:
    """Return the recipient's part: on the clip, high enough at the end, both."""
    return {
        "success_rate": float(trials.carried.mean()),
        "deviation_success_rate": float(trials.recipient_success.mean()),
        "height_success_rate": float((trials.shortfall <= SHORTFALL_LIMIT).mean()),
        "final_pelvis_shortfall_m": float(trials.shortfall.mean()),
    }


def _comparisons(runs: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the first bundle against each other one, clip by clip and dynamics by dynamics."""
    place = lambda row: (row["clip"], row["dynamics"], row["bundle"])  # noqa: E731
    found = {place(run["row"]): {name: np.array(v) for name, v in run["trials"].items()} for run in runs}
    rows = []
    for (clip, dynamics, bundle), second in found.items():
        if bundle == names[0]:
            continue
        first = found[clip, dynamics, names[0]]
        told = {"clip": clip, "dynamics": dynamics, "first": names[0], "second": bundle}
        rows += [
            {
                **told,
                "measure": measure,
                **asdict(compare(first["success"], second["success"], first[measure], second[measure])),
            }
            for measure in COMPARED
        ]
    return rows


def _flat(values: np.ndarray) -> np.ndarray:
    return values.mean(axis=1) if values.ndim == 2 else values


def _mean(values: np.ndarray) -> float | None:
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else None
