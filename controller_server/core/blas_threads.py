"""Numpy's matrices on one thread."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

_VARIABLE = "OPENBLAS_NUM_THREADS"


def one_blas_thread(environment: MutableMapping[str, str] = os.environ) -> None:
    """Ask OpenBLAS for one thread, where nobody has asked for another number. Works before numpy is imported.

    The matrices of policies and of inverse dynamics are small: more threads spend longer waiting for each other than
    multiplying, on cores that MuJoCo's threads could use. With one thread playing a policy takes a third less processor
    time, a search around one a third less time.
    """
    environment.setdefault(_VARIABLE, "1")
