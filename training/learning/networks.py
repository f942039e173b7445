"""Actor and critic as torch parameters under the names of `control.policy.network`, which has their forward pass."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from controller_server.control.policy.network import NetworkSpec, Parameters, forward, initial_parameters
from controller_server.core.errors import TrainingError

from . import parallel

_OLDEST = 1e6  # samples after which the normaliser forgets as fast as it learns


class Network:
    """One multilayer perceptron with its normaliser.

    Args:
        spec: What it looks like.
        parameters: Start values by name.
    """

    def __init__(self, spec: NetworkSpec, parameters: Parameters) -> None:
        self.spec = spec
        # In the order of the specification, wherever they come from: what Adam remembers goes by position.
        self.parameters = {
            name: torch.tensor(np.asarray(parameters[name]), dtype=torch.float32).requires_grad_(
                name.startswith("layer")
            )
            for name in spec.shapes()
        }
        # Samples each block's statistics stand for: a prior's blocks come with theirs, new ones begin at none.
        self.counts = torch.zeros(len(spec.inputs), dtype=torch.float64)

    @staticmethod
    def fresh(spec: NetworkSpec, seed: int, *, last: float = 0.01) -> Network:
        """With random weights."""
        return Network(spec, initial_parameters(spec, np.random.default_rng(seed), last=last))

    @property
    def trainable(self) -> list[Tensor]:
        """The weights and biases."""
        return [p for p in self.parameters.values() if p.requires_grad]

    def __call__(self, x: Tensor) -> Tensor:
        """Output, shape (..., outputs)."""
        return forward(self.spec, self.parameters, x)

    @torch.no_grad()
    def learn_statistics(self, x: Tensor) -> None:
        """Take inputs, shape (M, n_inputs), into the running mean and variance of each block."""
        sums = torch.stack([x.sum(dim=0), (x * x).sum(dim=0)]).double()
        n = torch.tensor([float(len(x))], dtype=torch.float64)
        parallel.all_reduce_sum([sums, n])
        mean = sums[0] / n
        var = (sums[1] / n - mean * mean).clamp_min(0)
        at = 0
        for k, (block, size) in enumerate(self.spec.inputs):
            part = slice(at, at + size)
            at += size
            old_mean, old_var = (self.parameters[f"normaliser.{block}.{what}"] for what in ("mean", "var"))
            total = self.counts[k] + n
            share = n / total
            shift = mean[part] - old_mean
            new_var = (1 - share) * old_var + share * var[part] + share * (1 - share) * shift * shift
            old_mean.copy_(old_mean + share * shift)
            old_var.copy_(new_var)
            self.counts[k] = torch.clamp(total, max=_OLDEST)[0]

    def arrays(self) -> dict[str, np.ndarray]:
        """Parameters as numpy, for bundles and checkpoints."""
        return {name: p.detach().numpy().copy() for name, p in self.parameters.items()}

    def state_dict(self) -> dict[str, Tensor]:
        """Parameters and what the statistics stand for."""
        return {name: p.detach() for name, p in self.parameters.items()} | {"counts": self.counts}

    @torch.no_grad()
    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Load what `state_dict` returned."""
        self.counts.copy_(tensors["counts"])
        for name, parameter in self.parameters.items():
            parameter.copy_(tensors[name])


def widen(
    prior: NetworkSpec, parameters: Parameters, spec: NetworkSpec, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return the parameters of a prior in a network with more input blocks: [W_prior | 0].

    With any new input the widened network gives the prior's output. New blocks have mean zero and variance one.

    Args:
        prior: Of the given parameters.
        parameters: May be empty: then all parameters are fresh.
        spec: The wider network: the same layers, the prior's blocks among its own, in any order.
        rng: For what is fresh.

    Raises:
        AssistMimicError: the prior has other layers, or a block the wider network lacks.
    """
    fresh = initial_parameters(spec, rng)
    if not parameters:
        return fresh
    blocks = dict(spec.inputs)
    missing = [name for name, size in prior.inputs if blocks.get(name) != size]
    if missing or (prior.hidden, prior.outputs, prior.activation) != (spec.hidden, spec.outputs, spec.activation):
        what = f"block {missing[0]}" if missing else f"layers {prior.hidden} to {prior.outputs}"
        raise TrainingError(f"prior: its {what} do not fit observation and hidden sizes of this run")
    columns, at = {}, 0
    for name, size in prior.inputs:
        columns[name] = np.asarray(parameters["layer0.weight"])[:, at : at + size]
        at += size
    zero = {name: np.zeros((prior.hidden[0] if prior.hidden else prior.outputs, size)) for name, size in spec.inputs}
    first = np.concatenate([columns.get(name, zero[name]) for name, _ in spec.inputs], axis=1)
    taken = {name: np.asarray(array) for name, array in parameters.items() if name in fresh}
    return {**fresh, **taken, "layer0.weight": first.astype(np.float32)}
