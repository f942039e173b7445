"""`assistmimic evaluate`: how good policies are, as tables or as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from controller_server.body.strength import Strength
from controller_server.control.policy.bundle import CARD, read_bundle, write_scores
from controller_server.control.policy.bundle_store import find_bundle
from controller_server.core.errors import SettingsError
from controller_server.core.progress import Progress
from controller_server.core.whole_file import replace_file
from controller_server.pipeline.result import clip_sha256

from .evaluate_arguments import Evaluate
from .exit_codes import EXIT_NONE, EXIT_SOME
from .outputs import check_output, make_folder
from .progress import TerminalProgress

if TYPE_CHECKING:
    from controller_server.control.policy.bundle import PolicyBundle
    from controller_server.evaluation.evaluation import EvaluationClip

_WIDTH_IN_FILES = 140


def run_evaluate(arguments: Evaluate) -> int:
    """Evaluate. Raises AssistMimicError."""
    from controller_server.evaluation.conditions import Conditions, parse_dynamics
    from controller_server.evaluation.evaluation import evaluate, without_actions
    from controller_server.evaluation.measured_runs import KeptRuns
    from controller_server.evaluation.start_noise import Noise
    from controller_server.evaluation.trials import Supporter

    if arguments.out is not None:
        check_output(arguments.out, (".json",))
    if arguments.save and arguments.recipient_strength is not None:
        raise SettingsError("evaluate: --save keeps scores of the bodies of training; leave out --recipient-strength")
    dynamics = parse_dynamics(arguments.dynamics)
    noise = Noise().of_start(arguments.start_noise)
    conditions = Conditions(arguments.trials, arguments.seed, arguments.threads, noise, arguments.engine)
    folders = [find_bundle(name).folder for name in arguments.bundles]
    if arguments.save:
        for folder in folders:
            check_output(folder / CARD, (".yaml",))
    bundles = _told_apart([read_bundle(folder) for folder in folders])
    clips = _clips(arguments.clips, bundles)
    tried = [*bundles, without_actions(bundles[0])] if arguments.baseline else bundles
    strength = None if arguments.recipient_strength is None else Strength.parse(arguments.recipient_strength)
    telling, out, kept = arguments.telling, arguments.out, KeptRuns()
    if out is not None:
        make_folder(out, quiet=telling.quiet)
        kept = KeptRuns(out.with_name(f"{out.name}.part"))
    with TerminalProgress(telling.console) as progress:
        report = evaluate(
            tried,
            clips,
            dynamics,
            conditions,
            recipient=strength,
            help_tests=tuple(Supporter)[1:] if arguments.help_tests else (),
            verdicts=arguments.verdicts,
            on_progress=lambda label, done, of: progress(Progress(label, done, of)),
            kept=kept,
            on_row=lambda row: progress.console.print(_line(row), highlight=False, soft_wrap=True, markup=False),
        )
    if telling.json:
        print(json.dumps(report))
    elif not telling.quiet:
        print_evaluation(report)
    if out is not None:
        _write(out, report)
        kept.forget()
        telling.wrote([out])
    for folder, bundle in zip(folders, bundles, strict=True):
        if arguments.save:
            write_scores(folder, scores_of(report, bundle.card.name))
    return exit_code_of(report) if telling.strict else 0


def _write(out: Path, report: Mapping[str, Any]) -> None:
    try:
        replace_file(out, (json.dumps(report, indent=1) + "\n").encode())
    except OSError as error:
        raise SettingsError(f"{out}: cannot be written ({error.strerror or error})") from None


def _line(row: Mapping[str, Any]) -> str:
    """Return a row in short, as soon as it is there."""
    rate = row["success_rate"]
    usable = "" if rate is None else f"success {rate:.0%}, "
    tracked = f"followed {row['success_tracking_rate']:.0%} of {row['trials']}"
    return f"{row['bundle']} on {row['clip']}, {row['dynamics']}: {usable}{tracked}, MPJPE {row['mpjpe_mm']:.0f} mm"


def exit_code_of(report: Mapping[str, Any]) -> int:
    """Return 0 where every trial was a success, 3 where some were, 4 where none was."""
    rates = [
        row["success_tracking_rate"] if row["success_rate"] is None else row["success_rate"] for row in report["rows"]
    ]
    return 0 if min(rates) == 1 else EXIT_SOME if max(rates) > 0 else EXIT_NONE


def _told_apart(bundles: Sequence[PolicyBundle]) -> list[PolicyBundle]:
    """Return the bundles, the second of a name called NAME-2 and so on.

    Two runs on the same clip have the same name.
    """
    named: dict[str, PolicyBundle] = {}
    for bundle in bundles:
        name, number = bundle.card.name, 2
        while name in named:
            name, number = f"{bundle.card.name}-{number}", number + 1
        named[name] = replace(bundle, card=replace(bundle.card, name=name))
    return list(named.values())


def scores_of(report: Mapping[str, Any], bundle: str) -> dict[str, Any]:
    """Return what a card keeps of a report: one bundle's rows and help tests, under which conditions, on what."""

    def own(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in row.items() if name not in ("bundle", "verdicts")}
            for row in rows
            if row.get("bundle", bundle) == bundle
        ]

    kept = {name: own(report[name]) for name in ("rows", "help", "playback")}
    return kept | {name: report[name] for name in ("conditions", "versions", "machine")}


