"""The errors a user is meant to read, and the one of a simulation that diverged."""

from __future__ import annotations

from typing import Any


class AssistMimicError(ValueError):
    """Bad input or an impossible request: one sentence that says what, where and how to mend it.

    The command line prints it as a single line and exits with 2; the server sends it to the client.
    Anything else that escapes is a bug of ours and keeps its traceback. Catch this class for all of them, or one of
    those below for what can be mended in one place.
    """


class FileError(AssistMimicError):
    """A file or folder is not there, cannot be read or written, or is not what its name says."""


class ClipError(AssistMimicError):
    """A clip, or the key poses of one, cannot be understood, or its two people cannot be simulated or written."""


class SettingsError(AssistMimicError):
    """A setting, a configuration or an option of the command line is unknown, missing or out of its bounds."""


class TermError(SettingsError):
    """A term (reward, observation, termination, event) is unknown, cannot be imported, or fails."""


class BundleError(AssistMimicError):
    """A policy bundle cannot be found or read, or does not fit the people it should steer."""


class EngineError(AssistMimicError):
    """A physics engine is not installed, does not answer, or cannot do what is asked of it."""


class ServiceError(AssistMimicError):
    """Something between a client and the controller server: address, key, message, queue or job."""


class TrainingError(AssistMimicError):
    """A training run cannot begin or go on: its folder, checkpoint, starting policy or processes."""


class SceneError(AssistMimicError):
    """What is in a Blender scene cannot be used: armature, bones, mapping, actions."""


class SimulationDiverged(RuntimeError):
    """A simulated world became non-finite.

    Attributes:
        world: Index of the world in its batch.
        time: Simulated time of the first warning [s].
        dump: `.npz` with the world, or None; its `state` is the last sound one, as `restore` takes it.
        steps: `physics.backend.Steps` that `Backend.record` had read before; None from `step`.
    """

    def __init__(self, message: str, *, world: int, time: float, dump: str | None = None) -> None:
        super().__init__(message)
        self.world, self.time, self.dump = world, time, dump
        self.steps: Any = None
