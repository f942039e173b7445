"""A prior's weights in a wider network: [W_prior | 0]."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.policy_cases import untrained
from helpers.standing import standing_pair

from controller_server.body.pair import PairBody
from controller_server.control.policy.bundle import read_bundle, write_bundle
from controller_server.control.policy.network import NetworkSpec, forward, initial_parameters
from controller_server.core.errors import AssistMimicError
from controller_server.terms import TermConfig
from training.learning.networks import widen
from training.learning.prior import start_networks

PRIOR = NetworkSpec((("self", 7), ("goal", 5)), 4, (16, 8))
WIDE = NetworkSpec((("self", 7), ("partner", 6), ("goal", 5), ("forces", 3)), 4, (16, 8))


def prior(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A prior with statistics of its own."""
    parameters = initial_parameters(PRIOR, rng, last=1.0)
    for name in parameters:
        if name.startswith("normaliser") or name.endswith("bias"):
            parameters[name] = rng.uniform(0.1, 2, parameters[name].shape).astype(np.float32)
    return parameters


def test_a_widened_network_acts_as_the_prior_whatever_the_partner_does():
    """Actions stay within 1e-6 of the prior's for any interaction input, however large."""
    rng = np.random.default_rng(0)
    parameters = prior(rng)
    wide = widen(PRIOR, parameters, WIDE, rng)
    own = rng.normal(0, 2, (200, 12)).astype(np.float32)
    other = rng.normal(0, 100, (200, 9)).astype(np.float32)
    seen = np.concatenate([own[:, :7], other[:, :6], own[:, 7:], other[:, 6:]], axis=1)
    assert np.abs(forward(WIDE, wide, seen) - forward(PRIOR, parameters, own)).max() < 1e-6
    assert np.abs(forward(PRIOR, parameters, own)).max() > 0.1


def test_without_a_prior_the_network_is_fresh():
    """Empty prior parameters give exactly the plain initialisation."""
    fresh = initial_parameters(WIDE, np.random.default_rng(3))
    wide = widen(PRIOR, {}, WIDE, np.random.default_rng(3))
    assert set(fresh) == set(wide) and all(np.array_equal(fresh[name], wide[name]) for name in fresh)


def test_people_by_themselves_start_from_one_another(tmp_path):
    """A prior goes on from a prior's policy, not from nothing; from the two of a pair there is nobody to take."""
    clip = standing_pair(6)
    pair = PairBody.from_clip(clip)
    terms = ("height", "positions")
    write_bundle(tmp_path / "prior", untrained(clip, pair, kind="prior", terms=terms))
    write_bundle(tmp_path / "pair", untrained(clip, pair, terms=terms))
    bundle = read_bundle(tmp_path / "prior")
    spec = bundle.card.networks["person"]
    given = start_networks(str(tmp_path / "prior"), spec, 0, ("person",))
    assert list(given) == ["person"]
    for name, array in given["person"].arrays().items():
        np.testing.assert_allclose(array, bundle.parameters["person"][name], rtol=1e-6)
    other = {"positions": TermConfig("goal_ahead", params={"seconds": 0.1})}
    wider = NetworkSpec((*spec.inputs, ("near_goal", 66)), spec.outputs, spec.hidden)
    new = {"near_goal": TermConfig("goal_ahead", params={"seconds": 0.1})}
    assert start_networks(str(tmp_path / "prior"), wider, 0, ("person",), observed=new)["person"].spec == wider
    with pytest.raises(AssistMimicError, match="block positions is positions with .* goal_ahead with"):
        start_networks(str(tmp_path / "prior"), spec, 0, ("person",), observed=other)
    with pytest.raises(AssistMimicError, match="the two of a pair"):
        start_networks(str(tmp_path / "pair"), spec, 0, ("person",))


def test_a_prior_that_does_not_fit_is_refused():
    """Say which block or which layers do not fit."""
    rng = np.random.default_rng(0)
    with pytest.raises(AssistMimicError, match="block goal"):
        widen(PRIOR, prior(rng), NetworkSpec((("self", 7), ("goal", 6)), 4, (16, 8)), rng)
    with pytest.raises(AssistMimicError, match="layers"):
        widen(PRIOR, prior(rng), NetworkSpec(WIDE.inputs, 4, (16,)), rng)
