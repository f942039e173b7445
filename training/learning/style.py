"""The reward term `style`: adversarial motion priors (AMP), a discriminator for each role.

A discriminator learns to tell short windows of one person's simulated motion from windows of the reference; the reward
is how well it is deceived. Tracking asks for the right pose at the right time; style asks for motion that could be the
reference's, of any time and clip of the run.

Formula: Peng, Ma, Abbeel, Levine and Kanazawa, "AMP: Adversarial Motion Priors for Stylized Physics-Based Character
Control" (2021): least squares towards 1 for demonstrations and -1 for simulation, a penalty on the gradient at
demonstrations, reward max(0, 1 - (D - 1)^2 / 4). Without their buffer of older simulated windows: a rollout has
thousands of new ones, and a checkpoint every minute would have to hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from controller_server.control.policy.network import NetworkSpec, forward, normalise, normaliser
from controller_server.core.errors import TrainingError
from training.env.environment import PairEnvironment
from training.env.motion import motion
from training.env.prefix import under
from training.settings.config import StyleConfig, TrainConfig

from . import parallel
from .checkpoint import adam_state, load_adam_state
from .networks import Network

Array = np.ndarray


class Demonstrations:
    """Windows of reference motion, from any time of any clip.

    Args:
        motions: Motions of each clip, by control frame and person: features as of `motion.motion`, shape (K, P, D).
        shares: How often each clip is drawn, in any unit.
        frames: Number of frames of a window, no more than any clip has.
    """

    def __init__(self, motions: Sequence[Array], shares: Sequence[float], frames: int) -> None:
        self.frames, self.people = frames, motions[0].shape[1]
        self._motion = torch.from_numpy(np.concatenate(motions))
        lengths = torch.tensor([len(m) for m in motions])
        self._first, self._starts = lengths.cumsum(0) - lengths, lengths - frames + 1
        self._shares = torch.tensor(shares, dtype=torch.float32)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Windows at random times of random clips and people, shape (n, frames D)."""
        clip = torch.multinomial(self._shares, n, replacement=True, generator=generator)
        start = (torch.rand(n, generator=generator, dtype=torch.float64) * self._starts[clip]).long()
        person = torch.randint(self.people, (n, 1), generator=generator)
        rows = (self._first[clip] + start)[:, None] + torch.arange(self.frames)
        return self._motion[rows, person].flatten(1)


