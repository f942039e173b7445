"""Worlds that follow different clips: as alone to the bit, another clip at every end, and by chance or by failure."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from helpers.standing import standing_motion, standing_pair
from helpers.training_cases import standing_scene, tiny

from controller_server.clip.interaction import Prop
from controller_server.core.array_store import ArrayStore
from controller_server.core.errors import AssistMimicError
from controller_server.evaluation import clip_cache as kept
from controller_server.terms import TermConfig
from training.benchmarks import many_clips as bench_many
from training.env.clip_sampler import ClipSampler
from training.env.environment import PairEnvironment
from training.env.scene import Scene
from training.settings.config import BodyConfig, PpoConfig, SamplerConfig, StartConfig, TrainConfig

ALONE = PpoConfig(epochs=2, minibatches=2, critic_first=0, group_size=1)


@cache
def tall_scene() -> Scene:
    """Two people of other statures and strengths beside a box, for less than half a second."""
    clip = standing_pair(13)
    people = {
        role: replace(motion, rest_joints=factor * motion.skeleton.rest_joints, trans=factor * motion.trans)
        for (role, motion), factor in zip(clip.people, (1.06, 0.94), strict=True)
    }
    box = Prop("box", np.array([0.0, 0.8, 0.25]), np.array([0.4, 0.4, 0.5]))
    clip = replace(clip, props=(box,), **people)
    return Scene.of("tall", clip, BodyConfig(supporter="0.9", recipient="older"), ready=True)


def config(**changes: object) -> TrainConfig:
    """Worlds without groups that begin at the first frame, undisturbed."""
    return tiny(**{"ppo": ALONE, "start": StartConfig(first=1.0, kept=0.0), "events": {}, **changes})


def test_worlds_of_different_clips_are_as_alone():
    """Give, bit for bit, what two environments of one clip each give: observations, rewards, ends."""
    both = PairEnvironment(config(), [standing_scene(), tall_scene()], threads=1)
    alone = [PairEnvironment(config(pairs=2), [scene], threads=1) for scene in (standing_scene(), tall_scene())]
    assert both.worlds.clip.tolist() == [0, 0, 1, 1]
    seen = both.reset()
    assert np.array_equal(seen, np.concatenate([env.reset() for env in alone]))
    rng = np.random.default_rng(2)
    for _ in range(tall_scene().last - 1):
        actions = 0.2 * rng.standard_normal((4, 2, both.n_actions)).astype(np.float32)
        step, own = both.step(actions), [env.step(a) for env, a in zip(alone, (actions[:2], actions[2:]), strict=True)]
        for name in ("observation", "reward", "done", "terminated"):
            assert np.array_equal(getattr(step, name), np.concatenate([getattr(s, name) for s in own])), name
    assert not np.array_equal(step.observation[0], step.observation[2])


def test_a_world_that_ends_takes_another_clip_and_a_resumed_run_goes_on_alike():
    """Ends come at each clip's own last frame, bodies are those of the clip, friction and strength the world's."""
    scenes = [standing_scene(), tall_scene()]
    events = {"dealt_strengths": TermConfig(params={"recipients": ("seen", "mass1.3")}), "friction": TermConfig()}
    made = config(events=events, sampler=SamplerConfig("failure"))
    env = PairEnvironment(made, scenes, threads=1)
    env.reset()
    still, held, ended = np.zeros((4, 2, env.n_actions), np.float32), set(), []
    for _ in range(standing_scene().last + 4):
        ended += env.step(still).finished
        worlds = env.worlds
        held |= {(world, int(clip)) for world, clip in enumerate(worlds.clip)}
        apart = worlds.view().now.positions - worlds.policy.track.positions(worlds.frames)
        assert np.linalg.norm(apart, axis=-1).max() < 0.1
    assert {e.scene for e in ended} == {0, 1}
    assert all(e.completed and e.frames == scenes[e.scene].last for e in ended)
    assert len(held) > 4  # somebody had both
    weight = [9.81 * scenes[clip].pair.recipient.mass for clip in worlds.clip] * np.array([1, 1.3, 1, 1.3])
    forces = np.zeros((3, 4))
    for k in range(3):
        env.step(still)
        forces[k] = worlds.backend.forces()[:, 1, :, 1, 2].sum(axis=1)
    assert np.allclose(forces.mean(axis=0), weight, rtol=0.2)
    again = PairEnvironment(made, scenes, seed=5, threads=1)
    again.load_state_dict(env.state_dict())
    for _ in range(tall_scene().last):
        first, second = env.step(still), again.step(still)
        assert np.array_equal(first.observation, second.observation) and first.finished == second.finished
    assert np.array_equal(env.worlds.clip, again.worlds.clip)


def test_siblings_share_a_clip_from_rollout_to_rollout():
    """Whoever is put into the state of a sibling follows the sibling's clip too."""
    two = replace(ALONE, group_size=2)
    env = PairEnvironment(config(ppo=two), [standing_scene(), tall_scene()], threads=1)
    env.reset()
    assert env.worlds.clip.tolist() == [0, 0, 1, 1]
    env.worlds.clip[:] = [0, 1, 1, 0]
    env.worlds.events.give(env.worlds.backend, np.arange(4), env.worlds.clip)
    env.worlds._restart(np.arange(4))
    source = env.regroup(2)
    assert env.worlds.clip.tolist() == [[0, 1, 1, 0][k] for k in source]
    step = env.step(np.zeros((4, 2, env.n_actions), np.float32))
    for first in (0, 2):
        assert np.array_equal(step.observation[first], step.observation[first + 1])


