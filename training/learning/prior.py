"""Initialisation of a specialist from a bundle's or run's policy, widened to the specialist's observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from controller_server.clip.interaction import ROLES
from controller_server.control.policy.bundle import CARD, read_bundle, read_card
from controller_server.control.policy.bundle_card import PERSON
from controller_server.control.policy.network import NetworkSpec, Parameters
from controller_server.core.bundled import shipped
from controller_server.core.errors import TrainingError
from controller_server.terms import TermConfig, observation
from training.env.prefix import under
from training.settings.config import config_from_dict

from .checkpoint import CHECKPOINT, read_checkpoint
from .networks import Network, widen

_NOT_ALONE = "prior: {} holds the two of a pair, and nobody for people by themselves"
_TRUST = 1e5  # samples a bundle's input statistics count for; a run knows how many its own stand for


def start_networks(
    source: str,
    spec: NetworkSpec,
    seed: int,
    roles: Sequence[str] = ROLES,
    *,
    observed: Mapping[str, TermConfig] | None = None,
) -> dict[str, Network]:
    """Actors that do what a prior does, whatever they see of another person.

    Args:
        source: Folder of a bundle or of a run.
        spec: Specification of the actors.
        seed: For weights the prior does not have.
        roles: Names of the actors.
        observed: Terms and parameters of the actors' input blocks; the blocks' names with their defaults if left out.

    Returns:
        Actors by role; of a run that sees the same, also its critics, by role with "critic" before it.

    Raises:
        AssistMimicError: there is no policy in that folder, or it does not fit.
    """
    actors, folder = {}, shipped(Path(source))
    _check_blocks(folder, spec, observed or {})
    for k, role in enumerate(roles):
        prior, parameters, counts = _policy(folder, role)
        actor = Network(spec, widen(prior, parameters, spec, np.random.default_rng(seed + k)))
        for block, (name, _) in enumerate(spec.inputs):
            actor.counts[block] = counts.get(name, 0.0)
        actors[role] = actor
        critic = _critic(folder, role, spec)
        if critic is not None:
            actors[f"critic {role}"] = critic
    return actors


def _check_blocks(folder: Path, spec: NetworkSpec, observed: Mapping[str, TermConfig]) -> None:
    """Make sure that blocks of one name are one term with the same parameters. Raises AssistMimicError."""
    if (folder / CARD).exists():
        card = read_card(folder)
        blocks = [name for network in card.networks.values() for name, _ in network.inputs]
        theirs = {name: card.observation.get(name, TermConfig()) for name in blocks}
    elif (folder / CHECKPOINT).exists():
        theirs = config_from_dict(read_checkpoint(folder / CHECKPOINT)[1]["config"], str(folder)).observation
    else:
        return
    for name in (name for name, _ in spec.inputs if name in theirs):
        own, other = (observation.bind({name: given.get(name, TermConfig())})[0] for given in (observed, theirs))
        if (own.term, own.params) != (other.term, other.params):
            raise TrainingError(
                f"prior: block {name} is {other.term.name} with {dict(other.params)} there, "
                f"{own.term.name} with {dict(own.params)} here; give it another name"
            )


def _critic(folder: Path, role: str, spec: NetworkSpec) -> Network | None:
    """Return what a run's critic of a role knows, if it judges the same observations."""
    if (folder / CARD).exists() or not (folder / CHECKPOINT).exists():
        return None
    sections, facts = read_checkpoint(folder / CHECKPOINT)
    config = config_from_dict(facts["config"], str(folder))
    if role not in sections or tuple(config.observation) != tuple(name for name, _ in spec.inputs):
        return None
    arrays = under(sections[role], "critic.")
    counts = arrays.pop("counts")
    critic = Network(NetworkSpec(spec.inputs, 1, config.critic_hidden), arrays)
    critic.counts.copy_(torch.from_numpy(counts))
    return critic


def _policy(folder: Path, role: str) -> tuple[NetworkSpec, Parameters, dict[str, float]]:
    """Network and parameters that a bundle or a run has for a role, and what the statistics of each block stand for."""
    if (folder / CARD).exists():
        bundle = read_bundle(folder)
        name = bundle.card.network(role)
        if name not in bundle.card.networks:
            raise TrainingError(_NOT_ALONE.format(folder))
        spec = bundle.card.networks[name]
        return spec, bundle.parameters[name], {block: _TRUST for block, _ in spec.inputs}
    if (folder / CHECKPOINT).exists():
        sections, facts = read_checkpoint(folder / CHECKPOINT)
        config = config_from_dict(facts["config"], str(folder))
        name = PERSON if PERSON in sections else role
        if name not in sections:
            raise TrainingError(_NOT_ALONE.format(folder))
        arrays = sections[name]
        parameters = under(arrays, "actor.")
        counts = parameters.pop("counts")
        inputs = tuple((name, len(parameters[f"normaliser.{name}.mean"])) for name in config.observation)
        outputs = len(parameters[f"layer{len(config.hidden)}.bias"])
        known = dict(zip(config.observation, counts.tolist(), strict=True))
        return NetworkSpec(inputs, outputs, config.hidden), parameters, known
    raise TrainingError(f"prior: {folder} holds neither a bundle nor a run")