class Discriminator:
    """Tells simulated windows of one role from demonstrations: judge a rollout's, then update.

    Args:
        config: Sizes and learning rule.
        demonstrations: Demonstrations of that role.
        seed: Seed of what is drawn.
        first: Of the first weights, the same in every process.
    """

    def __init__(self, config: StyleConfig, demonstrations: Demonstrations, *, seed: int, first: int = 0) -> None:
        self.config, self.demonstrations = config, demonstrations
        self.generator = torch.Generator().manual_seed(seed)
        size = demonstrations.draw(1, torch.Generator()).shape[1]
        self.network = Network.fresh(NetworkSpec((("window", size),), 1, config.hidden), first)
        self.optimiser = torch.optim.Adam(self.network.trainable, lr=config.learning_rate)
        self._seen: list[Tensor] = []
        parallel.broadcast(self.network.trainable)

    @torch.no_grad()
    def judge(self, windows: Tensor) -> Tensor:
        """Reward of simulated windows, shape (n, frames D) to (n,); they are kept for the next update."""
        self._seen.append(windows)
        return (1 - 0.25 * (self.network(windows)[:, 0] - 1).square()).clamp_min(0)

    def update(self) -> dict[str, float]:
        """Learn from the windows judged since the last update; returns what there is to know about it."""
        drawn = self._draw()
        if drawn is None:
            return {}
        sums = torch.zeros(4)
        for real, fake in zip(*(windows.chunk(self.config.updates) for windows in drawn), strict=True):
            sums += self._descend(real, fake)
        self.network.learn_statistics(torch.cat(drawn))
        names = ("style_loss", "style_gradient", "style_known_demonstrations", "style_known_simulated")
        return dict(zip(names, (sums / self.config.updates).tolist(), strict=True))

    def learn_statistics(self) -> None:
        """Take the windows judged, and as many demonstrations, into the normaliser alone."""
        drawn = self._draw()
        if drawn is not None:
            self.network.learn_statistics(torch.cat(drawn))

    def _draw(self) -> tuple[Tensor, Tensor] | None:
        """Demonstrations and simulated windows of all gradient steps; none unless every process has seen some."""
        seen = torch.cat(self._seen) if self._seen else torch.zeros(0)
        self._seen = []
        blind = torch.tensor([float(len(seen) == 0)])
        parallel.all_reduce_sum([blind])
        if blind[0]:
            return None
        n = self.config.updates * self.config.batch
        rows = torch.randint(len(seen), (n,), generator=self.generator)
        return self.demonstrations.draw(n, self.generator), seen[rows]

    def _descend(self, real: Tensor, fake: Tensor) -> Tensor:
        """Take a gradient step; return loss, squared gradient, shares of demonstrations and simulation told right."""
        real, fake = self._normalised(real).requires_grad_(), self._normalised(fake)
        d_real, d_fake = self._mark(real), self._mark(fake)
        (slope,) = torch.autograd.grad(d_real.sum(), real, create_graph=True)
        steep = slope.square().sum(-1).mean()
        loss = 0.5 * ((d_real - 1).square().mean() + (d_fake + 1).square().mean())
        self.optimiser.zero_grad(set_to_none=False)
        (loss + 0.5 * self.config.penalty * steep).backward()
        weights = self.network.trainable
        parallel.average([weight.grad for weight in weights if weight.grad is not None])
        self.optimiser.step()
        known = ((d_real > 0).float().mean(), (d_fake < 0).float().mean())
        return torch.stack([loss, steep, *known]).detach()

    def _normalised(self, windows: Tensor) -> Tensor:
        return normalise(windows, normaliser(self.network.spec, self.network.parameters))

    def _mark(self, normalised: Tensor) -> Tensor:
        """D of windows that are normalised: the penalty is on the gradient by these."""
        return forward(self.network.spec, self.network.parameters, normalised, scale=(0.0, 1.0))[:, 0]

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs, between an update and the next rollout."""
        adam = {f"adam.{name}": value for name, value in adam_state(self.optimiser).items()}
        net = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        return {**net, **adam, "generator": self.generator.get_state()}

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Load what `state_dict` returned."""
        self.network.load_state_dict(under(tensors, "network."))
        load_adam_state(self.optimiser, under(tensors, "adam."))
        self.generator.set_state(tensors["generator"])


def discriminators(config: TrainConfig, environment: PairEnvironment, seed: int) -> dict[str, Discriminator]:
    """Return one for each role that has a weight on `style`; from then on they judge the environment.

    Args:
        config: Configuration of the run.
        environment: Whose clips are demonstrated, all alike.
        seed: Seed of this process.

    Raises:
        AssistMimicError: a window is longer than a clip.
    """
    weights, frames = environment.rewards.weight_of("style"), config.style.frames
    if not weights.any():
        return {}
    for scene in environment.scenes:
        if scene.track.n_frames < frames:
            raise TrainingError(
                f"style.frames: {frames} is more than the {scene.track.n_frames} control frames of {scene.name}"
            )
    motions = [motion(scene.track.frames) for scene in environment.scenes]
    shares = [1.0] * len(motions)
    people = {"person": [0, 1]} if config.roles == ("person",) else {r: [k] for k, r in enumerate(config.roles)}
    judges = {
        role: Discriminator(
            config.style,
            Demonstrations([m[:, who] for m in motions], shares, frames),
            seed=2 * seed + k,
            first=2 * config.seed + k,
        )
        for k, (role, who) in enumerate(people.items())
        if weights[who].any()
    }

    def judge(windows: Array) -> Array:
        flat, marks = torch.from_numpy(windows).flatten(2), np.zeros(windows.shape[:2], np.float32)
        for role, judge in judges.items():
            mine = flat[:, people[role]]
            marks[:, people[role]] = judge.judge(mine.flatten(0, 1)).reshape(mine.shape[:2]).numpy()
        return marks

    environment.be_judged(judge)
    return judges
