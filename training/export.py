"""From a run's checkpoint to a policy bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from controller_server.body.strength import Strength
from controller_server.control.policy.bundle import PolicyBundle, write_bundle
from controller_server.control.policy.bundle_body import BodySettings
from controller_server.control.policy.bundle_card import BundleCard, Source
from controller_server.control.policy.network import NetworkSpec
from controller_server.core.yaml_file import read_yaml
from controller_server.terms import observation
from training.env.prefix import under
from training.learning.checkpoint import CHECKPOINT, read_checkpoint
from training.settings.config import TrainConfig, config_from_dict

from .provenance import RUN, of_run


def export(run: Path, folder: Path, *, name: str | None = None, scores: dict[str, Any] | None = None) -> PolicyBundle:
    """Write the bundle of a run as it stands.

    Args:
        run: Folder of the run.
        folder: Folder of the bundle.
        name: Name of the bundle; the run's by default.
        scores: What was measured with it.

    Raises:
        AssistMimicError: there is no run, or the bundle cannot be written.
    """
    sections, facts = read_checkpoint(run / CHECKPOINT)
    config = config_from_dict(facts["config"], str(run))
    card, provenance = read_yaml(run / RUN), of_run(run)
    networks, parameters, seen = {}, {}, observation.bind(config.observation)
    for role in config.roles:
        arrays = under(sections[role], "actor.")
        arrays.pop("counts")
        inputs = tuple((block, len(arrays[f"normaliser.{block}.mean"])) for block in config.observation)
        networks[role] = NetworkSpec(inputs, len(arrays[f"layer{len(config.hidden)}.bias"]), config.hidden)
        parameters[role] = arrays
    own = set(card["data"]) if config.kind == "specialist" else set()
    clips, data = (
        tuple(Source(name, sha256) for name, sha256 in provenance.data.items() if (name in own) == learned)
        for learned in (True, False)
    )
    bundle = PolicyBundle(
        BundleCard(
            name=name or config.name,
            kind=config.kind,
            networks=networks,
            retarget=config.retarget,
            action=config.action,
            body=_body(config),
            clips=clips,
            data=data,
            training={
                "command": card["command"],
                "revision": card["revision"],
                "seed": config.seed,
                "pair_steps": facts["pair_steps"],
                "minutes": round(facts["seconds"] / 60, 1),
                "config": facts["config"],
            },
            scores=scores or {},
            acknowledgements=provenance.acknowledgements,
            observation={name: replace(term, weight=1.0) for name, term in config.observation.items() if term.short()},
            imports=tuple(dict.fromkeys(term.term.file for term in seen if term.term.file is not None)),
        ),
        parameters,
    )
    write_bundle(folder, bundle, half=True)
    return bundle


def _body(config: TrainConfig) -> BodySettings:
    return BodySettings(
        supporter=Strength.parse(config.body.supporter),
        recipient=Strength.parse(config.body.recipient),
        grip_force=config.body.grip_force,
    )
