"""`assistmimic train`: hands over to the package `training`, which needs torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AssistMimicError

if TYPE_CHECKING:
    from .arguments import Train


def run_train(arguments: Train) -> int:
    """Train. Raises AssistMimicError."""
    try:
        import tensorboard  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise AssistMimicError(f"training needs {error.name}: pip install 'assistmimic[train]'") from None
    try:
        from training.command import train
        from training.config import load_config
    except ModuleNotFoundError as error:
        if error.name != "training":
            raise
        raise AssistMimicError(
            "the package `training` is not installed; run this in a clone of the repository"
        ) from None
    config = load_config(
        arguments.config,
        arguments.set,
        clips=arguments.clips or None,
        steps=arguments.steps,
        seed=arguments.seed,
        prior=arguments.prior,
    )
    if config.kind != arguments.what:
        raise AssistMimicError(f"{arguments.config}: kind is {config.kind}, not {arguments.what}")
    if config.name == config.kind and len(config.clips) == 1:
        from training.scene import clip_name

        config = replace(config, name=clip_name(config.clips[0]))
    train(
        config,
        arguments.out or Path("runs") / config.name,
        resume=arguments.resume,
        agent=arguments.agent,
        threads=arguments.threads,
    )
    return 0
