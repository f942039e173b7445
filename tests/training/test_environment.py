"""The environment of pairs and runs in it: starts, ends, seeds, stopping and going on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.policy_cases import PRIOR
from helpers.training_cases import WEIGHTS, standing_scene, tiny, weighed

from controller_server.control.policy.retarget import RetargetSettings
from controller_server.core.errors import AssistMimicError
from controller_server.terms import TermConfig
from training.env.environment import PairEnvironment
from training.learning.checkpoint import CHECKPOINT, read_checkpoint
from training.runner import Runner
from training.settings.config import ACTION, StartConfig, config_from_dict, load_config

START = StartConfig(first=1.0, kept=0.0)


def dealt(*recipients: str) -> dict[str, TermConfig]:
    """Events that do nothing but deal worlds out."""
    return {"dealt_strengths": TermConfig(params={"recipients": recipients})}


def zeros(env: PairEnvironment) -> np.ndarray:
    """Actions that add nothing."""
    return np.zeros((env.n, 2, env.n_actions), np.float32)


def test_episodes_end_at_the_clips_end_or_where_somebody_is_lost():
    """Standing people reach the end and are cut off; thrown about they terminate, both of a pair together."""
    scene = standing_scene()
    env = PairEnvironment(tiny(start=StartConfig(first=1.0, kept=0.0)), [scene], threads=1)
    env.reset()
    steps = [env.step(zeros(env)) for _ in range(scene.last)]
    assert not any(step.done.any() for step in steps[:-1])
    assert steps[-1].done.all() and not steps[-1].terminated.any() and list(steps[-1].cut) == [0, 1, 2, 3]
    assert all(e.completed and e.frames == scene.last and e.start == 0 for e in steps[-1].finished)
    wild = 3 * env.rng.standard_normal((scene.last, 4, 2, env.n_actions)).astype(np.float32)
    steps = [env.step(action) for action in wild]
    lost = [step for step in steps if step.terminated.any()]
    assert lost and all((step.terminated[:, 0] == step.terminated[:, 1]).all() for step in lost)
    assert all(np.isfinite(step.observation).all() and np.isfinite(step.reward).all() for step in steps)


def test_what_is_seen_last_is_not_what_is_seen_next():
    """A cut episode's final observation is of its own end, the next one of a new start."""
    env = PairEnvironment(tiny(start=START, events={}), [standing_scene()], threads=1)
    first = env.reset()
    for _ in range(standing_scene().last):
        step = env.step(zeros(env) + 0.05)
    assert step.final.shape == (4, 2, first.shape[-1])
    assert np.allclose(step.observation, first, atol=1e-5)
    assert np.abs(step.final - first).max(axis=(1, 2)).min() > 0.05


def test_alone_only_those_who_fall_terminate():
    """In a prior's world one person's failure cuts the other off without blame."""
    config = tiny(kind="prior", observation=PRIOR, start=StartConfig(first=1.0, kept=0.0))
    env = PairEnvironment(config, [standing_scene()], threads=1)
    env.reset()
    for _ in range(standing_scene().last):
        action = zeros(env)
        action[:, 0] = 2 * env.rng.standard_normal((4, env.n_actions))
        step = env.step(action)
        if step.done.any():
            break
    assert step.terminated[:, 0].any() and not step.terminated[:, 1].any() and len(step.cut)


def test_siblings_begin_in_the_same_state():
    """After regrouping, neighbours are at the same frame, see the same and, told the same, do the same."""
    env = PairEnvironment(tiny(), [standing_scene()], threads=1)
    env.reset()
    for _ in range(3):
        step = env.step(0.2 * env.rng.standard_normal((4, 2, env.n_actions)).astype(np.float32))
    source = env.regroup(2)
    assert source[0] == source[1] < 2 <= source[2] == source[3]
    seen = step.observation[source]
    after = env.step(zeros(env)).observation
    for first in (0, 2):
        assert np.array_equal(seen[first], seen[first + 1]) and np.array_equal(after[first], after[first + 1])
    assert not np.array_equal(after[0], after[2])
    with pytest.raises(AssistMimicError, match="ppo.group_size 2"):
        PairEnvironment(tiny(pairs=5), [standing_scene()], threads=1)


def test_worlds_are_dealt_out_to_dynamics():
    """Half of the recipients are heavier, in coarse physics too; groups are alike; supporters are as they were."""
    env = PairEnvironment(tiny(start=START, events=dealt("seen", "mass1.5")), [standing_scene()], threads=1)
    part = env.worlds
    feet = np.zeros((2, 4, 2))
    for k, coarse in enumerate((False, True)):
        env.use_physics(coarse=coarse)
        env.reset()
        for _ in range(standing_scene().last - 1):
            env.step(zeros(env))
            feet[k] += part.backend.forces()[:, :, :, 1, 2].sum(axis=2)  # what the floor bears
    assert np.allclose(feet[:, 2:, 1] / feet[:, :2, 1], 1.5, atol=0.1)
    assert np.allclose(feet[:, 2:, 0] / feet[:, :2, 0], 1.0, atol=0.1)
    with pytest.raises(AssistMimicError, match="3 dynamics"):
        PairEnvironment(tiny(events=dealt("seen", "gains0.5", "hip0.5")), [standing_scene()], threads=1)
    with pytest.raises(AssistMimicError, match="recipients: 'push'"):
        PairEnvironment(tiny(events=dealt("push")), [standing_scene()], threads=1)


