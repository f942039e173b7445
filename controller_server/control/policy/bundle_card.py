"""The card of a policy bundle."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from controller_server.clip.interaction import ROLES
from controller_server.core.constraints import Matches, OneOf
from controller_server.core.errors import BundleError
from controller_server.core.validation import OPTIONAL, Where, build, check_fields
from controller_server.prepare.settings import GripMode, PrepareSettings
from controller_server.terms import BoundTerm, TermConfig, TermFile, Terms, observation

from .action import ActionSpec
from .bundle_body import BodySettings
from .network import NetworkSpec
from .retarget import RetargetSettings

FORMAT = "assistmimic-policy-1"
KINDS = ("specialist", "generalist", "prior")
PERSON = "person"
"""Name of a network that serves both roles."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""Pattern of a bundle's name."""


@dataclass(frozen=True)
class Source:
    """A clip or another piece of data a policy was trained on.

    Attributes:
        name: What it is called.
        sha256: Of a clip `clip_sha256`, of other data of its file.
    """

    name: str
    sha256: str


@dataclass(frozen=True)
class BundleCard:
    """Contents of `bundle.yaml`.

    Attributes:
        name: Name of the bundle: letters, digits, `_`, `.` and `-`.
        kind: "specialist": for the clips it was trained on; "generalist" or "prior": for any clip.
        networks: By role, or one named "person".
        action: Meaning of actions.
        body: What it was trained with.
        retarget: How the supporter's hand goals follow the recipient in what the networks see.
        clips: What it was trained to do.
        data: Further data behind it, such as what its prior was trained on.
        training: Command, revision, seed, steps: how to make it again.
        scores: As measured; free in form.
        licence: Licence of the weights.
        acknowledgements: Whom to thank and what to cite.
        observation: Term and parameters of input blocks, where they are not the block's name and its defaults.
        imports: Files with terms of the networks' input; who loads the bundle has to have named them.
    """

    name: Annotated[str, Matches(NAME.pattern, "a name: up to 100 letters, digits, '_', '.' and '-'")]
    kind: Annotated[str, OneOf(KINDS)]
    networks: Mapping[str, NetworkSpec]
    action: ActionSpec
    body: BodySettings
    retarget: RetargetSettings = field(default_factory=RetargetSettings)
    clips: tuple[Source, ...] = ()
    data: tuple[Source, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    licence: str = "Apache-2.0"
    acknowledgements: str = ""
    observation: Annotated[Terms, OPTIONAL] = field(default_factory=dict)
    imports: Annotated[tuple[TermFile, ...], OPTIONAL] = ()

    def __post_init__(self) -> None:
        check_fields(self, BundleError)
        if set(self.networks) not in ({PERSON}, set(ROLES)):
            raise BundleError(f"networks: expected {' and '.join(ROLES)}, or {PERSON}; got {list(self.networks)}")
        if self.kind == "specialist" and not self.clips:
            raise BundleError("clips: a specialist names the clips it was trained on")

    def network(self, role: str) -> str:
        """Name of the network that steers a role."""
        return PERSON if PERSON in self.networks else role

    def terms(self, network: str) -> list[BoundTerm]:
        """Return what a network sees, in the order of its input blocks.

        Raises:
            BundleError: a term comes from a file that nobody named here, or whose content is another.
        """
        blocks = {name: self.observation.get(name, TermConfig()) for name, _ in self.networks[network].inputs}
        for name, config in blocks.items():
            term = config.term or name
            file = observation[term].file if term in observation else None
            if term not in observation and self.imports:
                raise BundleError(f"policy {self.name}: no observation term {term!r} here; {self._wants()}")
            if file is not None and file not in self.imports:
                raise BundleError(
                    f"policy {self.name}: observation term {term!r} is that of {file.name} with sha256 "
                    f"{file.sha256[:12]}, not the one it was trained with; {self._wants()}"
                )
        return observation.bind(blocks)

    def _wants(self) -> str:
        files = ", ".join(f"{file.name} (sha256 {file.sha256[:12]})" for file in self.imports) or "no file"
        return (
            f"it needs {files}, which is not imported because a bundle says so: read it, then name it with --import, "
            "as `terms` in server.yaml, or in ASSISTMIMIC_TERMS"
        )

    def knows(self, sha256: str | None) -> bool:
        """Return whether it was trained on a clip."""
        return any(clip.sha256 == sha256 for clip in self.clips)

    @property
    def prepare(self) -> PrepareSettings:
        """How its clips were prepared; what told when hands hold as the card says, `auto` where it does not."""
        given: Any = self.training
        for name in ("config", "body", "grips"):
            given = given.get(name) if isinstance(given, Mapping) else None
        known = isinstance(given, str) and given in [mode.value for mode in GripMode]
        return PrepareSettings(grips=GripMode(given) if known else GripMode.AUTO)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for YAML, without the fingerprint of the weights."""
        return {
            "format": FORMAT,
            "name": self.name,
            "kind": self.kind,
            "networks": {name: spec.to_dict() for name, spec in self.networks.items()},
            "action": self.action.to_dict(),
            "body": self.body.to_dict(),
            "retarget": self.retarget.to_dict(),
            "clips": [vars(source).copy() for source in self.clips],
            "data": [vars(source).copy() for source in self.data],
            "training": dict(self.training),
            "scores": dict(self.scores),
            "licence": self.licence,
            "acknowledgements": self.acknowledgements,
            **({"observation": {n: c.short() for n, c in self.observation.items()}} if self.observation else {}),
            **({"imports": [vars(file).copy() for file in self.imports]} if self.imports else {}),
        }

    @staticmethod
    def from_dict(values: Any) -> BundleCard:
        """Return the inverse of `to_dict`. Raises BundleError naming the entry."""
        where = Where(error=BundleError, complete=True, strict=True)
        if not isinstance(values, Mapping):
            raise where.wrong("expected names and values")
        if "format" not in values:
            raise where.wrong("no entry 'format'")
        if values["format"] != FORMAT:
            raise where.wrong(f"format is {values['format']!r}, this version reads {FORMAT!r}")
        return build(BundleCard, {name: value for name, value in values.items() if name != "format"}, where)
