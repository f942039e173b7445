"""The networks of policies: named input blocks with their own normalisation, then a plain multilayer perceptron.

Parameters are a flat mapping of names to arrays, so that the same forward pass runs on numpy in the server and on torch
in training: "layer0.weight" (out, in), "layer0.bias" (out), ... and "normaliser.<block>.mean" and ".var" of each block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from array_api_compat import array_namespace

from controller_server.core.arrays import Array
from controller_server.core.constraints import OneOf, Range
from controller_server.core.errors import BundleError
from controller_server.core.validation import Where, build, check_fields

Parameters = Mapping[str, Array]

CLIP = 5.0
"""Normalised inputs beyond this many standard deviations are clipped."""
EPSILON = 1e-5
"""Added to the variance before its root is taken."""


def _silu(xp: Any, x: Array) -> Array:
    # x sigmoid(x) written with tanh, which cannot overflow.
    return 0.5 * x * (1.0 + xp.tanh(0.5 * x))


_ACTIVATIONS = {
    "silu": _silu,
    "tanh": lambda xp, x: xp.tanh(x),
    "relu": lambda xp, x: xp.clip(x, 0.0, None),
}


Size = Annotated[int, Range(1)]


@dataclass(frozen=True)
class NetworkSpec:
    """The shape of a network.

    Attributes:
        inputs: Name and size of each input block, in the order in which they stand in the input vector.
        outputs: Size of the output.
        hidden: Sizes of the hidden layers.
        activation: Activation of the hidden layers: silu, tanh or relu.
    """

    inputs: tuple[tuple[str, Size], ...]
    outputs: Size
    hidden: tuple[Size, ...] = (512, 256)
    activation: Annotated[str, OneOf(tuple(_ACTIVATIONS))] = "silu"

    def __post_init__(self) -> None:
        check_fields(self, BundleError)
        names = [name for name, _ in self.inputs]
        if not names or len(set(names)) != len(names):
            raise BundleError(f"inputs: input blocks need different names, got {', '.join(names) or 'none'}")

    @property
    def n_inputs(self) -> int:
        """Length of the input vector."""
        return sum(size for _, size in self.inputs)

    @property
    def n_layers(self) -> int:
        """Number of affine layers."""
        return len(self.hidden) + 1

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter."""
        sizes = (self.n_inputs, *self.hidden, self.outputs)
        shapes: dict[str, tuple[int, ...]] = {}
        for name, size in self.inputs:
            shapes[f"normaliser.{name}.mean"] = shapes[f"normaliser.{name}.var"] = (size,)
        for layer in range(self.n_layers):
            shapes[f"layer{layer}.weight"] = (sizes[layer + 1], sizes[layer])
            shapes[f"layer{layer}.bias"] = (sizes[layer + 1],)
        return shapes

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for YAML."""
        return {
            "inputs": [[name, size] for name, size in self.inputs],
            "hidden": list(self.hidden),
            "outputs": self.outputs,
            "activation": self.activation,
        }

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> NetworkSpec:
        """Return the inverse of `to_dict`. Raises BundleError naming the entry."""
        return build(NetworkSpec, values, Where("network", error=BundleError, complete=True, strict=True))


def initial_parameters(spec: NetworkSpec, rng: np.random.Generator, *, last: float = 0.01) -> dict[str, np.ndarray]:
    """Fresh parameters: weights uniform in +-sqrt(3 / inputs), biases zero, inputs taken as they are.

    Args:
        spec: The network.
        rng: Source of the numbers.
        last: Factor on the weights of the last layer: near zero, every action starts near zero.

    Returns:
        float32 arrays by name.
    """
    parameters: dict[str, np.ndarray] = {}
    for name, shape in spec.shapes().items():
        if name.endswith(".weight"):
            bound = np.sqrt(3.0 / shape[1]) * (last if name == f"layer{spec.n_layers - 1}.weight" else 1.0)
            parameters[name] = rng.uniform(-bound, bound, shape).astype(np.float32)
        else:
            parameters[name] = np.full(shape, 1.0 if name.endswith(".var") else 0.0, np.float32)
    return parameters


def check_parameters(spec: NetworkSpec, parameters: Parameters, name: str = "network") -> None:
    """Make sure that parameters are those of a network, which complaints call by its name.

    Raises:
        BundleError: naming the first parameter that is missing, too many, of another shape, or not finite.
    """
    shapes = spec.shapes()
    for entry in shapes:
        if entry not in parameters:
            raise BundleError(f"{name}: parameter {entry} is missing")
    for entry in parameters:
        if entry not in shapes:
            raise BundleError(f"{name}: parameter {entry} belongs to no layer and no input block")
    for entry in shapes:
        array = parameters[entry]
        if tuple(array.shape) != shapes[entry]:
            raise BundleError(f"{name}: {entry} has shape {tuple(array.shape)}, expected {shapes[entry]}")
        xp = array_namespace(array)
        if not bool(xp.all(xp.isfinite(array))):
            raise BundleError(f"{name}: {entry} holds numbers that are not finite")
        if entry.endswith(".var") and bool(xp.any(array < 0)):
            raise BundleError(f"{name}: {entry} holds a negative variance")


def normaliser(spec: NetworkSpec, parameters: Parameters) -> tuple[Array, Array]:
    """Return running mean and standard deviation of every input, shape (n_inputs,) each."""
    xp = array_namespace(parameters["layer0.weight"])
    mean, var = (
        xp.concat([parameters[f"normaliser.{name}.{what}"] for name, _ in spec.inputs], axis=0)
        for what in ("mean", "var")
    )
    return mean, xp.sqrt(var + EPSILON)


def normalise(x: Array, scale: tuple[Array, Array]) -> Array:
    """Return inputs in standard deviations from their running mean, clipped to +-CLIP. Shape (..., n_inputs)."""
    mean, deviation = scale
    xp = array_namespace(x)
    return xp.minimum(xp.maximum((x - mean) / deviation, -CLIP), CLIP)


def forward(spec: NetworkSpec, parameters: Parameters, x: Array, scale: tuple[Array, Array] | None = None) -> Array:
    """Output of the network.

    Args:
        spec: The network.
        parameters: See the module.
        x: Input blocks in order, shape (..., n_inputs); numpy or torch, as the parameters are, and of their dtype.
        scale: What `normaliser` gives, where it is known already.

    Returns:
        Shape (..., outputs).
    """
    xp = array_namespace(x)
    activation = _ACTIVATIONS[spec.activation]
    h = normalise(x, normaliser(spec, parameters) if scale is None else scale)
    for layer in range(spec.n_layers):
        h = h @ parameters[f"layer{layer}.weight"].T + parameters[f"layer{layer}.bias"]
        if layer < spec.n_layers - 1:
            h = activation(xp, h)
    return h
