"""Settings of control."""

from __future__ import annotations

from dataclasses import dataclass, field

from controller_server.control.search.search import SearchSettings
from controller_server.core.errors import SettingsError
from controller_server.physics.engines import BUILT_IN
from controller_server.prepare.settings import PrepareSettings

QUALITIES = {"default": SearchSettings(), "draft": SearchSettings(samples=24, iterations=1, horizon=15)}
"""The effort of the search for a plan: `draft` is little more than a quarter of `default`."""
CONTROLLERS = ("auto", "policy", "search-policy", "search", "assisted")


@dataclass(frozen=True)
class ControlSettings:
    """Settings of the steering.

    Attributes:
        controller: "auto", or one controller only.
        quality: One of QUALITIES.
        seed: Seed of the search's random numbers.
        threads: Physics threads; 0 takes every core.
        judged: Roles that have to succeed (0 supporter, 1 recipient).
        policy: Name or folder of the bundle to use; empty for the one that fits best.
        sha256: Of the clip as it was read: tells which specialists were trained on it.
        prepare: How the clip was prepared: policies know clips prepared in one way.
        engine: Name of the engine.
    """

    controller: str = "auto"
    quality: str = "default"
    seed: int = 0
    threads: int = 0
    judged: tuple[int, ...] = (0, 1)
    policy: str = ""
    sha256: str | None = None
    prepare: PrepareSettings = field(default_factory=PrepareSettings)
    engine: str = BUILT_IN

    def __post_init__(self) -> None:
        if self.controller not in CONTROLLERS:
            raise SettingsError(f"controller {self.controller!r}: expected one of {', '.join(CONTROLLERS)}")
        if self.quality not in QUALITIES:
            raise SettingsError(f"quality {self.quality!r}: expected one of {', '.join(QUALITIES)}")
