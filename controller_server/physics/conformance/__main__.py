"""`python -m controller_server.physics.conformance`: an engine put through the suite."""

from __future__ import annotations

import argparse
import sys

from controller_server.body.shape import Hands
from controller_server.physics.backend import EngineOptions
from controller_server.physics.engines import BUILT_IN, make_backend

from .check import Check, CheckOutcome
from .suite import run_conformance, table


def main() -> int:
    """Print the table; 1 if a check failed."""
    parser = argparse.ArgumentParser(prog="python -m controller_server.physics.conformance", description=__doc__)
    parser.add_argument("--hands", choices=[hands.value for hands in Hands], default=Hands.MITTEN.value)
    parser.add_argument("--engine", default=BUILT_IN, help="name of the engine")
    parser.add_argument("--thorough", action="store_true", help="stability over 16 worlds x 30 s instead of 4 x 5 s")
    chosen = parser.parse_args()

    def progress(check: Check) -> None:
        print(f"{check.outcome.value:8}{check.name}", file=sys.stderr, flush=True)

    checks = run_conformance(
        lambda pair, n: make_backend(chosen.engine, pair, n, EngineOptions(list_contacts=n == 1)),
        hands=Hands(chosen.hands),
        variants=[lambda pair, n, t=t: make_backend(chosen.engine, pair, n, EngineOptions(t)) for t in (1, 3)],
        thorough=chosen.thorough,
        on_check=progress,
    )
    print(table(checks))
    return int(any(check.outcome is CheckOutcome.FAILED for check in checks))


if __name__ == "__main__":
    sys.exit(main())
