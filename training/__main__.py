"""`torchrun ... -m training prior|specialist CONFIG ...`: the same as `assistmimic train`, in each process."""

import contextlib
import json
import os
import sys
from pathlib import Path

from controller_server.cli import main, print_complaint


def complain(message: str) -> None:
    """Say once what is wrong, and let torchrun, which adds a trace of its own, end with the same sentence."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        print_complaint(message)
    file = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if file:
        with contextlib.suppress(OSError):
            Path(file).write_text(json.dumps({"message": f"assistmimic: {message}"}), encoding="utf-8")


sys.exit(main(["train", *sys.argv[1:]], complain=complain))
