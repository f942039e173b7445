"""The learning rule: advantages, two roles at once, what is frozen, what a checkpoint holds."""

from __future__ import annotations

import numpy as np
import torch

from controller_server.control.policy.network import NetworkSpec
from training.learning.checkpoint import read_checkpoint, tensors, write_checkpoint
from training.learning.networks import Network
from training.learning.ppo import Ppo
from training.learning.rollout import advantages, against_group_mean
from training.settings.config import PpoConfig

GAMMA, LAM = 0.9, 0.8


def brute_force(reward, value, next_value, terminated, done):
    """A_t = sum over k of (gamma lam)^k delta_{t+k}, up to the end of the episode or of the rollout."""
    steps = len(reward)
    result = np.zeros(steps)
    for t in range(steps):
        for k in range(t, steps):
            follow = 0.0 if terminated[k] else next_value[k]
            result[t] += (GAMMA * LAM) ** (k - t) * (reward[k] + GAMMA * follow - value[k])
            if done[k]:
                break
    return result


def test_advantages_are_the_written_out_sum():
    """Equal the brute-force sum with a failure and a truncation in mid-rollout, the latter with its true next value."""
    rng = np.random.default_rng(0)
    reward, value, next_value = rng.standard_normal((3, 9))
    terminated, done = np.zeros(9), np.zeros(9)
    terminated[2] = done[2] = done[5] = 1
    expected = brute_force(reward, value, next_value, terminated, done)
    given = (torch.from_numpy(a)[:, None] for a in (reward, value, next_value, terminated, done))
    assert np.allclose(advantages(*given, gamma=GAMMA, lam=LAM)[:, 0].numpy(), expected, atol=1e-12)
    shifted = next_value.copy()
    shifted[5] += 1.0  # what the cut episode would have gone on to
    given = (torch.from_numpy(a)[:, None] for a in (reward, value, shifted, terminated, done))
    assert abs(advantages(*given, gamma=GAMMA, lam=LAM)[5, 0].item() - expected[5] - GAMMA) < 1e-12


def test_what_siblings_share_is_taken_out():
    """An error common to a group disappears as long as nobody's episode has ended; who is left alone keeps theirs."""
    rng = np.random.default_rng(1)
    own, common = rng.standard_normal((6, 3, 4)), 10 * rng.standard_normal((6, 3, 1))
    done = np.zeros((6, 3, 4))
    done[2, 1, 0] = 1
    done[1, 2, :3] = 1
    own, both, ended = (torch.from_numpy(a) for a in (own, own + common, done))
    fair, clean = against_group_mean(both, ended, 4), against_group_mean(own, ended, 4)
    assert torch.allclose(fair[:, 0], clean[:, 0]) and torch.allclose(fair[:, 1, 1:], clean[:, 1, 1:])
    assert torch.equal(fair[3:, 1, 0], both[3:, 1, 0])  # in a new episode
    assert torch.equal(fair[2:, 2], both[2:, 2])  # one in the old, three in new ones
    assert torch.allclose(clean[0, 0, 0], own[0, 0, 0] - own[0, 0, 1:].mean())
    assert torch.equal(against_group_mean(both, ended, 1), both)


