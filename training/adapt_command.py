"""`python -m training.adapt_command BUNDLE --clips ... --out RUN`: fit a bundle to the present muscles.

Started again it goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.clip.io.npz import clip_sha256
from controller_server.control.policy.bundle import PolicyBundle, read_bundle, write_bundle
from controller_server.control.policy.bundle_card import Source
from controller_server.control.policy.bundle_store import find_bundle
from controller_server.core.array_store import ArrayStore, cache_folder
from controller_server.core.errors import AssistMimicError, TrainingError
from controller_server.evaluation.clip_cache import prepared
from controller_server.evaluation.clip_sources import clip_name, read_source
from controller_server.evaluation.evaluation import bodies_of
from training.env.scene import Scene

from .adapt import SIZE, Search, adapted, costs
from .command import BUNDLE
from .log import CURVE, revision

STATE = "adapt.npz"
"""File of a search's state, in its folder."""
_SPREAD = 0.2
"""Spread of the logarithm of a factor at the start."""


def main(argv: Sequence[str]) -> int:
    """Carry it out; returns the exit code."""
    arguments = _arguments(argv)
    try:
        run(arguments)
    except AssistMimicError as error:
        print(f"adapt: {error}", file=sys.stderr)
        return 2
    return 0


def run(arguments: argparse.Namespace) -> PolicyBundle:
    """Search until so many rounds are done, then write the bundle. Raises AssistMimicError."""
    bundle = read_bundle(find_bundle(arguments.bundle).folder)
    if bundle.card.kind != "specialist":
        raise TrainingError(f"{bundle.card.name}: is no policy of two people")
    action = replace(bundle.card.action, slack=arguments.slack, closing=arguments.closing)
    bundle = replace(bundle, card=replace(bundle.card, action=action))
    scenes = [_scene(name, bundle) for name in arguments.clips]
    search = _begin(arguments)
    arguments.out.mkdir(parents=True, exist_ok=True)

    def judge(numbers: np.ndarray, seed: int) -> np.ndarray:
        found = [costs(scene, bundle, numbers, seed=seed, threads=arguments.threads) for scene in scenes]
        return np.mean(found, axis=0)

    while search.rounds < arguments.rounds:
        started = time.perf_counter()
        search = search.after(judge, population=arguments.population, seed=arguments.seed)
        np.savez(arguments.out / STATE, mean=search.mean, spread=search.spread, rounds=search.rounds)
        row = {"round": search.rounds, "cost": search.cost, "seconds": time.perf_counter() - started}
        with (arguments.out / CURVE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(f"round {search.rounds} of {arguments.rounds}: mean cost {search.cost:.2f}", flush=True)
    return _export(bundle, scenes, search, arguments)


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.adapt_command", description=__doc__)
    parser.add_argument("bundle", help="name or folder")
    parser.add_argument("--clips", nargs="+", required=True, help="files, as `assistmimic train` takes them")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; its bundle is in bundle/")
    parser.add_argument("--name", help="of the new bundle; the old one's by default")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--population", type=int, default=24, help="episodes of each clip in a round, even")
    parser.add_argument("--start", type=Path, help=f"{STATE} of another run to begin from")
    parser.add_argument("--spread", type=float, default=_SPREAD, help="of the factors' logarithms at the start")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--slack", action=argparse.BooleanOptionalAction, default=True, help="ActionSpec.slack")
    parser.add_argument("--closing", action=argparse.BooleanOptionalAction, default=True, help="ActionSpec.closing")
    return parser.parse_args(argv)


def _scene(name: str, bundle: PolicyBundle) -> Scene:
    source = read_source(name)
    store = ArrayStore(cache_folder())
    clip = prepared(source, bundle.card.prepare, store)
    return Scene.following(clip_name(name), clip_sha256(source), clip, bodies_of(bundle, clip), store=store)


def _begin(arguments: argparse.Namespace) -> Search:
    """Return the search of the folder, or one that begins, with every factor one or where another search ended."""
    found = arguments.out / STATE
    if found.exists():
        state = np.load(found)
        return Search(state["mean"], state["spread"], int(state["rounds"]))
    mean = np.zeros(SIZE)
    if arguments.start is not None:
        try:
            mean = np.load(arguments.start)["mean"]
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(f"{arguments.start}: is no {STATE} ({error})") from None
    if mean.shape != (SIZE,):
        raise TrainingError(f"{arguments.start}: has {mean.size} factors, expected {SIZE}")
    return Search(mean, np.full(SIZE, arguments.spread))


def _export(
    bundle: PolicyBundle, scenes: Sequence[Scene], search: Search, arguments: argparse.Namespace
) -> PolicyBundle:
    card = bundle.card
    own = tuple(Source(scene.name, scene.sha256) for scene in scenes)
    before: Any = card.training.get("adapted", [])
    step = {
        "command": shlex.join(["python", "-m", "training.adapt_command", *sys.argv[1:]]),
        "revision": revision(),
        "rounds": search.rounds,
        "episodes": search.rounds * arguments.population * len(scenes),
        "clips": [scene.name for scene in scenes],
        "factors": np.round(np.exp(search.mean), 3).tolist(),
    }
    others = tuple(source for source in card.clips if source not in own and source not in card.data)
    changed = replace(
        card,
        name=arguments.name or card.name,
        clips=own,
        data=(*(source for source in card.data if source not in own), *others),
        training={**card.training, "adapted": [*before, step]},
        scores={},
    )
    fitted = adapted(replace(bundle, card=changed), search.mean, scenes[0].pair.joints)
    write_bundle(arguments.out / BUNDLE, fitted, half=True)
    print(f"bundle {changed.name} is in {arguments.out / BUNDLE}")
    return fitted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
