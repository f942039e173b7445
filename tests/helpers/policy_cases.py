"""Policy bundles for tests: real files with weights nobody trained, whose behaviour is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import ROLES, InteractionClip
from controller_server.control.policy.action import ActionSpec
from controller_server.control.policy.bundle import PolicyBundle
from controller_server.control.policy.bundle_body import BodySettings
from controller_server.control.policy.bundle_card import PERSON, BundleCard, Source
from controller_server.control.policy.network import NetworkSpec, initial_parameters
from controller_server.control.policy.observation import term_sizes
from controller_server.pipeline.result import clip_sha256
from controller_server.terms import observation

BUILT_IN = {name: term for name, term in observation.all().items() if term.file is None}
"""The observation terms that come with this project."""
PRIOR = tuple(name for name, term in BUILT_IN.items() if term.group == "prior")
"""What one person alone sees."""


def untrained(
    clip: InteractionClip,
    pair: PairBody,
    *,
    last: float = 0.0,
    terms: Sequence[str] = (),
    action: ActionSpec | None = None,
    **card: Any,
) -> PolicyBundle:
    """A bundle of small random networks that says it was trained on a clip.

    Args:
        clip: As it was read.
        pair: The bodies.
        last: Factor on the last layer's weights: 0 makes every action zero.
        terms: What the networks see; every term there is by default.
        action: What actions mean.
        card: Further entries of the card; `kind="prior"` gives one network for both roles.
    """
    spec = NetworkSpec(term_sizes(pair, terms or tuple(BUILT_IN)), 3 * (len(pair.joints) - 1), hidden=(32, 16))
    names = (PERSON,) if card.get("kind") == "prior" else ROLES
    rng = np.random.default_rng(1)
    values = {
        "name": "untrained",
        "kind": "specialist",
        "networks": dict.fromkeys(names, spec),
        "action": action or ActionSpec(),
        "body": BodySettings.of(pair),
        "clips": (Source("clip", clip_sha256(clip)),),
        **card,
    }
    parameters = {name: initial_parameters(spec, rng, last=last) for name in names}
    return PolicyBundle(BundleCard(**values), parameters)


def renamed(bundle: PolicyBundle, name: str) -> PolicyBundle:
    """The same bundle under another name."""
    return PolicyBundle(replace(bundle.card, name=name), bundle.parameters)