class Toy:
    """Reach a point: the observation is the way to it, the reward how near the action comes."""

    def __init__(self, seed: int, gain: float) -> None:
        self.rng, self.gain = np.random.default_rng(seed), gain

    def draw(self) -> torch.Tensor:
        """Ways to the point, shape (64, 2)."""
        return torch.from_numpy(self.rng.uniform(-1, 1, (64, 2))).float()

    def reward(self, seen: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
        """Shape (64,)."""
        return -(action - self.gain * seen).square().sum(-1)


def learner(seed: int) -> Ppo:
    """A small learner."""
    spec, judge = NetworkSpec((("way", 2),), 2, (32,)), NetworkSpec((("way", 2),), 1, (32,))
    config = PpoConfig(gamma=0.5, std=0.2, learning_rate=3e-3, target_kl=0.02, critic_first=1, group_size=1)
    return Ppo(config, Network.fresh(spec, seed), Network.fresh(judge, seed + 1, last=1.0), steps=8, n=64, seed=seed)


def learn(ppo: Ppo, toy: Toy, iterations: int) -> None:
    """Rollouts and updates."""
    nothing = torch.zeros(0, dtype=torch.long)
    for _ in range(iterations):
        practise(ppo, toy, nothing)
        ppo.update()


def practise(ppo: Ppo, toy: Toy, nothing: torch.Tensor) -> None:
    """One rollout."""
    for _ in range(8):
        seen = toy.draw()
        action = ppo.act(seen)
        ended = torch.ones(64)
        ppo.record(toy.reward(seen, action), ended, ended, nothing, seen[:0])
    ppo.finish_rollout(toy.draw())


def weights(ppo: Ppo) -> list[torch.Tensor]:
    """Of the actor."""
    return [p.detach().clone() for p in ppo.actor.trainable]


def test_two_roles_at_once_learn_what_each_learns_alone():
    """Interleaved learners end with exactly the weights of lone ones, and both solve their problem."""
    alone = [learner(1), learner(2)]
    for ppo, toy in zip(alone, (Toy(5, 0.5), Toy(6, -0.5)), strict=True):
        learn(ppo, toy, 40)
    together, toys = [learner(1), learner(2)], [Toy(5, 0.5), Toy(6, -0.5)]
    for _ in range(40):
        for ppo, toy in zip(together, toys, strict=True):
            practise(ppo, toy, torch.zeros(0, dtype=torch.long))
        for ppo in together:
            ppo.update()
    for one, other in zip(alone, together, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))
    seen = toys[0].draw()
    for ppo, gain in zip(together, (0.5, -0.5), strict=True):
        with torch.no_grad():
            assert (ppo.actor(seen) - gain * seen).abs().mean() < 0.1


def test_a_frozen_role_acts_its_mean_and_does_not_change():
    """Give the same action twice and keep every weight through an update."""
    ppo, toy = learner(3), Toy(7, 0.5)
    ppo.frozen = True
    seen, before = toy.draw(), weights(ppo)
    assert torch.equal(ppo.act(seen), ppo.act(seen))
    learn(ppo, toy, 1)
    assert all(torch.equal(a, b) for a, b in zip(before, weights(ppo), strict=True))


def test_the_learning_rate_follows_the_divergence():
    """Shrink the rate while updates go too far, and let it grow while they hardly move."""
    wild, tame = learner(4), learner(4)
    wild.rate, tame.rate = 1e-3, 1e-6
    for ppo in (wild, tame):
        ppo._adapt(torch.tensor(1.0 if ppo is wild else 0.0))
    assert wild.rate < 1e-3 and tame.rate > 1e-6


def test_a_checkpointed_learner_goes_on_as_if_nothing_had_happened(tmp_path):
    """End with the same weights, bit for bit, with and without a checkpoint in between."""
    whole, first = learner(8), learner(8)
    learn(whole, Toy(9, 0.5), 6)
    toy = Toy(9, 0.5)
    learn(first, toy, 3)
    write_checkpoint(tmp_path / "c.safetensors", {"role": first.state_dict()}, {"iteration": 3})
    sections, facts = read_checkpoint(tmp_path / "c.safetensors")
    second = learner(99)
    second.load_state_dict(tensors(sections["role"]))
    learn(second, toy, 3)
    assert facts == {"iteration": 3}
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(second), strict=True))


def test_statistics_are_those_of_everything_seen():
    """Mean and variance after two unequal batches equal those of both together."""
    spec = NetworkSpec((("a", 2), ("b", 3)), 1, (4,))
    network, rng = Network.fresh(spec, 0), np.random.default_rng(1)
    data = torch.from_numpy(rng.normal(3.0, 2.0, (500, 5))).float()
    network.learn_statistics(data[:100])
    network.learn_statistics(data[100:])
    mean = torch.cat([network.parameters[f"normaliser.{b}.mean"] for b in "ab"])
    var = torch.cat([network.parameters[f"normaliser.{b}.var"] for b in "ab"])
    assert torch.allclose(mean, data.mean(0), atol=1e-4)
    assert torch.allclose(var, data.var(0, unbiased=False), atol=1e-3)