def test_the_reference_moves_who_is_replayed():
    """A replayed recipient stays on the reference whatever they do, the supporter does not."""
    env = PairEnvironment(tiny(), [standing_scene()], threads=1, replayed=1)
    env.reset()
    for _ in range(5):
        env.step(zeros(env) + 0.2)
    part = env.worlds
    apart = np.linalg.norm(part.view().now.positions - part.policy.track.positions(part.frames), axis=-1).max(
        axis=(0, 2)
    )
    assert apart[1] < 1e-5 < 0.02 < apart[0]


@pytest.mark.parametrize("replayed", [0, 1])
def test_beside_somebody_replayed_forces_and_torques_are_those_of_the_step(replayed):
    """The one who is simulated bears the floor and strains as beside somebody simulated."""
    borne, strain, seen = np.zeros((2, 4, 2)), np.zeros((2, 4, 2)), []
    for k, who in enumerate((None, replayed)):
        env = PairEnvironment(tiny(start=START, events={}), [standing_scene()], threads=1, replayed=who)
        env.reset()
        for _ in range(10):
            step = env.step(zeros(env))
        backend = env.worlds.backend
        borne[k] = backend.forces()[:, :, :, 1, 2].sum(axis=2)
        strain[k] = np.abs(backend.torques()).sum(axis=(2, 3))
        seen.append(step.observation)
    own, weight = 1 - replayed, [9.81 * person.mass for person in standing_scene().pair.people]
    assert np.allclose(borne[:, :, own], weight[own], rtol=0.1)
    assert np.allclose(borne[1, :, replayed], weight[replayed], rtol=0.3)
    assert np.allclose(strain[1, :, own], strain[0, :, own], rtol=0.02)
    assert np.allclose(seen[0][:, own], seen[1][:, own], atol=0.05)


def test_retargeting_moves_what_is_rewarded_and_allowed_where_it_is_asked_to():
    """Hand goals that moved by 0.2 m cost a supporter who stays reward, and allow one who follows 0.1 m more."""

    def supporter(settings: RetargetSettings, *, aside: float) -> tuple[float, bool]:
        """Reward for positions, and whether the episode ended, of a supporter put aside [m]."""
        only = weighed({"positions": 1.0}, {"positions": 1.0}, coupling=0.0)
        config = tiny(start=START, events={}, reward=only, retarget=settings)
        env = PairEnvironment(config, [standing_scene()], threads=1)
        env.reset()
        part = env.worlds
        state = part.backend.state()
        state.root_position[:, 0, 1] += aside
        part.backend.set_state(state)
        shift = np.zeros_like(part.retarget.shift)
        shift[..., 1] = 0.2
        part.retarget = replace(part.retarget, shift=shift)
        step = env.step(zeros(env))
        return float(step.reward[0, 0]), bool(step.terminated[0, 0])

    plain, rewarded = (RetargetSettings(reward=reward, termination=False) for reward in (False, True))
    allowed = RetargetSettings(termination=True)
    assert supporter(rewarded, aside=0.0)[0] < 0.99 * supporter(plain, aside=0.0)[0]
    assert supporter(plain, aside=0.3)[1] and not supporter(allowed, aside=0.3)[1]
    assert supporter(allowed, aside=0.5)[1]


def run(folder: Path, **changes: object) -> Runner:
    """A whole tiny run."""
    resume = bool(changes.pop("resume", False))
    runner = Runner(tiny(**changes), [standing_scene()], folder, threads=1, resume=resume)
    runner.run()
    return runner


def weights(runner: Runner) -> list[torch.Tensor]:
    """All that was learned."""
    return [
        p.detach() for learner in runner.learners.values() for p in learner.actor.trainable + learner.critic.trainable
    ]


def test_same_seed_same_numbers_and_a_resumed_run_is_the_run(tmp_path):
    """Equal weights bit for bit: twice the same seed, and stopped half-way and gone on with; another seed differs."""
    whole, again = run(tmp_path / "a"), run(tmp_path / "b")
    assert all(torch.equal(x, y) for x, y in zip(weights(whole), weights(again), strict=True))
    half = Runner(tiny(), [standing_scene()], tmp_path / "c", threads=1)
    half.config = replace(half.config, steps=16)
    half.run()
    resumed = run(tmp_path / "c", resume=True)
    assert resumed.resumed and resumed.pair_steps == whole.pair_steps
    assert all(torch.equal(x, y) for x, y in zip(weights(whole), weights(resumed), strict=True))
    other = run(tmp_path / "d", seed=1)
    assert not all(torch.equal(x, y) for x, y in zip(weights(whole), weights(other), strict=True))
    rows = [json.loads(line) for line in (tmp_path / "c" / "curve.jsonl").read_text().splitlines()]
    assert [row["pair_steps"] for row in rows] == [16, 32]


