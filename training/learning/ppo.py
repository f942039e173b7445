"""Proximal policy optimisation of one role: its own actor, critic, optimiser and learning rate."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from training.env.prefix import under
from training.settings.config import PpoConfig

from . import parallel
from .checkpoint import adam_state, load_adam_state
from .networks import Network
from .rollout import Rollout, advantages, against_group_mean


class Ppo:
    """One role's learning: act, record, finish_rollout, update.

    Rewards are scaled by (1 - gamma), so that values are mean rewards and the critic starts in the right range.

    Args:
        config: The learning rule.
        actor: From observation to the mean action.
        critic: From observation to its value.
        steps: Control steps per rollout.
        n: People of this role.
        seed: Seed of actions and minibatches.
        people: Of this role in each world.
    """

    def __init__(
        self, config: PpoConfig, actor: Network, critic: Network, *, steps: int, n: int, seed: int, people: int = 1
    ) -> None:
        self.config, self.actor, self.critic = config, actor, critic
        self.people, self.frozen = people, False
        self.rate = config.learning_rate
        self.optimisers = {
            "actor": torch.optim.Adam(actor.trainable, lr=self.rate),
            "critic": torch.optim.Adam(critic.trainable, lr=config.critic_rate),
        }
        self.updates = 0
        self.generator = torch.Generator().manual_seed(seed)
        self.rollout = Rollout(steps, n, actor.spec.n_inputs, actor.spec.outputs)
        self._step = 0
        self.noise = torch.randn((n, actor.spec.outputs), generator=self.generator)
        parallel.broadcast([*actor.trainable, *critic.trainable])

    @torch.no_grad()
    def act(self, observation: Tensor) -> Tensor:
        """Actions for observations, shape (N, D) to (N, A): drawn while learning, the mean where frozen."""
        mean = self.actor(observation)
        if self.frozen:
            return mean
        action = mean + self.config.std * self._explore(mean.shape)
        r, t = self.rollout, self._step
        r.observation[t], r.action[t], r.mean[t] = observation, action, mean
        r.log_prob[t] = self._log_prob(action, mean)
        r.value[t] = self.critic(observation)[..., 0]
        return action

    def _explore(self, shape: torch.Size) -> Tensor:
        """Return standard normal noise that lasts.

        Muscles are too slow to answer what changes with every control step.
        """
        correlation = self.config.noise_correlation
        self.noise = correlation * self.noise + math.sqrt(1 - correlation**2) * torch.randn(
            shape, generator=self.generator
        )
        return self.noise

    @torch.no_grad()
    def record(self, reward: Tensor, terminated: Tensor, done: Tensor, cut: Tensor, final: Tensor) -> None:
        """Record the outcome of the action.

        Args:
            reward: Shape (N,).
            terminated: Failures, shape (N,).
            done: Ended episodes, shape (N,).
            cut: Rows of episodes that ended without failure, shape (M,).
            final: What those saw last, shape (M, D).
        """
        if self.frozen:
            return
        r, t = self.rollout, self._step
        r.reward[t], r.terminated[t], r.done[t] = reward * (1 - self.config.gamma), terminated, done
        r.next_value[t] = 0
        if len(cut):
            r.next_value[t, cut] = self.critic(final)[..., 0]
        self._step += 1

    @torch.no_grad()
    def finish_rollout(self, observation: Tensor) -> None:
        """Close the rollout at the observation that follows its last step, shape (N, D)."""
        if not self.frozen:
            self.rollout.close(self.critic(observation)[..., 0])
            self._step = 0

    def update(self) -> dict[str, float]:
        """Learn from the rollout; returns what there is to know about it."""
        if self.frozen:
            return {}
        config, r = self.config, self.rollout
        advantage = advantages(
            r.reward, r.value, r.next_value, r.terminated, r.done, gamma=config.gamma, lam=config.lam
        )
        returns = (advantage + r.value).flatten()
        advantage = self._against_siblings(advantage).flatten()
        advantage = (advantage - _mean(advantage)) / (_mean((advantage - _mean(advantage)) ** 2).sqrt() + 1e-8)
        x, action, old_mean, old_log = (r.flat(name) for name in ("observation", "action", "mean", "log_prob"))
        sums = torch.zeros(4)
        for _ in range(config.epochs):
            for rows in torch.randperm(len(x), generator=self.generator).chunk(config.minibatches):
                value_loss = (self.critic(x[rows])[..., 0] - returns[rows]).square().mean()
                self._descend("critic", value_loss)
                sums[2] += value_loss.detach()
                if self.updates < config.critic_first:
                    continue
                mean = self.actor(x[rows])
                ratio = (self._log_prob(action[rows], mean) - old_log[rows]).exp()
                limited = ratio.clamp(1 - config.clip, 1 + config.clip)
                gain = torch.minimum(ratio * advantage[rows], limited * advantage[rows]).mean()
                beyond = (mean.abs() - 1).clamp_min(0).square().sum(-1).mean()
                kl = (mean.detach() - old_mean[rows]).square().sum(-1).mean() / (2 * config.std**2)
                self._adapt(kl)
                self._descend("actor", config.bound * beyond - gain)
                clipped = ((ratio.detach() - 1).abs() > config.clip).float().mean()
                sums += torch.stack([kl, clipped, torch.zeros(()), -gain.detach()])
        self.updates += 1
        self.learn_statistics()
        mean_sums = sums / (config.epochs * config.minibatches)
        spread = returns.var()
        explained = 1 - (returns - r.flat("value")).var() / spread.clamp_min(1e-12)
        names = ("kl", "clipped", "value_loss", "policy_loss")
        stats = dict(zip(names, mean_sums.tolist(), strict=True))
        return stats | {"rate": self.rate, "explained": float(explained), "return": float(returns.mean())}

    def _against_siblings(self, advantage: Tensor) -> Tensor:
        """See `rollout.against_group_mean`; people of a world lie side by side, a group in a row."""

        def grouped(x: Tensor) -> Tensor:
            shape = (len(x), -1, self.config.group_size, self.people)
            return x.reshape(shape).transpose(2, 3).flatten(1, 2)

        fair = against_group_mean(grouped(advantage), grouped(self.rollout.done), self.config.group_size)
        return fair.reshape(len(fair), -1, self.people, self.config.group_size).transpose(2, 3).reshape(advantage.shape)

    def _descend(self, which: str, loss: Tensor) -> None:
        """Take one gradient step of the actor or the critic."""
        optimiser, weights = self.optimisers[which], getattr(self, which).trainable
        optimiser.zero_grad(set_to_none=False)
        loss.backward()
        parallel.average([weight.grad for weight in weights])
        torch.nn.utils.clip_grad_norm_(weights, self.config.max_grad_norm)
        optimiser.step()

    def learn_statistics(self) -> None:
        """Take the rollout's observations into the normalisers, after its old probabilities are no longer needed."""
        for network in (self.actor, self.critic):
            network.learn_statistics(self.rollout.flat("observation"))

    def _adapt(self, kl: Tensor) -> None:
        """Keep the change of the policy near the target by its learning rate."""
        config = self.config
        if not config.target_kl:
            return
        parallel.average([kl])
        if kl > 2 * config.target_kl:
            self.rate = max(config.min_rate, self.rate / 1.5)
        elif kl < config.target_kl / 2:
            self.rate = min(config.max_rate, self.rate * 1.5)
        for group in self.optimisers["actor"].param_groups:
            group["lr"] = self.rate

    def _log_prob(self, action: Tensor, mean: Tensor) -> Tensor:
        std, n = self.config.std, action.shape[-1]
        return -0.5 * ((action - mean) / std).square().sum(-1) - n * (math.log(std) + 0.5 * math.log(2 * math.pi))

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs."""
        moments = {
            f"adam.{which}.{name}": value
            for which, optimiser in self.optimisers.items()
            for name, value in adam_state(optimiser).items()
        }
        nets = {
            f"{which}.{name}": tensor
            for which, network in (("actor", self.actor), ("critic", self.critic))
            for name, tensor in network.state_dict().items()
        }
        counts = {"rate": torch.tensor(self.rate, dtype=torch.float64), "updates": torch.tensor(self.updates)}
        return {**nets, **moments, **counts, "noise": self.noise, "generator": self.generator.get_state()}

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Load what `state_dict` returned."""
        for which, network in (("actor", self.actor), ("critic", self.critic)):
            network.load_state_dict(under(tensors, f"{which}."))
        self.rate, self.updates = float(tensors["rate"]), int(tensors["updates"])
        self.generator.set_state(tensors["generator"])
        self.noise = tensors["noise"]
        for which, optimiser in self.optimisers.items():
            load_adam_state(optimiser, under(tensors, f"adam.{which}."))
        for group in self.optimisers["actor"].param_groups:
            group["lr"] = self.rate


def _mean(x: Tensor) -> Tensor:
    """Mean over all elements of all processes."""
    mean = x.mean()[None].clone()
    parallel.average([mean])
    return mean[0]
