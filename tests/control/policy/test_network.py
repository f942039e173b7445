"""Networks: the forward pass by hand and in torch, normalisation, complaints that name the parameter."""

from __future__ import annotations

import numpy as np
import pytest

from controller_server.control.policy.network import (
    CLIP,
    EPSILON,
    NetworkSpec,
    check_parameters,
    forward,
    initial_parameters,
    normalise,
    normaliser,
)
from controller_server.core.errors import AssistMimicError

SPEC = NetworkSpec((("near", 2), ("far", 3)), outputs=2, hidden=(4,))


def random_parameters(spec: NetworkSpec, seed: int = 0) -> dict[str, np.ndarray]:
    """Parameters that leave nothing at its neutral value."""
    rng = np.random.default_rng(seed)
    return {
        name: (rng.uniform(0.2, 3, shape) if name.endswith(".var") else rng.normal(0, 0.7, shape)).astype(np.float32)
        for name, shape in spec.shapes().items()
    }


def test_forward_by_hand():
    """Give what the formula gives: normalised per block, one SiLU layer, one affine layer."""
    p = random_parameters(SPEC)
    x = np.array([0.5, -1.0, 2.0, 0.1, -0.3], np.float32)
    z = np.empty(5)
    for block, rows in (("near", slice(0, 2)), ("far", slice(2, 5))):
        z[rows] = (x[rows] - p[f"normaliser.{block}.mean"]) / np.sqrt(p[f"normaliser.{block}.var"] + EPSILON)
    h = p["layer0.weight"] @ z + p["layer0.bias"]
    expected = p["layer1.weight"] @ (h / (1 + np.exp(-h))) + p["layer1.bias"]
    np.testing.assert_allclose(forward(SPEC, p, x), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(forward(SPEC, p, np.tile(x, (3, 2, 1)))[2, 1], expected, rtol=1e-5, atol=1e-6)


def test_inputs_are_clipped():
    """Clip inputs farther than five standard deviations from their mean, on either side."""
    p = random_parameters(SPEC)
    z = normalise(np.array([1e6, -1e6, 0, 0, 0], np.float32), normaliser(SPEC, p))
    assert (z[0], z[1]) == (CLIP, -CLIP)
    assert np.abs(z[2:]).max() < CLIP


@pytest.mark.parametrize("activation", ["silu", "tanh", "relu"])
def test_torch_agrees(activation: str):
    """Give the same outputs on torch as on numpy to 1e-5, and gradients to every weight."""
    torch = pytest.importorskip("torch")
    spec = NetworkSpec((("a", 40), ("b", 200)), outputs=63, activation=activation)
    p = random_parameters(spec)
    p |= {name: 0.1 * p[name] for name in p if name.endswith(".weight")}
    x = np.random.default_rng(1).normal(0, 2, (64, 240)).astype(np.float32)
    tensors = {name: torch.tensor(array, requires_grad=name.startswith("layer")) for name, array in p.items()}
    out = forward(spec, tensors, torch.tensor(x))
    np.testing.assert_allclose(out.detach().numpy(), forward(spec, p, x), atol=1e-5)
    out.square().mean().backward()
    assert all(bool(tensors[name].grad.abs().sum() > 0) for name in p if name.startswith("layer"))


def test_large_inputs_do_not_overflow():
    """Stay finite, without a warning, where exp(-x) would overflow."""
    p = {name: np.full(shape, 100.0, np.float32) for name, shape in SPEC.shapes().items()}
    with np.errstate(all="raise"):
        assert np.isfinite(forward(SPEC, p, np.full(5, -1e4, np.float32))).all()


def test_fresh_networks_act_near_zero():
    """Start with actions near zero and hidden values of ordinary size."""
    spec = NetworkSpec((("a", 300),), outputs=63)
    p = initial_parameters(spec, np.random.default_rng(0))
    check_parameters(spec, p)
    x = np.random.default_rng(1).standard_normal((100, 300)).astype(np.float32)
    assert 0 < np.abs(forward(spec, p, x)).max() < 0.05
    assert 0.5 < (x @ p["layer0.weight"].T).std() < 2


def test_specs_come_back():
    """Survive being written as plain values."""
    assert NetworkSpec.from_dict(SPEC.to_dict()) == SPEC


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"layer0.bias": None}, r"actor: parameter layer0\.bias is missing"),
        ({"layer7.bias": np.zeros(2)}, r"actor: parameter layer7\.bias belongs to no layer"),
        ({"layer0.weight": np.zeros((4, 6))}, r"actor: layer0\.weight has shape \(4, 6\), expected \(4, 5\)"),
        ({"layer1.bias": np.array([0, np.nan])}, r"actor: layer1\.bias holds numbers that are not finite"),
        ({"normaliser.far.var": np.array([1, -1, 1])}, r"actor: normaliser\.far\.var holds a negative variance"),
    ],
)
def test_wrong_parameters_are_named(change: dict, complaint: str):
    """Name the parameter that is missing, too many, misshapen, not finite or impossible."""
    p = {k: v for k, v in (random_parameters(SPEC) | change).items() if v is not None}
    with pytest.raises(AssistMimicError, match=complaint):
        check_parameters(SPEC, p, "actor")


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"hidden": [4, 0]}, r"network: hidden\[1\]: 0 is not 1 or more"),
        ({"activation": "exec"}, "activation: 'exec' is none of silu, tanh, relu"),
        ({"inputs": [["a", 1], ["a", 2]]}, "different names, got a, a"),
        ({"inputs": 3}, "inputs: expected a list, got 3"),
        ({"outputs": 2.5}, "outputs: expected a whole number, got 2.5"),
        ({"depth": 3}, "network: no entry 'depth'; there are inputs, outputs, hidden, activation"),
    ],
)
def test_impossible_specs_are_refused(values: dict, complaint: str):
    """Say what is wrong with a description."""
    with pytest.raises(AssistMimicError, match=complaint):
        NetworkSpec.from_dict(SPEC.to_dict() | values)
