"""`assistmimic train`, `export` and `bench train`. Torch is loaded only when they run."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from controller_server.core.errors import SettingsError

from .arguments import BenchTrain, Export, Train


def run_train(arguments: Train) -> int:
    """Train. Raises AssistMimicError."""
    if not 1 <= arguments.processes <= 256:
        raise SettingsError(f"--processes: {arguments.processes} is outside 1-256")
    if arguments.what == "ablation":
        if arguments.processes > 1:
            raise SettingsError("--processes: an ablation trains one run after the other, in one process")
        return _run_ablation(arguments)
    from training.settings.config import load_config

    config = load_config(arguments.config, arguments.set, arguments.settings)
    if config.kind != arguments.what:
        raise SettingsError(f"{arguments.config}: kind is {config.kind}, not {arguments.what}")
    _need_training()
    if arguments.processes > 1:  # only now: what is impossible is said once
        from training.launch import launch

        return launch(arguments.processes, _in_words(arguments))
    if config.name == config.kind and (len(config.clips) == 1 or (config.clips and config.kind == "specialist")):
        from controller_server.evaluation.clip_sources import run_name

        config = replace(config, name=run_name(config.clips))
    from training.command import train

    train(
        config,
        arguments.out or Path("runs") / config.name,
        resume=arguments.resume,
        agent=arguments.agent,
        threads=arguments.threads,
    )
    return 0


def _in_words(arguments: Train) -> list[str]:
    """Return the command line of one of several processes."""
    words = [arguments.what, str(arguments.config), "--agent", arguments.agent, "--threads", str(arguments.threads)]
    words += [] if arguments.out is None else ["--out", str(arguments.out)]
    for name, values in (("--set", arguments.set), ("--import", arguments.imports)):
        words += [name, *map(str, values)] if values else []
    for path, value in arguments.settings.items():
        if isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{path}")
        else:
            words += [f"--{path}", *(map(str, value) if isinstance(value, tuple) else [str(value)])]
    return [*words, "--resume"] if arguments.resume else words


def _run_ablation(arguments: Train) -> int:
    other = next((f"--{path}" for path in arguments.settings if path not in ("clips", "steps")), None)
    if other or arguments.set:
        raise SettingsError(
            f"{other or '--set'}: an ablation's settings are in its file; only clips and steps may differ"
        )
    _need_training()
    from training.ablation import TABLE, run_ablation

    folder, given = arguments.out or Path("runs") / arguments.config.stem, arguments.settings
    rows = run_ablation(
        arguments.config, folder, steps=given.get("steps"), clips=given.get("clips", ()), threads=arguments.threads
    )
    for row in rows:
        scores = f"{row['success_tracking_rate']:4.0%}  {row['mpjpe_mm']:.0f} mm"
        print(f"{row['clip']:<20} {row['variant']:<20} {row['seed']}  {scores}")
    print(f"wrote {folder / TABLE}")
    return 0


def run_export(arguments: Export) -> int:
    """Write a run's bundle. Raises AssistMimicError."""
    _need_training()
    from training.export import export

    bundle = export(arguments.run_folder, arguments.out, name=arguments.name)
    card = bundle.card
    print(f"wrote {arguments.out}: {card.kind} {card.name}, {card.training['pair_steps']:,} pair-steps")
    return 0


def run_bench_train(arguments: BenchTrain) -> int:
    """Measure what training costs. Raises AssistMimicError."""
    _need_training()
    from controller_server.core.array_store import ArrayStore, cache_folder
    from controller_server.core.bundled import CLIPS
    from training.benchmarks.many_clips import bench_many, many_lines
    from training.benchmarks.step_cost import bench_train
    from training.settings.config import CONFIGS, load_config

    clips, threads = arguments.clips, arguments.threads
    given = clips[0] if clips else "pull_up"
    clip = given if Path(given).is_file() else str(CLIPS / f"{given}.npz")
    config = load_config(CONFIGS / "specialist.yaml", clips=(clip,))
    config = replace(config, pairs=arguments.pairs)
    many = bench_many(config, threads=threads, store=ArrayStore(cache_folder()))  # first: its memory is measured
    report = bench_train(config, threads=threads) | many
    if arguments.json:
        print(json.dumps(report, indent=2, allow_nan=False))
        return 0
    for name in ("bare_stepping", "environment", "training"):
        print(f"{name.replace('_', ' '):<16}{report[f'{name}_per_s']:>8.0f} pair-steps/s")
    for name in ("environment", "training"):
        print(f"{name} is {report[f'{name}_share_of_bare_stepping']:.0%} of bare stepping")
    print(*many_lines(report), sep="\n")
    return 0


def _need_training() -> None:
    """Say what is missing where training is not possible. Raises AssistMimicError."""
    try:
        for package in ("torch", "tensorboard"):
            import_module(package)
    except ImportError as error:
        raise SettingsError(f"training needs {error.name}: pip install 'assistmimic[train]'") from None
