"""Data parallel training under torchrun: every process has its own pairs, gradients and statistics are shared."""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor


def start() -> None:
    """Join the processes torchrun started, if it did, by gloo: networks of this size learn on the CPU."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        dist.init_process_group("gloo")


def stop() -> None:
    """Leave them again."""
    if dist.is_initialized():
        dist.destroy_process_group()


def rank() -> int:
    """Return number of this process."""
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    """Return how many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def all_reduce_sum(tensors: Iterable[Tensor]) -> None:
    """Replace tensors by their sums over all processes."""
    if dist.is_initialized():
        for tensor in tensors:
            dist.all_reduce(tensor)


def average(tensors: Iterable[Tensor]) -> None:
    """Replace tensors by their means over all processes, in one message."""
    if not dist.is_initialized():
        return
    tensors = list(tensors)
    flat = torch.cat([t.reshape(-1) for t in tensors])
    dist.all_reduce(flat)
    flat /= size()
    at = 0
    for tensor in tensors:
        tensor.copy_(flat[at : at + tensor.numel()].view_as(tensor))
        at += tensor.numel()


def broadcast(tensors: Iterable[Tensor]) -> None:
    """Give every process the first one's tensors."""
    if dist.is_initialized():
        for tensor in tensors:
            dist.broadcast(tensor, 0)


def broadcast_decision(yes: bool) -> bool:
    """Return whether the first process says yes: what clocks decide has to be decided by one clock."""
    answer = torch.tensor([float(yes)])
    broadcast([answer])
    return bool(answer[0])


def barrier() -> None:
    """Until all processes are here."""
    if dist.is_initialized():
        dist.barrier()
