"""`torchrun ... -m training prior|specialist CONFIG ...`: the same as `assistmimic train`, in each process."""

import sys

from controller_server.cli import main

sys.exit(main(["train", *sys.argv[1:]]))
