"""The style term: who is told apart from what, when demonstrations happen, and that without it nothing changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.policy_cases import PRIOR
from helpers.standing import standing_pair
from helpers.training_cases import WEIGHTS, standing_scene, tiny, weighed

from controller_server.control.policy.observation import observe_state
from controller_server.core.errors import AssistMimicError
from controller_server.physics.mujoco_backend import BackendMujoco
from training.env.environment import PairEnvironment
from training.env.motion import motion
from training.env.scene import Scene
from training.learning.checkpoint import CHECKPOINT, read_checkpoint
from training.learning.style import Demonstrations, Discriminator, discriminators
from training.runner import Runner
from training.settings.config import BodyConfig, StyleConfig, TrainConfig

STYLED = {**WEIGHTS, "style": 0.5}


def clock(frames: int, clip: int, *, people: int = 2) -> np.ndarray:
    """A motion whose features say clip, frame and person, shape (frames, people, 3)."""
    clips, times = np.full((frames, people), clip), np.broadcast_to(np.arange(frames)[:, None], (frames, people))
    return np.stack([clips, times, np.broadcast_to(np.arange(people), (frames, people))], axis=-1).astype(np.float32)


def waves(n: int, hz: float, rng: np.random.Generator) -> torch.Tensor:
    """Windows of five frames of two joints that swing, shape (n, 10)."""
    t = rng.uniform(0, 10, (n, 1, 1)) + np.arange(5)[:, None] / 30 + np.array([0, 0.1])
    return torch.from_numpy(np.sin(2 * np.pi * hz * t).astype(np.float32)).flatten(1)


def styled(**changes: object) -> TrainConfig:
    """A run with the term, whose windows a tiny rollout fills."""
    small = StyleConfig(frames=3, hidden=(8,), updates=2, batch=8)
    return tiny(**{"reward": weighed(STYLED, STYLED), "style": small, **changes})


def run(config: TrainConfig, folder: Path, *, steps: int = 32, resume: bool = False) -> dict[str, dict]:
    """Train on the standing pair; the checkpoint's sections."""
    folder.mkdir(exist_ok=True)
    Runner(replace(config, steps=steps), [standing_scene()], folder, resume=resume, threads=1).run()
    return read_checkpoint(folder / CHECKPOINT)[0]


def same(one: dict[str, dict], other: dict[str, dict], sections: tuple[str, ...]) -> bool:
    """Whether every array of these sections is the same, bit for bit."""
    return all(
        one[s].keys() == other[s].keys() and all(np.array_equal(one[s][n], other[s][n]) for n in one[s])
        for s in sections
    )


def test_it_tells_two_motions_apart_and_rewards_the_references():
    """After learning, windows of slow and of fast swinging are known, and slow ones it has not seen pay more."""
    rng = np.random.default_rng(0)
    t = np.arange(300)[:, None, None] / 30 + np.array([0, 0.1])
    slow = np.sin(2 * np.pi * 0.5 * t).astype(np.float32)
    config = StyleConfig(hidden=(32,), learning_rate=1e-3, updates=8, batch=64, penalty=1.0)
    judge = Discriminator(config, Demonstrations([slow], [1.0], 5), seed=1)
    before = judge.judge(waves(500, 0.5, rng)).mean() - judge.judge(waves(500, 3.0, rng)).mean()
    assert abs(float(before)) < 0.05
    judge.learn_statistics()
    for _ in range(40):
        judge.judge(waves(200, 3.0, rng))
        stats = judge.update()
    assert stats["style_known_demonstrations"] > 0.95 and stats["style_known_simulated"] > 0.95
    assert judge.judge(waves(500, 0.5, rng)).mean() > judge.judge(waves(500, 3.0, rng)).mean() + 0.5


def test_the_penalty_keeps_it_gentle():
    """A heavier penalty leaves a smaller gradient at the demonstrations."""
    slopes = []
    for penalty in (0.0, 10.0):
        rng = np.random.default_rng(0)
        config = StyleConfig(hidden=(32,), learning_rate=1e-3, updates=8, batch=64, penalty=penalty)
        judge = Discriminator(config, Demonstrations([rng.normal(size=(99, 1, 2)).astype(np.float32)], [1], 5), seed=1)
        for _ in range(20):
            judge.judge(waves(200, 3.0, rng))
            slopes.append(judge.update()["style_gradient"])
    assert slopes[-1] < 0.2 * slopes[19]


def test_demonstrations_come_from_all_times_of_all_clips_and_people():
    """Every start of both clips and both people is drawn, windows run on without a seam, and shares are kept."""
    demonstrations = Demonstrations([clock(12, 0), clock(7, 1)], [1, 3], 5)
    drawn = demonstrations.draw(4000, torch.Generator().manual_seed(0)).reshape(-1, 5, 3)
    assert (drawn[:, 1:, 1] - drawn[:, :-1, 1] == 1).all()
    assert (drawn[:, :, [0, 2]] == drawn[:, :1, [0, 2]]).all()
    kinds = {tuple(window) for window in drawn[:, 0].int().tolist()}
    assert kinds == {(0, t, p) for t in range(8) for p in range(2)} | {(1, t, p) for t in range(3) for p in range(2)}
    assert abs(float(drawn[:, 0, 0].mean()) - 0.75) < 0.03
    first = drawn[drawn[:, 0, 0] == 0][:, 0, 1].int().bincount(minlength=8)
    assert first.min() > 0.6 * first.max()


