"""The commands and their options, as data classes that `core.options` parses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from .. import __version__
from ..clip.read_options import ReadOptions
from ..clip.write_options import WriteOptions
from ..core.constraints import no_such
from ..core.options import Arg, print_commands
from ..core.options import parse as parse_options
from ..errors import SettingsError
from ..physics.engines import BUILT_IN
from ..picture.film_options import FilmOptions
from ..settings import Controller, ConvertSettings, Quality
from ..terms import use_terms
from .batch_arguments import Batch
from .look_arguments import Demo, Doctor, View
from .server_arguments import Cancel, Fetch, Jobs, Keys, Serve, Status, Submit
from .telling import Telling

PROG = "assistmimic"


@dataclass(frozen=True)
class Convert:
    """Turn a two-person clip into its physically simulated twin.

    The last file is written, the ones before it are read: one clip, or a supporter and a recipient.

    Attributes:
        files: What to read and, last, what to write: IN.npz OUT.npz, or SUPPORTER.bvh RECIPIENT.bvh OUT.npz.
        report: Also write a self-contained web page with a 3D animation and curves.
        telling: How to tell what came of it.
        writing: How to write.
        settings: How to simulate.
        read: How to read.
        imports: Files with terms of your own (docs/terms.md); they are run, as code of yours.
    """

    files: Annotated[tuple[Path, ...], Arg("IN [IN2] OUT", positional=True)]
    report: Annotated[Path | None, Arg("OUT.html")] = None
    telling: Telling = field(default_factory=Telling)
    writing: WriteOptions = field(default_factory=WriteOptions)
    settings: ConvertSettings = field(default_factory=ConvertSettings)
    read: ReadOptions = field(default_factory=ReadOptions)
    imports: Annotated[tuple[Path, ...], Arg("MY_TERMS.py", name="import")] = ()

    def run(self) -> int:
        """Carry it out; returns the exit code."""
        use_terms(self.imports)
        from .convert_command import run_convert

        return run_convert(self.files, self.settings, self.read, self.report, self.writing, self.telling)


@dataclass(frozen=True)
class Info:
    """Say what is in a clip or a result, or what a policy is for.

    Attributes:
        files: A clip, the files of a pair, or the folder of a policy bundle.
        telling: How to tell it.
        read: How to read.
    """

    files: Annotated[tuple[Path, ...], Arg("CLIP [CLIP2]", positional=True)]
    telling: Telling = field(default_factory=Telling)
    read: ReadOptions = field(default_factory=ReadOptions)

    def run(self) -> int:
        """Carry it out; returns the exit code."""
        from .small_commands import run_info

        return run_info(self.files, self.read, self.telling)


@dataclass(frozen=True)
class Strip:
    """Draw a clip as a strip of pictures.

    Attributes:
        files: What to read and, last, the picture to write: CLIP.npz OUT.png.
        read: How to read.
    """

    files: Annotated[tuple[Path, ...], Arg("CLIP [CLIP2] OUT.png", positional=True)]
    read: ReadOptions = field(default_factory=ReadOptions)

    def run(self) -> int:
        """Carry it out; returns the exit code."""
        from .picture_commands import run_strip

        return run_strip(self.files, self.read)


@dataclass(frozen=True)
class Video:
    """Film a clip or a result: OUT.mp4, OUT.webp or OUT.gif, drawn without a graphics card.

    Attributes:
        files: What to read and, last, the film to write: CLIP.npz OUT.webp.
        beside: Another clip, shown to the left: what the result was made from.
        film: How to film.
        read: How to read.
    """

    files: Annotated[tuple[Path, ...], Arg("CLIP [CLIP2] OUT.mp4", positional=True)]
    beside: Annotated[Path | None, Arg("CLIP")] = None
    film: FilmOptions = field(default_factory=FilmOptions)
    read: ReadOptions = field(default_factory=ReadOptions)

    def run(self) -> int:
        """Carry it out; returns the exit code."""
        from .picture_commands import run_video

        return run_video(self.files, self.beside, self.film, self.read)


@dataclass(frozen=True)
class Formats:
    """List the formats clips are read from, by the names --format takes."""

    def run(self) -> int:
        """Carry it out; returns the exit code."""
        from .small_commands import run_formats

        return run_formats()


@dataclass(frozen=True)
class Author:
    """Make a clip from key poses written down in YAML.

    Attributes:
        source: The key poses.
        out: The clip to write.
    """

    source: Annotated[Path, Arg("CLIP.yaml", positional=True)]
    out: Annotated[Path, Arg("OUT.npz", positional=True)]

    def run(self) -> int:
        """Carry it out; returns the exit code."""
        from .small_commands import run_author

        return run_author(self.source, self.out)


Measured = Literal["convert", "dirty", "push", "people", "policies", "batch", "serve", "train"]


@dataclass(frozen=True)
class Bench:
    """Measure: converting the bundled clips, how good, how physical and how fast; dirty clips whose clean truth is
    known; recovery from pushes; what people of each strength can do alone; policies beside the search; a batch of many
    clips; or what server or training cost.

    Attributes:
        what: What to measure: convert, dirty, push, people, policies, batch, serve, or train.
        json: Print one JSON object instead of tables.
        clips: Only these, by name or as files; train takes the first of them.
        quality: How long the search thinks.
        weak: Also who needs help: ever weaker recipients, alone and with the supporter.
        out: Also keep the simulated clips and their reports in this folder. Dirty and push keep their rows there as
            they are made and, called again, go on from them.
        kinds: Of dirty: only these kinds of dirt.
        full: Of dirty: every clip with every kind of dirt (hours), not two kinds for each. Of batch: 1,000 clips.
        controller: Of dirty, push and batch: who steers. Pushes are given to search, or to policy.
        people: Of people: only these presets of strength.
        seeds: Of dirty, push and people: seeds of dirt, pushes and search. Push takes the first, 0 by default, as of
            dirty; of people the best counts, of 0, 1 and 2 by default.
        trials: Of push: pushes for each clip.
        force: Of push: what with [N]; 300 by default, in the walk 150.
        policy: Of policies: the bundle to use on every clip; the one that fits best by default.
        recipient_strength: Of policies: a preset or a factor.
        count: Of batch: clips.
        kills: Of batch: how often it is killed on the way.
        clients: Of serve: how many send small jobs at the same time.
        jobs: Of serve: small jobs of each client.
        pairs: Of train: worlds.
        threads: Of dirty, push and train: 0 takes every core. Of batch: workers.
    """

    what: Annotated[
        Literal["convert", "dirty", "push", "people", "policies", "batch", "serve", "train"], Arg(positional=True)
    ]
    json: bool = False
    clips: Annotated[tuple[str, ...], Arg("NAME")] = ()
    quality: Quality = Quality.DEFAULT
    weak: bool = True
    out: Annotated[Path | None, Arg("FOLDER")] = None
    kinds: Annotated[tuple[str, ...], Arg("KIND")] = ()
    full: bool = False
    controller: Controller = Controller.AUTO
    people: Annotated[tuple[str, ...], Arg("PRESET")] = ()
    seeds: Annotated[tuple[int, ...], Arg("SEED")] = ()
    trials: int = 20
    force: float | None = None
    policy: str = ""
    recipient_strength: str = "weak"
    count: int = 60
    kills: int = 2
    clients: int = 64
    jobs: int = 20
    pairs: int = 128
    threads: int = 0

    def run(self) -> int:
        """Carry it out; returns the exit code."""
        if self.what == "train":
            from .train_command import run_bench_train

            return run_bench_train(self.clips, self.pairs, self.threads, as_json=self.json)
        if self.what == "batch":
            from .bench_batch_command import run_bench_batch

            return run_bench_batch(self)
        if self.what == "dirty":
            from .bench_dirty_command import run_bench_dirty

            return run_bench_dirty(self)
        if self.what == "push":
            from .bench_push_command import run_bench_push

            return run_bench_push(self)
        if self.what == "people":
            from .bench_people_command import run_bench_people

            return run_bench_people(self)
        if self.what == "policies":
            from .bench_policies_command import run_bench_policies

            return run_bench_policies(self.clips, self.policy, self.recipient_strength, self.quality, as_json=self.json)
        if self.what == "serve":
            from .server_commands import run_bench_serve

            return run_bench_serve(self.clients, self.jobs, as_json=self.json)
        from .small_commands import run_bench

        return run_bench(self.clips, self.quality, as_json=self.json, weak=self.weak, out=self.out)


@dataclass(frozen=True)
class Train:
    """Train controllers: a single-person prior, the two of a clip, or a whole table of ablations.

    Attributes:
        what: What to train; has to be the `kind` in the configuration. An ablation has a file of its own kind and
            takes no other options than clips, steps, out and threads.
        config: All choices, as YAML; those in training/configs are the ones to start from.
        clips: What to learn, instead of the configuration's clips; "data:FILE" lies in the folder ASSISTMIMIC_DATA.
        out: Folder of the run; runs/NAME by default.
        resume: Go on from the last checkpoint in that folder; without one, begin.
        agent: zero or random run the environment with such actions and learn nothing.
        steps: Pair-steps to train, instead of the configuration's.
        seed: Of every random number, instead of the configuration's.
        prior: Bundle or run to start from, instead of the configuration's.
        set: Further settings by name, as ppo.std=0.05.
        threads: Of physics and learning; 0 takes every core.
        processes: That learn one policy together on this machine, each with worlds of its own.
        imports: Files with terms of your own (docs/terms.md); they are run, as code of yours.
    """

    what: Annotated[Literal["prior", "specialist", "ablation"], Arg(positional=True)]
    config: Annotated[Path, Arg("CONFIG.yaml", positional=True)]
    clips: Annotated[tuple[str, ...], Arg("CLIP")] = ()
    out: Annotated[Path | None, Arg("FOLDER")] = None
    resume: bool = False
    agent: Literal["learn", "zero", "random"] = "learn"
    steps: int | None = None
    seed: int | None = None
    prior: Annotated[str | None, Arg("BUNDLE")] = None
    set: Annotated[tuple[str, ...], Arg("NAME=VALUE")] = ()
    threads: int = 0
    processes: int = 1
    imports: Annotated[tuple[Path, ...], Arg("MY_TERMS.py", name="import")] = ()

    def run(self) -> int:
        """Carry it out; returns the exit code."""
        use_terms(self.imports)
        from .train_command import run_train

        return run_train(self)


@dataclass(frozen=True)
class Evaluate:
    """Measure how good policies are: success, errors, and whether the help is real.

    Attributes:
        bundles: Names or folders of policy bundles; the first is compared with the others.
        clips: Files, or names of bundled clips; those the first bundle was trained on by default.
        dynamics: seen, push, or mass, gains or hip of the recipient with a factor; commas between them will do.
        trials: Per clip and dynamics, each with its own start, friction and push.
        seed: Of the trials.
        engine: What simulates: `mujoco`, or another engine that is installed.
        threads: Physics threads; 0 takes every core.
        recipient_strength: A preset or a factor, instead of what the bundle was trained with.
        help_tests: Also the supporter unfelt and limp; removed is always tried.
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

    def run(self) -> int:
        """Carry it out; returns the exit code."""
        use_terms(self.imports)
        from .evaluate_command import run_evaluate

        return run_evaluate(self)


