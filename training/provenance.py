"""Provenance of a policy: the policies it started from, the data behind them, and acknowledgements."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controller_server.control.policy.bundle import CARD, read_card
from controller_server.core.bundled import shipped
from controller_server.core.yaml_file import read_yaml
from controller_server.evaluation.data_sets import acknowledgements
from training.settings.config import TrainConfig

RUN = "run.yaml"


@dataclass(frozen=True)
class Lineage:
    """Provenance of a policy.

    Attributes:
        data: Fingerprints of clips and motions, by name.
        acknowledgements: Whom to thank and what to cite; empty if nobody.
    """

    data: dict[str, str] = field(default_factory=dict)
    acknowledgements: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for YAML."""
        return {"data": dict(self.data), "acknowledgements": self.acknowledgements}


def behind(config: TrainConfig) -> Lineage:
    """Return what a run starts from: nothing, or all that is behind its prior. Raises AssistMimicError."""
    if config.prior is None:
        return Lineage()
    folder = shipped(Path(config.prior))
    if (folder / CARD).exists():
        card = read_card(folder)
        return Lineage({source.name: source.sha256 for source in (*card.data, *card.clips)}, card.acknowledgements)
    return of_run(folder)


def of_run(folder: Path) -> Lineage:
    """Return what is behind the policy of a run: what it started from, and its own data. Raises AssistMimicError."""
    card = read_yaml(folder / RUN)
    before = Lineage(**card.get("behind", {}))
    # Runs of earlier versions did not write down whom to thank.
    own = card["thanks"] if "thanks" in card else acknowledgements(card["config"]["clips"])
    thanks = " ".join(text for text in dict.fromkeys((before.acknowledgements, own)) if text)
    return Lineage({**before.data, **card["data"]}, thanks)
