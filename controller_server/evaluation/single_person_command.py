"""`python -m controller_server.evaluation.single_person_command POLICY`: a policy for people alone, by kind."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from controller_server.control.policy.bundle import PolicyBundle, read_bundle
from controller_server.control.policy.bundle_store import find_bundle
from controller_server.core.array_store import ArrayStore, cache_folder
from controller_server.core.errors import AssistMimicError
from controller_server.core.options import Arg, parse
from controller_server.core.whole_file import replace_file

from .conditions import Conditions, Push
from .single_person_set import SinglePersonMotion, single_person_motions
from .single_person_trials import MotionReady, try_motion

MOTIONS = Path("training/motions/single_person.yaml")
"""The set of motions in a clone."""


@dataclass(frozen=True)
class Arguments:
    """Try a policy for single people on motions by kind, with and without a push.

    Attributes:
        policy: Name or folder of a bundle; of a run: `assistmimic export RUN FOLDER` first.
        motions: Set of motions (YAML).
        kinds: Only motions of these kinds.
        trials: Worlds of two people for each motion.
        push: Force of the push [N], for 0.2 s, once for each person.
        baseline: The reference's targets, without the policy.
        seed: Seed of noise and pushes.
        threads: Number of threads of physics; 0 takes every core.
        out: JSON file.
    """

    policy: Annotated[str, Arg(positional=True)]
    motions: Path = MOTIONS
    kinds: Annotated[tuple[str, ...], Arg("KIND")] = ()
    trials: int = 8
    push: float = 80.0
    baseline: bool = False
    seed: int = 0
    threads: int = 0
    out: Path | None = None


def main(argv: Sequence[str]) -> int:
    """Carry it out; returns the exit code."""
    try:
        run(parse(Arguments, argv, "python -m controller_server.evaluation.single_person_command"))
    except AssistMimicError as error:
        print(f"single person: {error}", file=sys.stderr)
        return 2
    return 0


def run(arguments: Arguments) -> dict[str, Any]:
    """Try a policy on the motions, print a row for each and for each kind, write all of it. Raises AssistMimicError."""
    bundle = read_bundle(find_bundle(arguments.policy).folder)
    if bundle.card.kind != "prior":
        raise AssistMimicError(f"{bundle.card.name}: is a policy of two people, not of somebody alone")
    motions = single_person_motions(arguments.motions, kinds=arguments.kinds)
    conditions = Conditions(arguments.trials, arguments.seed, arguments.threads)
    store, rows = ArrayStore(cache_folder()), []
    print(f"{'kind':<16} {'motion':<28} {'split':<9} {'seconds':>7} {'completed':>9} {'pushed':>7} {'mm':>5}")
    for motion in motions:
        row = _row(motion, bundle, conditions, Push(force=arguments.push), store, acting=not arguments.baseline)
        rows.append(row)
        _print(row)
    kinds = by_kind(rows)
    for row in kinds:
        _print(row)
    report = {"policy": bundle.card.name, "push_n": arguments.push, "conditions": asdict(conditions)}
    report |= {"motions": rows, "kinds": kinds}
    if arguments.out is not None:
        replace_file(arguments.out, (json.dumps(report, indent=1) + "\n").encode())
    return report


def _row(
    motion: SinglePersonMotion,
    bundle: PolicyBundle,
    conditions: Conditions,
    push: Push,
    store: ArrayStore,
    *,
    acting: bool,
) -> dict[str, Any]:
    ready = MotionReady.of(motion.motion, bundle, store)
    calm = try_motion(ready, bundle, conditions, acting=acting)
    pushed = try_motion(ready, bundle, conditions, push=push, acting=acting)
    return {
        "kind": motion.kind,
        "motion": motion.name,
        "split": motion.split,
        "people": len(calm.lasted),
        "duration_s": calm.duration,
        "completed": float(calm.completed.mean()),
        "completed_pushed": float(pushed.completed.mean()),
        "lasted_s": float(np.median(calm.lasted)),
        "lasted_pushed_s": float(np.median(pushed.lasted)),
        "deviation_mm": float(calm.error.mean()),
    }


def by_kind(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the mean of the motions of each kind and split, every motion counting the same."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["kind"], row["split"]), []).append(row)
    means = ("duration_s", "completed", "completed_pushed", "deviation_mm")
    return [
        {"kind": kind, "motion": f"all {len(own)}", "split": split}
        | {name: float(np.mean([row[name] for row in own])) for name in means}
        for (kind, split), own in groups.items()
    ]


def _print(row: Mapping[str, Any]) -> None:
    print(
        f"{row['kind']:<16} {row['motion']:<28} {row['split']:<9} {row['duration_s']:>7.1f} {row['completed']:>9.0%} "
        f"{row['completed_pushed']:>7.0%} {row['deviation_mm']:>5.0f}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