@dataclass(frozen=True)
class Export:
    """Write the policy bundle of a training run as it stands.

    Attributes:
        run_folder: The run.
        out: Folder of the bundle.
        name: Of the bundle; the run's by default.
        imports: Files with terms of your own (docs/terms.md); they are run, as code of yours.
    """

    run_folder: Annotated[Path, Arg("RUN", positional=True)]
    out: Annotated[Path, Arg("FOLDER", positional=True)]
    name: str | None = None
    imports: Annotated[tuple[Path, ...], Arg("MY_TERMS.py", name="import")] = ()

    def run(self) -> int:
        """Carry it out; returns the exit code."""
        use_terms(self.imports)
        from .train_command import run_export

        return run_export(self.run_folder, self.out, self.name)


COMMANDS: Mapping[str, Any] = {
    "convert": Convert,
    "demo": Demo,
    "batch": Batch,
    "info": Info,
    "strip": Strip,
    "video": Video,
    "formats": Formats,
    "author": Author,
    "bench": Bench,
    "view": View,
    "doctor": Doctor,
    "serve": Serve,
    "submit": Submit,
    "jobs": Jobs,
    "status": Status,
    "cancel": Cancel,
    "fetch": Fetch,
    "keys": Keys,
    "train": Train,
    "export": Export,
    "evaluate": Evaluate,
}


@dataclass(frozen=True)
class Version:
    """Say which version this is."""

    def run(self) -> int:
        """Carry it out; returns the exit code."""
        print(f"{PROG} {__version__}")
        return 0


class Runnable(Protocol):
    """A command with its arguments."""

    def run(self) -> int:
        """Carry it out; returns the exit code."""
        ...


def parse(argv: Sequence[str]) -> Runnable:
    """The command a person typed. Raises SettingsError; exits with 0 after printing help."""
    if "--version" in argv:
        return Version()
    if not argv:
        raise SettingsError(f"no command; try {PROG} convert IN OUT, or {PROG} --help for all of them")
    name, *rest = argv
    if name in ("-h", "--help"):
        print_commands(PROG, COMMANDS)
        raise SystemExit(0)
    if name not in COMMANDS:
        raise SettingsError(no_such("command", name, COMMANDS))
    return parse_options(COMMANDS[name], rest, f"{PROG} {name}", COMMANDS)
