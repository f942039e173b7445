"""`python -m controller_server.physics.conformance`: the built-in engine put through the suite."""

from __future__ import annotations

import argparse
import sys

from ...body.shape import Hands
from ..mujoco_backend import BackendMujoco
from .check import Check, Outcome
from .suite import run_conformance, table


def main() -> int:
    """Print the table; 1 if a check failed."""
    parser = argparse.ArgumentParser(prog="python -m controller_server.physics.conformance", description=__doc__)
    parser.add_argument("--hands", choices=[hands.value for hands in Hands], default=Hands.MITTEN.value)
    parser.add_argument("--thorough", action="store_true", help="stability over 16 worlds x 30 s instead of 4 x 5 s")
    chosen = parser.parse_args()

    def progress(check: Check) -> None:
        print(f"{check.outcome.value:8}{check.name}", file=sys.stderr, flush=True)

    checks = run_conformance(
        lambda pair, n: BackendMujoco(pair, n, list_contacts=n == 1),
        hands=Hands(chosen.hands),
        variants=[lambda pair, n, t=threads: BackendMujoco(pair, n, threads=t) for threads in (1, 3)],
        thorough=chosen.thorough,
        on_check=progress,
    )
    print(table(checks))
    return int(any(check.outcome is Outcome.FAILED for check in checks))


if __name__ == "__main__":
    sys.exit(main())
