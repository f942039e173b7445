"""Benchmark of many clips at once: 64 different clips in one batch of worlds, against one clip in as many worlds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from controller_server.benchmarks.conversion import peak_rss_mb
from controller_server.benchmarks.corpus import mirrored, turned
from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.io.formats import read_clip
from controller_server.clip.resample import resample
from controller_server.core.array_store import ArrayStore
from controller_server.core.bundled import CLIPS, TRAINING_CLIPS
from controller_server.physics.recorded_frames import slice_clip
from training.env.corpus import Corpus
from training.env.environment import PairEnvironment
from training.env.scene import Scene
from training.settings.config import BodyConfig, TrainConfig

FOLDERS = (CLIPS, TRAINING_CLIPS)
"""Folders of the clips that are varied."""
MANY = 64
_SECONDS = 3.0  # of a clip
_SPEEDS, _SIZES, _STRENGTHS = (0.85, 1.15), (0.93, 1.07), (0.4, 1.1)


def varied_scenes(count: int, action_sparing: float, store: ArrayStore) -> list[Scene]:
    """Return scenes of the example clips' beginnings by turns, all different.

    They are mirrored, turned, retimed, of people and furniture of other sizes, and of other strengths. Those clips are
    authored: what is made of them is followed as it is, without preparing.
    """
    files = [file for folder in FOLDERS for file in sorted(folder.glob("*.npz"))]
    scenes, rng = [], np.random.default_rng(0)
    for k in range(count):
        clip = read_clip([files[k % len(files)]]).clip
        clip = slice_clip(clip, slice(round(_SECONDS * clip.fps)))
        speed, size = rng.uniform(*_SPEEDS), rng.uniform(*_SIZES)
        clip = replace(resample(clip, clip.fps / speed), fps=clip.fps)
        clip = turned(sized(mirrored(clip) if k // len(files) % 2 else clip, size), rng.uniform(-np.pi, np.pi))
        supporter, recipient = (f"{factor:.3f}" for factor in rng.uniform(*_STRENGTHS, 2))
        body = BodyConfig(supporter=supporter, recipient=recipient)
        name = f"{files[k % len(files)].stem}-{k}"
        scenes.append(Scene.of(name, clip, body, sparing=action_sparing, ready=True, store=store))
    return scenes


def sized(clip: InteractionClip, factor: float) -> InteractionClip:
    """Return a clip in which everything, people and furniture, is larger by a factor."""

    def person(motion: SmplxMotion) -> SmplxMotion:
        return replace(motion, trans=factor * motion.trans, rest_joints=factor * motion.skeleton.rest_joints)

    props = tuple(replace(prop, position=factor * prop.position, size=factor * prop.size) for prop in clip.props)
    return replace(clip.with_people(person), props=props)


def bench_many(config: TrainConfig, *, steps: int = 8, threads: int = 0, store: ArrayStore) -> dict[str, Any]:
    """Measure what it costs that worlds follow many clips.

    A batch of worlds that follow 64 clips and one whose worlds all follow one of them are stepped by turns, in step for
    step, with exploring noise for actions; the one clip is a version of each example clip in turn.

    Args:
        config: The run; its clips do not count.
        steps: Control steps of each with every example clip, after two that are not measured.
        threads: Number of threads of the physics; 0 takes every core.
        store: Where references are kept.

    Returns:
        What `docs/training.md` describes, ready for JSON.
    """
    config = replace(config, clips=(), coarse=0.0)
    scenes = varied_scenes(MANY, config.action.sparing, store)
    many, pace = PairEnvironment(config, scenes, threads=threads), _Pace()
    many.reset()
    pace.step(many, "many", steps=2, counted=False)
    memory = peak_rss_mb()
    ends = 0
    kinds = len([file for folder in FOLDERS for file in folder.glob("*.npz")])
    for scene in scenes[:kinds]:
        one = PairEnvironment(config, [scene], threads=threads)
        one.reset()
        pace.step(one, "one", steps=2, counted=False)
        for _ in range(steps):
            pace.step(one, "one")
            ends += pace.step(many, "many")
    started = time.perf_counter()
    Corpus(varied_scenes(MANY, config.action.sparing, store), apart=config.action.slack)
    known = time.perf_counter() - started
    return {
        "many_clips": MANY,
        "many_clips_share_of_one": pace.wall["one"] / pace.wall["many"],
        "many_clips_share_of_one_by_processor_time": pace.processor["one"] / pace.processor["many"],
        "many_clips_per_s": pace.counted["many"] * many.n / pace.wall["many"],
        "one_clip_per_s": pace.counted["one"] * many.n / pace.wall["one"],
        "many_clips_ends_a_step": ends / pace.counted["many"],
        "many_clips_peak_rss_mb": memory,
        "many_clips_known_s": known if store.folder is not None else None,
    }


class _Pace:
    """Time taken by steps of environments, by name."""

    def __init__(self) -> None:
        self.wall, self.processor, self.counted = ({"one": 0.0, "many": 0.0} for _ in range(3))
        self._rng = np.random.default_rng(1)

    def step(self, environment: PairEnvironment, name: str, *, steps: int = 1, counted: bool = True) -> int:
        """Make steps with exploring noise; returns how many episodes ended."""
        ends = 0
        for _ in range(steps):
            noise = self._rng.standard_normal((environment.n, 2, environment.n_actions))
            actions = (environment.config.ppo.std * noise).astype(np.float32)
            wall, processor = time.perf_counter(), time.process_time()
            ends += len(environment.step(actions).finished)
            if counted:
                self.wall[name] += time.perf_counter() - wall
                self.processor[name] += time.process_time() - processor
                self.counted[name] += 1
        return ends


def many_lines(report: dict[str, Any]) -> Sequence[str]:
    """Return the report for people."""
    return [
        f"{report['many_clips']} clips at once: {report['many_clips_per_s']:.0f} pair-steps/s, "
        f"{report['many_clips_share_of_one']:.0%} of the rate of one clip, "
        f"{report['many_clips_peak_rss_mb']:.0f} MB"
    ]
