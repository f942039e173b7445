"""`assistmimic evaluate` as a data class."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from controller_server.core.options import Arg
from controller_server.physics.engines import BUILT_IN

from .telling import Telling


@dataclass(frozen=True)
class Evaluate:
    """Measure how good policies are: success, errors, and whether the help is real.

    Attributes:
        bundles: Names or folders of policy bundles; the first is compared with the others.
        clips: Files, or names of bundled clips; those the first bundle was trained on by default.
        dynamics: seen, push, or mass, gains or hip of the recipient with a factor; separated by spaces or commas.
        trials: Per clip and dynamics, each with its own start, friction and push.
        seed: Seed of the trials.
        engine: Simulation engine: `mujoco`, or another engine that is installed.
        threads: Physics threads; 0 takes every core.
        recipient_strength: A preset or a factor, instead of what the bundle was trained with.
        help_tests: Also test with a supporter who is not felt, and with a limp one; without one is always tested.
        verdicts: Also record each trial and judge it as a conversion is; without it, by `success_tracking` alone.
        start_noise: Factor on how far starts differ; 0 starts every trial where `convert` does.
        baseline: Also the first bundle with every action zero, to compare with: what was learned, and what was there.
        telling: How to tell what came of it; strict means that every trial has to be a success.
        out: Also write the JSON object to this file, and while it is measured each row to the file with .part behind
            its name; called again, go on from there.
        save: Also write the scores into the card of each bundle.
        imports: Files with terms of your own (docs/terms.md); they are run, as code of yours.
    """

    bundles: Annotated[tuple[str, ...], Arg("BUNDLE [BUNDLE2 ...]", positional=True)]
    clips: Annotated[tuple[str, ...], Arg("CLIP")] = ()
    dynamics: Annotated[tuple[str, ...], Arg("NAME")] = ("seen",)
    trials: int = 100
    seed: int = 0
    engine: str = BUILT_IN
    threads: int = 0
    recipient_strength: str | None = None
    help_tests: bool = True
    verdicts: bool = True
    start_noise: float = 1.0
    baseline: bool = False
    telling: Telling = field(default_factory=Telling)
    out: Annotated[Path | None, Arg("OUT.json")] = None
    save: bool = False
    imports: Annotated[tuple[Path, ...], Arg("MY_TERMS.py", name="import")] = ()
