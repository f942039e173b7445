"""Everything between a two-person clip and its physically simulated twin."""

from typing import TYPE_CHECKING, Any

from .core.errors import (
    AssistMimicError,
    BundleError,
    ClipError,
    EngineError,
    FileError,
    SceneError,
    ServiceError,
    SettingsError,
    SimulationDiverged,
    TermError,
    TrainingError,
)
from .core.version import __version__

if TYPE_CHECKING:
    from controller_server.service.client.client import Client, connect

__all__ = [
    "AssistMimicError",
    "BundleError",
    "Client",
    "ClipError",
    "EngineError",
    "FileError",
    "SceneError",
    "ServiceError",
    "SettingsError",
    "SimulationDiverged",
    "TermError",
    "TrainingError",
    "__version__",
    "connect",
]


def __getattr__(name: str) -> Any:
    """`from controller_server import connect` loads the client, and only then."""
    if name in ("Client", "connect"):
        from controller_server.service.client import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
