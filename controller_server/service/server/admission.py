"""Admission of jobs: a clip and settings that are possible, and room to keep them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from controller_server.core.errors import AssistMimicError, ServiceError
from controller_server.physics.engines import BUILT_IN
from controller_server.pipeline.settings import ConvertSettings
from controller_server.service.protocol.messages import Message
from controller_server.service.protocol.payload import clip_from_payload

from .options import Limits
from .store import Key


class Refused(ServiceError):
    """A request that is not granted; `code` says why in one word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def no_such_job(key: Key) -> Refused:
    """Return the refusal for an id nobody knows, or that belongs to somebody else."""
    return Refused("no_such_job", f"job {key.job}: not known here; it was never accepted, or is long forgotten")


class Admission:
    """The rules of one server.

    Args:
        limits: What is taken from clients.
        engines: There are workers for.
        policies: Gives the names of the policy bundles there are.
        folder: On the disk that keeps the jobs.
    """

    def __init__(
        self, limits: Limits, engines: Sequence[str], policies: Callable[[], Sequence[str]], folder: Path
    ) -> None:
        self._limits, self._engines, self._policies, self._folder = limits, engines, policies, folder

    def engine_of(self, message: Message) -> str:
        """Return the engine a submission asks for: by itself or, in older clients' way, beside its settings."""
        settings: Any = message["settings"]
        return message.get("engine") or str(settings.get("engine") or BUILT_IN)[:64]

    def check_engine(self, engine: str) -> None:
        """Refuse a job nobody could carry out. Raises Refused."""
        if engine not in self._engines:
            raise Refused("no_engine", f"engine {engine!r}: this server has {', '.join(self._engines)}")

    def check_contents(self, message: Message) -> int:
        """Return frames of a clip that is fit to be simulated, with settings that are possible. Raises Refused."""
        for name, array in message.arrays.items():
            if array.ndim and len(array) > self._limits.frames:
                raise Refused("too_large", f"{name}: {len(array)} frames; at most {self._limits.frames} are taken")
        try:
            settings = ConvertSettings.from_dict(message["settings"])
            if settings.policy and settings.policy not in self._policies():  # a name; never a path
                known = ", ".join(self._policies()) or "none"
                raise ServiceError(f"policy {settings.policy[:64]!r}: this server has {known}")
            return clip_from_payload(message["text"], message.arrays).n_frames
        except AssistMimicError as error:
            raise Refused("bad_input", str(error)) from None

    def check_room(self, *, n_bytes: int, of_client: int, of_all: int, bytes_of_all: int) -> None:
        """Refuse what there is no room for.

        Args:
            n_bytes: Size of the new job.
            of_client: Jobs its client has waiting.
            of_all: Jobs that wait.
            bytes_of_all: Of all jobs that have not ended.

        Raises:
            Refused: saying which limit is reached.
        """
        limits = self._limits
        if of_client >= limits.jobs_per_client:
            full = f"{of_client} jobs of yours are waiting, as many as may; send more when some ended"
        elif of_all >= limits.jobs:
            full = f"{of_all} jobs are waiting, as many as may; try again later"
        elif n_bytes + bytes_of_all > limits.waiting_bytes:
            full = "the waiting jobs fill the room there is for them; try again later"
        elif shutil.disk_usage(self._folder).free < limits.free_bytes + n_bytes:
            raise Refused("storage", "the server's disk is full; nothing was accepted")
        else:
            return
        raise Refused("queue_full", full)