def _clips(names: Sequence[str], bundles: Sequence[PolicyBundle]) -> list[EvaluationClip]:
    """Return the clips by file or by name.

    Without any, those the first bundle was trained on, as far as they are there.
    """
    from controller_server.benchmarks.conversion import cases
    from controller_server.evaluation.clip_sources import DATA, clip_name, read_source
    from controller_server.evaluation.evaluation import EvaluationClip

    if names:
        sources = [name.startswith(DATA) or "+" in name or Path(name).exists() for name in names]
        return [
            EvaluationClip(clip_name(name), read_source(name) if source else cases([name])[0].load().clip)
            for name, source in zip(names, sources, strict=True)
        ]
    if bundles[0].card.kind == "prior":
        return _motions(bundles[0])
    known = [EvaluationClip(case.name, case.load().clip) for case in cases()]
    found = [clip for clip in known if bundles[0].card.knows(clip_sha256(clip.clip))]
    if not found:
        raise SettingsError(
            f"evaluate: no bundled clip is one {bundles[0].card.name} was trained on; name clips with --clips"
        )
    return found


def _motions(prior: PolicyBundle) -> list[EvaluationClip]:
    """Return what a prior learned, two strangers at a time.

    Captured motions only where `ASSISTMIMIC_DATA` says they are.
    """
    from controller_server.evaluation.clip_sources import DATA
    from controller_server.evaluation.evaluation import EvaluationClip
    from controller_server.evaluation.single_person import strangers

    config: Any = prior.card.training.get("config")
    entries: list[str] = config.get("clips", []) if isinstance(config, dict) else []
    there = [entry for entry in entries if DATA not in entry or os.environ.get("ASSISTMIMIC_DATA")]
    if not there:
        raise SettingsError(f"evaluate: {prior.card.name} does not say what it learned; name clips with --clips")
    return [EvaluationClip(*strangers(entry)) for entry in there]


def print_evaluation(report: Mapping[str, Any], console: Console | None = None) -> None:
    """Print what `evaluate` measured."""
    console = console or Console()
    if not console.is_terminal:
        console.width = _WIDTH_IN_FILES
    console.print(_rows(report))
    for row in report["rows"]:
        if row["failed_criteria"]:
            failed = ", ".join(f"{name} {count}" for name, count in row["failed_criteria"].items())
            name = row.get("bundle", report["bundles"][0])
            console.print(
                f"{name} on {row['clip']}, {row['dynamics']}: failed in so many trials: {failed}", highlight=False
            )
    console.print(_help(report))
    if report["comparison"]:
        console.print(_comparison(report))
    for row in report["playback"]:
        console.print(
            f"{row['bundle']} plays {row['clip']} at {row['times_real_time']:.1f} times real time on one core",
            highlight=False,
            soft_wrap=True,
        )
    console.print(report["machine"], highlight=False, soft_wrap=True)


def _rows(report: Mapping[str, Any]) -> Table:
    table = _table(
        f"{report['conditions']['trials']} trials each, seed {report['conditions']['seed']}",
        ("bundle", "clip", "dynamics"),
        ("success", "95 %", "tracking", "MPJPE mm", "failed at", "alone", "COM m", "torque N m", "force N", "wrench N"),
    )
    for row in report["rows"]:
        table.add_row(
            row.get("bundle", report["bundles"][0]),
            row["clip"],
            row["dynamics"],
            _or_dash(row["success_rate"], "{:.0%}"),
            "-" if row["success_rate_95"] is None else "{:.0%}-{:.0%}".format(*row["success_rate_95"]),
            f"{row['success_tracking_rate']:.0%}",
            f"{row['mpjpe_mm']:.0f}",
            _or_dash(row["failure_time_s"], "{:.1f} s"),
            f"{row['recipient_alone_success_rate']:.0%}",
            f"{row['com_spread_m']:.3f}",
            f"{row['recipient_torque_max_nm']:.0f}",
            f"{row['partner_force_n']:.0f}",
            f"{row['max_wrench_n']:.0f}",
        )
    return table


def _help(report: Mapping[str, Any]) -> Table:
    table = _table(
        "help test: the recipient on the clip and high enough at the end; height missing at the end",
        ("bundle", "clip"),
        ("with", "removed", "unfelt", "limp", "sideways N", "upward N", "while rising N", "body weights"),
    )
    for row in report["help"]:
        cells = (row.get(key) for key in ("with_supporter", "supporter_removed", "supporter_unfelt", "supporter_limp"))
        table.add_row(
            row["bundle"],
            row["clip"],
            *(
                "-" if cell is None else f"{cell['success_rate']:.0%}, {cell['final_pelvis_shortfall_m']:.2f} m"
                for cell in cells
            ),
            f"{row['horizontal_force_n']:.0f}",
            f"{row['upward_force_n']:.0f}",
            _or_dash(row["upward_force_rising_n"], "{:.0f}"),
            _or_dash(row["upward_force_rising_body_weights"], "{:.2f}"),
        )
    return table


def _comparison(report: Mapping[str, Any]) -> Table:
    table = _table(
        "paired over the same trials: first minus second on common successes",
        ("first", "second", "clip", "dynamics", "measure"),
        ("only first", "only second", "p", "common", "difference", "p "),
    )
    for row in report["comparison"]:
        table.add_row(
            *(row[name] for name in ("first", "second", "clip", "dynamics", "measure")),
            str(row["only_first"]),
            str(row["only_second"]),
            f"{row['success_p']:.3g}",
            str(row["common"]),
            _or_dash(row["difference"], "{:+.3g}"),
            _or_dash(row["difference_p"], "{:.3g}"),
        )
    return table


def _table(title: str, names: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _or_dash(value: float | None, text: str) -> str:
    return "-" if value is None else text.format(value)
