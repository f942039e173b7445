"""`assistmimic info` on a policy bundle: what it is for and how good it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from controller_server.control.policy.bundle import read_bundle
from controller_server.control.policy.bundle_card import BundleCard
from controller_server.core.validation import plain_values

_SHOWN = {"clip", "dynamics", "success_rate", "trials", "mpjpe_mm", "recipient_alone_success_rate"}


def bundle_lines(folder: Path) -> Iterable[str]:
    """Yield a bundle in a few lines, once everything about it was checked. Raises AssistMimicError."""
    bundle = read_bundle(folder)
    card = bundle.card
    weights = sum(array.size for arrays in bundle.parameters.values() for array in arrays.values())
    yield f"policy {card.name}: {card.kind}, {weights:,} weights, licence {card.licence}"
    for name, spec in card.networks.items():
        sizes = " -> ".join(str(size) for size in (spec.n_inputs, *spec.hidden, spec.outputs))
        yield f"{name}: {sizes}, sees {', '.join(term for term, _ in spec.inputs)}"
    yield f"bodies: {', '.join(_bodies(card))}"
    for what, sources in (("clips", card.clips), ("data", card.data)):
        if sources:
            yield f"{what}: {', '.join(source.name for source in sources)}"
    if card.imports:
        yield f"needs --import of {', '.join(f'{file.name} (sha256 {file.sha256[:12]})' for file in card.imports)}"
    for name in ("command", "pair_steps", "minutes", "revision"):
        if name in card.training:
            yield f"{name.replace('_', ' ')}: {card.training[name]}"
    yield from _scores(card.scores)
    if card.acknowledgements:
        yield card.acknowledgements


def bundle_object(folder: Path) -> dict[str, Any]:
    """Return what programs are told of a bundle: its card, once everything was checked. Raises AssistMimicError."""
    return plain_values(asdict(read_bundle(folder).card))


def _bodies(card: BundleCard) -> Iterable[str]:
    body = card.body
    for role, strength in (("supporter", body.supporter), ("recipient", body.recipient)):
        yield f"{role} {strength.label}"
    yield f"{body.hands.value} hands, grip {body.grip_force:g} N, friction {body.friction:g}"


def _scores(scores: Mapping[str, Any]) -> Iterable[str]:
    """Yield one line a row, as far as the card holds what `assistmimic evaluate --save` writes."""
    for row in scores.get("rows", ()):
        if not set(row) >= _SHOWN:
            continue
        yield (
            f"{row['clip']}, {row['dynamics']}: {_rates(row)} of {row['trials']}, "
            f"MPJPE {row['mpjpe_mm']:.0f} mm, recipient alone {row['recipient_alone_success_rate']:.0%}"
        )


def _rates(row: Mapping[str, Any]) -> str:
    """Usable trials and those that followed the clip, which cards from before `metrics.verdict` call success."""
    followed = row.get("success_tracking_rate", row["success_rate"])
    usable = row["success_rate"] if "success_tracking_rate" in row else None
    told = f"followed {followed:.0%}"
    return told if usable is None else f"success {usable:.0%}, {told}"
