"""Policy bundles of a server: by name, from configured folders and nowhere else."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from controller_server.control.policy.bundle_store import FOLDERS_VARIABLE, bundle_folders, list_bundles
from controller_server.terms import TERMS_VARIABLE

_LOOK_EVERY = 10.0


class Policies:
    """The bundles of a server.

    Args:
        folders: Looked through before the folders that are always looked through.
        terms: Files with terms that they see, beside those of the environment.
    """

    def __init__(self, folders: Sequence[Path], terms: Sequence[Path] = ()) -> None:
        given = os.environ.get(TERMS_VARIABLE, "").split(os.pathsep)
        self._terms = [*filter(None, given), *(str(file.absolute()) for file in terms)]
        self._folders = [folder.absolute() for folder in [*folders, *bundle_folders()]]
        self._names: list[str] = []
        self._next = 0.0

    def names(self) -> list[str]:
        """Return names of the bundles; looked up again now and then."""
        if time.monotonic() >= self._next:
            self._names = sorted(found.card.name for found in list_bundles(self._folders)[0])
            self._next = time.monotonic() + _LOOK_EVERY
        return self._names

    def environment(self) -> dict[str, str]:
        """Return the environment in which a worker finds the same bundles.

        It also knows the terms that this server's configuration names.
        """
        folders = {FOLDERS_VARIABLE: os.pathsep.join(map(str, self._folders))}
        return folders | ({TERMS_VARIABLE: os.pathsep.join(self._terms)} if self._terms else {})