def test_simulation_on_the_reference_shows_what_is_demonstrated():
    """Simulated motion and demonstrations are the same features; place and heading do not count."""
    scene = standing_scene()
    backend = BackendMujoco(scene.pair, 1, threads=1)
    backend.set_state(scene.reference.state[np.array([7])])
    seen = motion(observe_state(backend, scene.track, np.array([7]), np.zeros((1, 2, 63))).now)
    assert np.allclose(seen[0], motion(scene.track.frames)[7], atol=1e-4)
    moved = replace(scene.track.frames, positions=scene.track.frames.positions + np.array([4, -2, 0], np.float32))
    assert np.allclose(motion(moved), motion(scene.track.frames), atol=1e-5)


def test_windows_are_whole_and_of_one_episode():
    """Judged only once an episode has lasted for a window; what is judged are its own last frames, in their order."""
    env = PairEnvironment(styled(), [standing_scene()], threads=1)
    windows, frames = [], []
    env.be_judged(lambda w: windows.append(w) or np.ones(w.shape[:2], np.float32))
    env.reset()
    zero = np.zeros((env.n, 2, env.n_actions), np.float32)
    for _ in range(40):
        frames.append(env.worlds.steps + 1)
        step = env.step(zero)
        assert len(windows[-1]) == (frames[-1] >= 3).sum()
        if len(windows[-1]) == env.n and len(windows) > 1 and len(windows[-2]) == env.n and not step.done.any():
            assert np.array_equal(windows[-1][:, :, :-1], windows[-2][:, :, 1:])
    assert any((f < 3).any() for f in frames[5:])  # episodes began anew meanwhile


def test_supporters_share_the_recipients_style():
    """The term is weighed, shared and left out for the first frames like any other."""
    weights = (weighed({"style": 0.5}, {"style": 1.0}, coupling=0.25), weighed({"style": 0.5}, {}))
    for reward, expected in zip(weights, ([0.75 * 0.25 + 0.25 * 1.0, 1.0], [0.5 * 0.25, 0.0]), strict=True):
        env = PairEnvironment(styled(reward=reward), [standing_scene()], threads=1)
        env.be_judged(lambda w: np.broadcast_to(np.array([0.5, 1.0], np.float32), w.shape[:2]))
        env.reset()
        zero = np.zeros((env.n, 2, env.n_actions), np.float32)
        paid = [env.step(zero).reward for _ in range(3)]
        assert (paid[1] == 0).all() and np.allclose(paid[2], expected)


def test_without_a_weight_nothing_changes(tmp_path):
    """Weight 0, whatever the discriminators would have been, gives the weights and worlds of a run without the term."""
    plain = run(tiny(), tmp_path / "plain")
    off = weighed({**WEIGHTS, "style": 0.0}, {**WEIGHTS, "style": 0.0})
    other = run(styled(reward=off), tmp_path / "off")
    assert set(plain) == set(other) and same(plain, other, ("supporter", "recipient"))
    assert np.array_equal(plain["environment"]["part0.world"], other["environment"]["part0.world"])
    on = run(styled(), tmp_path / "on")
    assert set(on) == {*plain, "style supporter", "style recipient"} and not same(plain, on, ("supporter",))


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path):
    """Policies, discriminators, their optimisers and draws are the same, bit for bit, with a stop in between."""
    whole = run(styled(), tmp_path / "whole", steps=96)
    run(styled(), tmp_path / "cut", steps=48)
    halves = run(styled(), tmp_path / "cut", steps=96, resume=True)
    assert same(whole, halves, ("supporter", "recipient", "style supporter", "style recipient"))
    assert np.array_equal(whole["environment"]["part0.recent"], halves["environment"]["part0.recent"])
    early = run(styled(), tmp_path / "early", steps=48)
    assert not same(whole, early, ("style supporter",))


def test_a_prior_has_one_judge_for_everybody(tmp_path):
    """Both people of a world are judged by the discriminator of the one role, from demonstrations of both."""
    config = styled(kind="prior", observation=PRIOR)
    sections = run(config, tmp_path / "prior")
    assert {name for name in sections if name.startswith("style")} == {"style person"}
    env = PairEnvironment(config, [standing_scene()], threads=1)
    (judge,) = discriminators(config, env, 0).values()
    assert judge.demonstrations.people == 2


def test_two_clips_are_demonstrated_as_often_as_they_are_trained(tmp_path):
    """Each of two clips, in half of the worlds, gives half of the demonstrations whatever its length."""
    short = Scene.of("short", standing_pair(13), BodyConfig(), ready=True)
    raise_by = np.array([0, 0, 1], np.float32)
    raised = replace(short.track.frames, positions=short.track.frames.positions + raise_by)
    scenes = [standing_scene(), replace(short, track=replace(short.track, frames=raised))]
    runner = Runner(styled(), scenes, tmp_path, threads=1)
    drawn = runner.judges["recipient"].demonstrations.draw(2000, torch.Generator().manual_seed(1))
    assert abs(float((drawn[:, 0] > 1.5).float().mean()) - 0.5) < 0.04
    rows = [runner.advance() for _ in range(6)]
    assert {"style_loss", "style_known_demonstrations"} <= set(rows[-1]["learning"]["recipient"])
    assert runner.environment.worlds.recent.any()


def test_impossible_windows_are_refused():
    """A window longer than a clip, or of nothing, is one line that says so."""
    config = styled(style=StyleConfig(frames=40))
    with pytest.raises(AssistMimicError, match="40 is more than the 31 control frames of standing"):
        discriminators(config, PairEnvironment(config, [standing_scene()], threads=1), 0)
    with pytest.raises(AssistMimicError, match="frames: 0 is outside 1-1000"):
        StyleConfig(frames=0)
