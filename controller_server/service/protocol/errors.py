"""Errors between a client and its job; each is a sentence a user can read."""

from __future__ import annotations

from controller_server.core.errors import ServiceError


class ServerError(ServiceError):
    """The server refused a request.

    Attributes:
        code: Why, in one word; docs/protocol.md lists them.
        detail: More, for a bug report.
    """

    def __init__(self, code: str, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.code, self.detail = code, detail


class JobFailed(ServerError):
    """The job ended with an error. `job` names it."""

    def __init__(self, job: str, code: str, message: str, detail: str = "") -> None:
        super().__init__(code, message, detail)
        self.job = job


class JobCancelled(ServiceError):
    """The job was cancelled, by this client or another. `job` names it."""

    def __init__(self, job: str) -> None:
        super().__init__(f"job {job} was cancelled")
        self.job = job


class ServerLost(ServiceError):
    """Nothing was heard of the server for too long. What it accepted goes on; `job` can be waited for again."""

    def __init__(self, message: str, job: str = "") -> None:
        super().__init__(message)
        self.job = job


class JobTimeout(ServiceError):
    """The job took longer than the caller wanted to wait; it goes on. `job` can be waited for again."""

    def __init__(self, job: str, seconds: float) -> None:
        super().__init__(f"job {job} was not done after {seconds:g} s; it goes on, ask for it again later")
        self.job = job