def test_a_run_is_not_overwritten(tmp_path):
    """A folder that holds a run is refused without resume."""
    run(tmp_path / "a", steps=16)
    with pytest.raises(AssistMimicError, match="--resume"):
        run(tmp_path / "a", steps=16)


def test_a_broken_checkpoint_is_one_line(tmp_path):
    """Say which file cannot be read."""
    (tmp_path / CHECKPOINT).write_bytes(b"nonsense")
    with pytest.raises(AssistMimicError, match="not a readable checkpoint"):
        read_checkpoint(tmp_path / CHECKPOINT)


def test_sequential_training_freezes_the_other(tmp_path):
    """The recipient alone learns in the first half and the supporter alone in the second."""
    runner = Runner(tiny(mode="sequential"), [standing_scene()], tmp_path / "a", threads=1)
    kept = {role: [p.detach().clone() for p in own.actor.trainable] for role, own in runner.learners.items()}

    def changed() -> set[str]:
        return {
            role
            for role, own in runner.learners.items()
            if not all(torch.equal(a, b) for a, b in zip(kept[role], own.actor.trainable, strict=True))
        }

    runner.config = replace(runner.config, steps=31)  # one rollout of sixteen counts as half
    advance = runner._collect
    seen: list[set[str]] = []
    runner._collect = lambda: (seen.append(changed()), advance())[1]
    runner.run()
    assert seen[-1] == {"recipient"} and changed() == {"recipient", "supporter"}


def test_each_role_learns_in_coarse_physics_first_and_then_in_those_that_count(tmp_path):
    """In the modes in which one learns after the other, both halves begin coarse and from statistics of their own."""
    runner = Runner(tiny(mode="replay", steps=128, coarse=0.5), [standing_scene()], tmp_path / "a", threads=1)
    collect, seen = runner._collect, []

    def watched():
        learns = [role for role, own in runner.learners.items() if not own.frozen]
        seen.append((runner.pair_steps, learns, runner.environment.replayed, runner.environment.coarse))
        return collect()

    runner._collect = watched
    runner.run()
    recipient, supporter = (["recipient"], 0), (["supporter"], 1)
    assert seen == [
        *((0, *recipient, True), (0, *recipient, True), (16, *recipient, True)),  # the first warms up
        *((32, *recipient, False), (48, *recipient, False)),
        *((64, *supporter, True), (64, *supporter, True), (80, *supporter, True)),
        *((96, *supporter, False), (112, *supporter, False)),
    ]


def test_a_finished_run_that_goes_on_does_not_begin_again(tmp_path):
    """Coarse physics and the halves of a mode are shares of the steps first planned; what is added is as the last."""
    run(tmp_path / "a", mode="sequential", coarse=0.5)

    def added(steps: int) -> list[tuple[bool, bool]]:
        """(Coarse, recipient learns) of the rollouts that a longer run adds."""
        longer = tiny(mode="sequential", coarse=0.5, steps=steps)
        runner = Runner(longer, [standing_scene()], tmp_path / "a", threads=1, resume=True)
        collect, seen = runner._collect, []
        runner._collect = lambda: (
            seen.append((runner.environment.coarse, not runner.learners["recipient"].frozen)),
            collect(),
        )[1]
        runner.run()
        return seen

    assert added(64) == [(False, False)] * 2
    assert added(80) == [(False, False)]


def test_configurations_are_checked_and_survive_their_own_writing(tmp_path):
    """A resolved configuration reads back the same; an unknown name, a wrong value, a missing file are one line."""
    config = tiny(retarget=RetargetSettings(enabled=False), reward=weighed({"contact": 1.0}, WEIGHTS))
    assert config_from_dict(json.loads(json.dumps(config.to_dict())), "again") == config
    path = tmp_path / "c.yaml"
    path.write_text("name: x\npairs: 4\nppo: {std: 1e-2}\n")
    loaded = load_config(path, ["ppo.gamma=0.9", "body.recipient=0.5", "action.clip=2.0"], steps=7)
    assert loaded.action == replace(ACTION, clip=2.0)  # the rest as if nothing had been said
    assert (loaded.ppo.std, loaded.ppo.gamma, loaded.body.recipient, loaded.steps) == (0.01, 0.9, "0.5", 7)
    for text, message in (
        ("pears: 4", "no entry 'pears'"),
        ("name: x\npairs: many", "expected a whole number, got 'many'"),
    ):
        path.write_text(text)
        with pytest.raises(AssistMimicError, match=message):
            load_config(path)
    with pytest.raises(AssistMimicError, match="no such file"):
        load_config(tmp_path / "none.yaml")
