"""Commands that training adds to the command line; `pyproject.toml` names them as the entry point `training`."""

from controller_server.cli.command import Command

from .arguments import BenchTrain, Export, Train

_RUN = "training.cli.train_command"
COMMANDS = (
    Command("train", Train, f"{_RUN}:run_train"),
    Command("export", Export, f"{_RUN}:run_export"),
    Command("bench train", BenchTrain, f"{_RUN}:run_bench_train"),
)
