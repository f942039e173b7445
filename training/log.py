"""Logs of a run: tables, curves, the resolved configuration, revision, hashes of the data."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from torch.utils.tensorboard import SummaryWriter

from controller_server.core.whole_file import replace_file
from controller_server.core.yaml_file import read_yaml
from controller_server.evaluation.data_sets import acknowledgements
from controller_server.terms import observation
from training.settings.config import TrainConfig

from .provenance import RUN, behind

if TYPE_CHECKING:
    from training.env.environment import PairEnvironment
    from training.learning.ppo import Ppo
    from training.learning.style import Discriminator

CURVE = "curve.jsonl"


class RunLog:
    """Curves of a run: TensorBoard events, and one JSON object a line in `curve.jsonl`.

    Args:
        folder: Folder of the run.
        config: Configuration of the run.
        purge_from: Iterations after this are forgotten: a killed run wrote them after its last checkpoint.
    """

    def __init__(self, folder: Path, config: TrainConfig, *, purge_from: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / CURVE
        kept = path.read_text().splitlines()[:purge_from] if path.exists() else []
        path.write_text("".join(f"{line}\n" for line in kept))
        self._file = path.open("a")
        self._board = SummaryWriter(str(folder), purge_step=purge_from + 1)

    def write(self, iteration: int, row: Mapping[str, Any]) -> None:
        """Write one iteration's numbers."""
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        for name, value in _flat(row):
            self._board.add_scalar(name, value, iteration)

    def close(self) -> None:
        """Write everything to disk."""
        self._file.close()
        self._board.close()


def write_run_card(
    folder: Path, config: TrainConfig, hashes: Mapping[str, str], command: str, *, resumed: bool = False
) -> None:
    """`run.yaml`: how to make this run again.

    Args:
        folder: Folder of the run.
        config: Its choices.
        hashes: Hashes of its clips, by name.
        command: What was typed.
        resumed: The run goes on: if anything is not as it was, what it was is kept under `before`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    card: dict[str, Any] = {"command": command, "revision": revision(), "data": dict(hashes)}
    card["thanks"] = acknowledgements(config.clips)
    if resumed:
        old = read_yaml(folder / RUN)
        if (old["revision"], old["config"]) == (card["revision"], config.to_dict()):
            return
        card["behind"] = old.get("behind", {})
        card["before"] = [*old.pop("before", []), {name: old[name] for name in ("command", "revision", "config")}]
    else:
        card["behind"] = behind(config).to_dict()
    card["config"] = config.to_dict()
    replace_file(folder / RUN, yaml.safe_dump(card, sort_keys=False, width=110).encode())


def revision() -> str:
    """Return the git revision of this code, "+" where it was changed since; "unknown" outside a clone."""
    where = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=where, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "..")
        return git("rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


_LISTED = 12
"""Number of clips that are printed one by one."""


def print_tables(
    config: TrainConfig,
    environment: PairEnvironment,
    learners: Mapping[str, Ppo],
    judges: Mapping[str, Discriminator],
) -> None:
    """Terms, weights and shapes of a run."""
    print(f"{config.name}: {config.kind}, {config.mode}, {config.pairs} pairs x {config.horizon} steps")
    for scene in environment.scenes[:_LISTED]:
        masses = ", ".join(f"{person.role} {person.mass:.0f} kg" for person in scene.pair.people)
        print(f"  clip {scene.name}: {scene.last} control frames, {masses}")
    if len(environment.scenes) > 1:
        rest = len(environment.scenes) - _LISTED
        more = f"  and {rest} more clips, " if rest > 0 else "  "
        print(f"{more}together {environment.worlds.corpus.last.sum():,} control frames, sampler {config.sampler.kind}")
    print(f"{'observation':<22}{'size':>6}  meaning")
    for name, size in environment.inputs:
        print(f"  {name:<20}{size:>6}  {observation[config.observation[name].term or name].meaning}")
    print(f"  {'together':<20}{sum(size for _, size in environment.inputs):>6}")
    print(f"{'reward':<22}{'supporter':>10}{'recipient':>10}")
    for name, weights in environment.rewards.weights.items():
        print(f"  {name:<20}{weights[0]:>10g}{weights[1]:>10g}")
    for what, terms in (("termination", config.termination), ("event", config.events)):
        for name, term in terms.items():
            if term.weight:
                given = ", ".join(f"{key} {value}" for key, value in term.params.items())
                print(f"{what:<12}{name}{': ' if given else ''}{given}")
    for role, learner in learners.items():
        sizes = " -> ".join(map(str, (learner.actor.spec.n_inputs, *config.hidden, environment.n_actions)))
        print(f"network {role}: {sizes}, {sum(p.numel() for p in learner.actor.trainable):,} weights")
    for role, judge in judges.items():
        sizes = " -> ".join(map(str, (judge.network.spec.n_inputs, *config.style.hidden, 1)))
        print(f"style {role}: {sizes}, windows of {config.style.frames} control frames")


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}/")
        elif isinstance(value, (int, float)):
            found.append((f"{prefix}{name}", float(value)))
    return found
