"""The `assistmimic` command: every user error is one line on stderr and exit code 2, never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from controller_server.core.blas_threads import one_blas_thread
from controller_server.core.errors import AssistMimicError, SimulationDiverged

from .exit_codes import EXIT_BAD_INPUT, EXIT_DIVERGED, EXIT_INTERRUPTED


def print_complaint(message: str) -> None:
    """Say in one line what is wrong."""
    print(f"assistmimic: {message}", file=sys.stderr)


def main(argv: Sequence[str] | None = None, *, complain: Callable[[str], None] = print_complaint) -> int:
    """Run one command.

    Args:
        argv: Arguments without the program's name; those of the process by default.
        complain: Told what is wrong with what was asked for, in one line.

    Returns:
        The exit code: 0 done, 1 the simulation diverged, 2 bad input, 3 some did not go well, 4 none did,
        130 interrupted.
    """
    one_blas_thread()
    try:
        import rich  # noqa: F401
    except ImportError as error:
        complain(f"the command line needs {error.name}: pip install 'assistmimic[cli]'")
        return EXIT_BAD_INPUT
    from .commands import run

    try:
        return run(sys.argv[1:] if argv is None else argv)
    except AssistMimicError as error:
        complain(" ".join(str(error).split()))
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print("assistmimic: interrupted; nothing was written", file=sys.stderr)
        return EXIT_INTERRUPTED
    except SimulationDiverged as error:
        print(f"assistmimic: {error}", file=sys.stderr)
        return EXIT_DIVERGED
    except BrokenPipeError:  # `assistmimic info clip.npz | head -1`
        sys.stderr.close()
        return 1
    except OSError as error:  # a path somebody may not look into, a name too long, a full disk
        where = "" if error.filename is None else f"{error.filename}: "
        complain(" ".join(f"{where}{error.strerror or error}".split()))
        return EXIT_BAD_INPUT
