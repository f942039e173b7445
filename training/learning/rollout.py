"""Rollouts of one role, and the advantages of its actions."""

from __future__ import annotations

import torch
from torch import Tensor


def advantages(
    reward: Tensor, value: Tensor, next_value: Tensor, terminated: Tensor, done: Tensor, *, gamma: float, lam: float
) -> Tensor:
    """Generalised advantage estimation that tells failure from being cut off.

    Formula: delta_t = r_t + gamma (1 - terminated_t) V'_t - V_t and A_t = delta_t + gamma lam (1 - done_t) A_{t+1},
    where V'_t is the value of what was seen after step t, before any new episode began.

    Args:
        reward: Shape (T, N).
        value: Value of the observation acted on, shape (T, N).
        next_value: V', shape (T, N).
        terminated: Whether the episode ended in failure, which is worth nothing, shape (T, N).
        done: Whether it ended at all, shape (T, N).
        gamma: Discount.
        lam: Trade of bias against variance.

    Returns:
        Shape (T, N).
    """
    delta = reward + gamma * next_value * (1 - terminated) - value
    result = torch.zeros_like(delta)
    carry = torch.zeros_like(delta[0])
    for t in range(len(delta) - 1, -1, -1):
        carry = delta[t] + gamma * lam * (1 - done[t]) * carry
        result[t] = carry
    return result


def against_group_mean(advantage: Tensor, done: Tensor, group_size: int) -> Tensor:
    """Advantages less the mean of what its shared-start group had at the same step.

    Siblings begin the rollout in the same state. Until their episodes end, what the critic gets wrong about that state
    is common to all of them and is taken out; what is left is what their actions did. Without it the critic's errors
    are larger than the effect of any action: two rollouts of 6,144 steps agree about nothing.

    Args:
        advantage: Shape (T, groups, group_size).
        done: Whether an episode ended at a step, same shape.
        group_size: Size of a group; 1 leaves advantages as they are.
    """
    if group_size == 1:
        return advantage
    ended_before = torch.cat([torch.zeros_like(done[:1]), done[:-1]]).cumsum(dim=0) > 0
    together = (~ended_before).to(advantage.dtype)
    others = together.sum(dim=2, keepdim=True) - together
    total = (together * advantage).sum(dim=2, keepdim=True) - together * advantage
    return advantage - together * total / others.clamp_min(1)


class Rollout:
    """Storage for T control steps of N people of one role."""

    def __init__(self, steps: int, n: int, observations: int, actions: int) -> None:
        self.observation = torch.zeros(steps, n, observations)
        self.action = torch.zeros(steps, n, actions)
        self.mean = torch.zeros(steps, n, actions)
        shape = (steps, n)
        self.log_prob, self.value, self.next_value = (torch.zeros(shape) for _ in range(3))
        self.reward, self.terminated, self.done = (torch.zeros(shape) for _ in range(3))

    def close(self, last_value: Tensor) -> None:
        """Fill in the values of what came next where no episode ended; those of cut episodes are set already."""
        following = torch.cat([self.value[1:], last_value[None]])
        self.next_value = torch.where(self.done > 0, self.next_value, following)

    def flat(self, name: str) -> Tensor:
        """Return all steps of all people in one axis."""
        return getattr(self, name).flatten(0, 1)
