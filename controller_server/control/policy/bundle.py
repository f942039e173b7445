"""Policy bundles: a folder with `weights.safetensors` and `bundle.yaml`, which says what the weights are for.

Loading checks all of it and never runs anything that is in it. One bundle holds both roles' networks, or, for a prior,
one network that either role can use.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from controller_server.core.errors import BundleError
from controller_server.core.validation import Where, convert, plain_values
from controller_server.core.whole_file import replace_file
from controller_server.core.yaml_file import parse_yaml

from .bundle_card import BundleCard
from .network import check_parameters

WEIGHTS, CARD = "weights.safetensors", "bundle.yaml"
MAX_BYTES, MAX_CARD_BYTES = 256 * 2**20, 4 * 2**20
"""Larger files are refused: no policy of this kind comes near."""


@dataclass(frozen=True)
class PolicyBundle:
    """A card with its weights.

    Attributes:
        card: What they are for.
        parameters: By network, then as `NetworkSpec.shapes` names them; float32.
        sha256: Of the file the weights were read from; empty for those of no file.
    """

    card: BundleCard
    parameters: Mapping[str, Mapping[str, np.ndarray]]
    sha256: str = ""

    def __post_init__(self) -> None:
        if set(self.parameters) != set(self.card.networks):
            raise BundleError(
                f"weights are of {', '.join(sorted(self.parameters))}, "
                f"the card names {', '.join(sorted(self.card.networks))}"
            )
        for name, spec in self.card.networks.items():
            check_parameters(spec, self.parameters[name], name)


def write_bundle(folder: Path, bundle: PolicyBundle, *, half: bool = False) -> None:
    """Write a bundle; what was in its place stays whole until the new one is.

    Args:
        folder: Created if it is not there.
        bundle: What to write.
        half: Keep the weights of layers in float16: half the size, actions change by about 1e-3. Normalisers stay.

    Raises:
        BundleError: it cannot be written.
    """
    tensors = {
        f"{network}.{name}": _stored(name, array, half)
        for network, arrays in bundle.parameters.items()
        for name, array in arrays.items()
    }
    weights = save_tensors(tensors, metadata=_meaning(bundle.card))
    card = _card_text(bundle.card, hashlib.sha256(weights).hexdigest())
    _write(folder, {WEIGHTS: weights, CARD: card})


def write_scores(folder: Path, scores: Mapping[str, Any]) -> None:
    """Put what was measured into the card of a bundle, in the place of former scores. Raises BundleError."""
    card, sha256 = read_card_with_hash(folder)
    _write(folder, {CARD: _card_text(replace(card, scores=scores), sha256)})


def read_card(folder: Path) -> BundleCard:
    """Return what a bundle is for. Raises BundleError naming file and entry."""
    return read_card_with_hash(folder)[0]


def read_bundle(folder: Path) -> PolicyBundle:
    """Return a bundle with its weights, everything checked. Raises BundleError naming file and entry."""
    return read_weights(folder, *read_card_with_hash(folder))


def read_weights(folder: Path, card: BundleCard, sha256: str) -> PolicyBundle:
    """Return the bundle of a card that was read before, with the hash that it names. Raises as `read_bundle`."""
    data = _read(folder / WEIGHTS, MAX_BYTES)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BundleError(f"{folder / WEIGHTS}: weights_sha256 in {CARD} is that of other weights")
    try:
        tensors = load_tensors(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{folder / WEIGHTS}: not a readable safetensors file ({error})") from None
    said, meaning = _metadata(data), _meaning(card)
    for entry in ("networks", "action", "retarget", "observation"):
        if not _same(said.get(entry), meaning.get(entry)):
            raise BundleError(f"{folder / CARD}: {entry} is not what the weights were made for")
    parameters: dict[str, dict[str, np.ndarray]] = {name: {} for name in card.networks}
    for name, array in tensors.items():
        network, _, parameter = name.partition(".")
        if network not in parameters or array.dtype.kind != "f":
            raise BundleError(f"{folder / WEIGHTS}: {name} is not a weight of {', '.join(parameters)}")
        parameters[network][parameter] = array.astype(np.float32)
    try:
        return PolicyBundle(card, parameters, sha256)
    except BundleError as error:
        raise BundleError(f"{folder / WEIGHTS}: {error}") from None


def _meaning(card: BundleCard) -> dict[str, str]:
    """Return what of the card the weights mean nothing without; it is written beside them too."""
    values = card.to_dict()
    entries = [name for name in ("networks", "action", "retarget", "observation") if name in values]
    return {entry: json.dumps(plain_values(values[entry]), sort_keys=True) for entry in entries}


def _same(said: str | None, meant: str | None) -> bool:
    """Return whether two JSON texts, or two that are not there, mean the same; 1 and 1.0 do."""
    if said is None or meant is None:
        return said is meant
    try:
        return json.loads(said) == json.loads(meant)
    except (ValueError, RecursionError):
        return False


def _metadata(weights: bytes) -> dict[str, str]:
    """Return the free entries in the header of a safetensors file that was read before without complaint."""
    length = int.from_bytes(weights[:8], "little")
    return json.loads(weights[8 : 8 + length]).get("__metadata__") or {}


def read_card_with_hash(folder: Path) -> tuple[BundleCard, str]:
    """Return what a bundle is for, and the SHA-256 of its weights. Raises BundleError naming file and entry."""
    path = folder / CARD
    data = _read(path, MAX_CARD_BYTES)
    values = parse_yaml(data, str(path))
    if not isinstance(values, Mapping):
        raise BundleError(f"{path}: expected names and values")
    values = dict(values)
    sha256 = values.pop("weights_sha256", None)
    try:
        where = Where(path="weights_sha256", error=BundleError, strict=True)
        return BundleCard.from_dict(values), convert(str, sha256, where)
    except (BundleError, OverflowError) as error:
        raise BundleError(f"{path}: {error}") from None


def _read(path: Path, most: int) -> bytes:
    try:
        if path.stat().st_size > most:
            raise BundleError(f"{path}: is larger than {most // 2**20} MB, which that of no policy is")
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror or error})") from None


def _card_text(card: BundleCard, sha256: str) -> bytes:
    values = plain_values(card.to_dict() | {"weights_sha256": sha256})
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110).encode()


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            replace_file(folder / name, data)
    except OSError as error:
        raise BundleError(f"{folder}: cannot write the bundle ({error.strerror or error})") from None


def _stored(name: str, array: np.ndarray, half: bool) -> np.ndarray:
    kind = np.float16 if half and name.startswith("layer") else np.float32
    return np.ascontiguousarray(array, dtype=kind)
