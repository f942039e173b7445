"""Folders of policy bundles, and the bundle that fits a clip and its bodies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from controller_server.body.pair import PairBody
from controller_server.core.bundled import POLICIES, shipped
from controller_server.core.errors import AssistMimicError, BundleError

from .bundle import CARD, read_card_with_hash
from .bundle_card import BundleCard

FOLDERS_VARIABLE = "ASSISTMIMIC_POLICIES"
"""Environment variable: further folders with bundles, separated as in PATH; they come before the bundled ones."""


@dataclass(frozen=True)
class Found:
    """A bundle that could be loaded.

    Attributes:
        folder: Where it is.
        card: What it says about itself.
        sha256: Of the weights it is for.
    """

    folder: Path
    card: BundleCard
    sha256: str


def bundle_folders() -> list[Path]:
    """Folders whose subfolders are looked through for bundles, in order."""
    given = os.environ.get(FOLDERS_VARIABLE, "")
    return [*(Path(folder) for folder in given.split(os.pathsep) if folder), POLICIES]


def list_bundles(folders: Sequence[Path] | None = None) -> tuple[list[Found], list[str]]:
    """Return every bundle there is, and what is wrong with those that cannot be read. Of a name the first counts."""
    found: dict[str, Found] = {}
    problems: list[str] = []
    for folder in bundle_folders() if folders is None else folders:
        for path in sorted(folder.glob(f"*/{CARD}")):
            bundle = _try_card(path.parent)
            if isinstance(bundle, str):
                problems.append(bundle)
            else:
                found.setdefault(bundle.card.name, bundle)
    return list(found.values()), problems


def _try_card(folder: Path) -> Found | str:
    try:
        return Found(folder, *read_card_with_hash(folder))
    except AssistMimicError as error:
        return str(error)


def find_bundle(text: str, folders: Sequence[Path] | None = None) -> Found:
    """Return a bundle by its name, or by its folder where the text is a path to one.

    Raises:
        AssistMimicError: there is none, or it cannot be read.
    """
    path = shipped(Path(text))
    if path.name == CARD:
        path = path.parent
    if os.sep in text or "/" in text or (path / CARD).is_file():
        return Found(path, *read_card_with_hash(path))
    bundles, problems = list_bundles(folders)
    for bundle in bundles:
        if bundle.card.name == text:
            return bundle
    there = ", ".join(bundle.card.name for bundle in bundles) or "none"
    hint = f"; {problems[0]}" if problems else ""
    raise BundleError(f"policy {text!r}: no such bundle; there are {there}{hint}")


def fitting(bundles: Sequence[Found], pair: PairBody, sha256: str | None, *, kinds: Sequence[str] = ()) -> list[Found]:
    """Return the bundles that can steer a pair through a clip, the most special first.

    A specialist fits the clips it was trained on; among those, the one whose training had most in common with the
    pair comes first. Then come generalists, then priors.

    Args:
        bundles: To choose from.
        pair: The bodies.
        sha256: `clip_sha256` of the clip as it was read.
        kinds: Only these kinds; all by default.
    """
    able = [
        bundle
        for bundle in bundles
        if not bundle.card.body.obstacles(pair)
        and (bundle.card.kind != "specialist" or bundle.card.knows(sha256))
        and (not kinds or bundle.card.kind in kinds)
    ]

    def rank(bundle: Found) -> tuple[int, int]:
        return ("specialist", "generalist", "prior").index(bundle.card.kind), len(bundle.card.body.differences(pair))

    return sorted(able, key=rank)