def test_more_clips_than_worlds_begin_with_some_of_them():
    """Deal different clips to all groups; refuse worlds that are no whole groups."""
    env = PairEnvironment(config(pairs=2), [standing_scene(), tall_scene(), standing_scene()], threads=1)
    assert len(set(env.worlds.clip)) == 2
    with pytest.raises(AssistMimicError, match="multiple of ppo.group_size 3"):
        PairEnvironment(config(ppo=replace(ALONE, group_size=3)), [standing_scene()], threads=1)


def test_what_fails_is_practised_more_and_nothing_is_forgotten():
    """The second where episodes fail gets most starts, in it or right before; every second keeps its floor."""
    sampler, rng = ClipSampler(SamplerConfig("failure", floor=0.2), np.array([90, 45]), 30.0), np.random.default_rng(0)
    assert np.isclose(sampler.shares().sum(), 1) and sampler.shares()[1, 2] == 0
    for _ in range(60):
        sampler.finish(0, 0, 75, survived=False)
        sampler.finish(1, 0, 45, survived=True)
    shares = sampler.shares()
    assert shares[0].argmax() == 2 and shares[0, 2] > 0.7
    assert shares[np.isfinite(sampler.failing)].min() >= 0.2 / 5 - 1e-9
    clips = sampler.clips(2000, rng)
    assert 0.8 < (clips == 0).mean() < 0.98
    frames = sampler.frames(0, 2000, rng)
    assert frames.min() >= 0 and frames.max() < 90 and ((frames >= 30) & (frames < 90)).mean() > 0.85
    even = ClipSampler(SamplerConfig(), np.array([90, 45]), 30.0)
    even.finish(0, 0, 75, survived=False)
    assert abs((even.clips(2000, rng) == 0).mean() - 0.5) < 0.05
    with pytest.raises(AssistMimicError, match=r"kind: 'best'"):
        SamplerConfig("best")


def test_known_clips_are_not_prepared_again(tmp_path, monkeypatch):
    """A scene out of the store is the scene that was made, bit for bit, and nothing is worked out for it."""
    clip = replace(standing_pair(9), supporter=standing_motion(9, at=(-0.4, 0.0), facing=0.0))
    store = ArrayStore(tmp_path / "kept")
    made = Scene.of("a", clip, BodyConfig(), store=store)
    wanted = (made.apart, *vars(made.states).values())

    def never(*_: object, **__: object) -> None:
        raise AssertionError("worked out again")

    for name in ("prepare", "settled_start"):
        monkeypatch.setattr(kept, name, never)
    monkeypatch.setattr(kept.Reference, "of", never)
    found = Scene.of("a", clip, BodyConfig(), store=store)
    for name, array in vars(made.track.frames).items():
        assert np.array_equal(array, getattr(found.track.frames, name)), name
    for name in ("headings", "com", "grips"):
        assert np.array_equal(getattr(made.track, name), getattr(found.track, name)), name
    assert found.sha256 == made.sha256 and np.array_equal(found.targets, made.targets)
    assert all(np.array_equal(a, b) for a, b in zip(wanted, (found.apart, *vars(found.states).values()), strict=True))
    for other in (BodyConfig(recipient="frail"), BodyConfig(grips="off")):
        with pytest.raises(AssertionError, match="worked out again"):
            Scene.of("a", clip, other, store=store)


def test_the_bench_compares_many_clips_with_one(tmp_path, monkeypatch):
    """Vary clips, step both kinds of worlds alike often, and load what is known by then."""
    monkeypatch.setattr(bench_many, "MANY", 3)
    monkeypatch.setattr(bench_many, "FOLDERS", bench_many.FOLDERS[1:])
    monkeypatch.setattr(bench_many, "_SECONDS", 0.3)
    report = bench_many.bench_many(config(pairs=3), steps=1, threads=1, store=ArrayStore(tmp_path))
    assert report["many_clips"] == 3 and 0.2 < report["many_clips_share_of_one"] < 5
    assert 0 < report["many_clips_known_s"] < 30 and len(bench_many.many_lines(report)) == 1
    scenes = bench_many.varied_scenes(2, 1.0, ArrayStore(tmp_path))
    statures = [scene.pair.supporter.skeleton.stature for scene in scenes]
    assert (
        abs(statures[0] - statures[1]) > 0.01 and scenes[0].pair.recipient.strength != scenes[1].pair.recipient.strength
    )
