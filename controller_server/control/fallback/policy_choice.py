"""Choice of the policy for a clip."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum

from controller_server.body.pair import PairBody
from controller_server.control.policy.bundle import PolicyBundle, read_weights
from controller_server.control.policy.bundle_store import Found, find_bundle, fitting, list_bundles
from controller_server.control.policy.policy import check_fit
from controller_server.core.errors import AssistMimicError, SettingsError
from controller_server.prepare.settings import PrepareSettings

from .settings import ControlSettings


@dataclass(frozen=True)
class Chosen:
    """The policy a clip gets.

    Attributes:
        bundle: Loaded, or None where none fits.
        exact: Whether it was trained on this clip with these bodies.
        differences: What is not as it was in training, in one sentence; empty if nothing.
        problems: Bundles that could not be used, and why.
    """

    bundle: PolicyBundle | None
    exact: bool = False
    differences: str = ""
    problems: tuple[str, ...] = ()


def choose_policy(pair: PairBody, settings: ControlSettings) -> Chosen:
    """Return the policy for a clip and its bodies.

    Raises:
        AssistMimicError: one was asked for, by name or as the controller, and there is none that fits.
    """
    if settings.controller in ("search", "assisted"):
        unused = f"policy {settings.policy}: controller {settings.controller} has no use for it"
        return Chosen(None, problems=(unused,) if settings.policy else ())
    if settings.policy:
        return _load(find_bundle(settings.policy), pair, settings)
    bundles, problems = list_bundles()
    for found in fitting(bundles, pair, settings.sha256):
        chosen = _try(found, pair, settings)
        if isinstance(chosen, Chosen):
            return chosen
        problems.append(chosen)
    if settings.controller != "auto":
        there = ", ".join(found.card.name for found in bundles) or "none"
        raise SettingsError(
            f"controller {settings.controller}: no policy was trained on this clip with these bodies (there are: "
            f"{there}); train one, choose one with --policy, or use controller search"
        )
    return Chosen(None, problems=tuple(problems))


def _try(found: Found, pair: PairBody, settings: ControlSettings) -> Chosen | str:
    try:
        return _load(found, pair, settings)
    except AssistMimicError as error:
        return str(error)


def _prepared_differently(trained: PrepareSettings, now: PrepareSettings) -> list[str]:
    """Return what of the preparing is not as it was in training, in words."""
    return [
        f"{field.name} is {_said(getattr(now, field.name))}, trained with {_said(getattr(trained, field.name))}"
        for field in fields(PrepareSettings)
        if getattr(now, field.name) != getattr(trained, field.name)
    ]


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value.value if isinstance(value, Enum) else value)


def _load(found: Found, pair: PairBody, settings: ControlSettings) -> Chosen:
    card = found.card
    check_fit(card, pair)
    bodies = card.body.differences(pair)
    differences = [*bodies, *_prepared_differently(card.prepare, settings.prepare)]
    said = f"policy {card.name}: {'; '.join(differences)}" if differences else ""
    return Chosen(read_weights(found.folder, card, found.sha256), card.knows(settings.sha256) and not bodies, said)
