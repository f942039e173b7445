"""Configurations of runs: what is blamed for what is impossible, and what a run is called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Annotated, get_args, get_origin

import pytest

from controller_server.core.errors import AssistMimicError
from controller_server.core.options import list_options
from controller_server.core.validation import field_types
from controller_server.evaluation.clip_sources import run_name
from training.cli.arguments import Train
from training.settings.config import TrainConfig, config_from_dict, load_config


def test_what_was_given_is_blamed(tmp_path):
    """Name the override that is impossible, not the file; and the file where the fault is its own."""
    path = tmp_path / "c.yaml"
    path.write_text("name: x\npairs: 4\n")
    for overrides, told in (
        (["pairs=8", "ppo.envs=32"], "--set ppo.envs=32: ppo: no entry 'envs'"),
        (["ppo.std=much", "pairs=8"], "--set ppo.std=much: ppo.std: expected a number"),
        (["pairs=0"], "--set pairs=0: pairs: 0 is outside"),
    ):
        with pytest.raises(AssistMimicError) as refused:
            load_config(path, overrides)
        assert str(refused.value).startswith(told) and "c.yaml" not in str(refused.value)
    with pytest.raises(AssistMimicError, match="^--steps: 0 is outside"):
        load_config(path, steps=0)
    path.write_text("name: x\npears: 4\n")
    with pytest.raises(AssistMimicError) as refused:
        load_config(path, ["ppo.envs=32"])
    assert str(refused.value).startswith(f"{path}: no entry 'pears'; did you mean pairs?")


def test_a_run_is_called_after_its_clips():
    """Name up to three clips, then the first and how many more; always a name a bundle may have."""
    assert run_name(["a/pull_up.npz", "data:b/x.bvh+data:b/walk 2.bvh"]) == "pull_up-walk_2"
    assert run_name([f"c{number}.npz" for number in range(10)]) == "c0-and-9-more"


def test_former_names_of_entries_are_read() -> None:
    """Read `jerk`, `lasting` and `siblings` of version 0.1; the one set last wins."""
    values = config_from_dict({"name": "old", "clips": ["a.npz"]}, "old").to_dict()
    for role in ("supporter", "recipient"):
        values["reward"][role] = {"positions": 0.5, "action_rate": -0.1, "jerk": -0.2}
    values["ppo"]["lasting"] = values["ppo"].pop("noise_correlation") / 2
    values["ppo"]["siblings"] = values["ppo"].pop("group_size") * 2
    read = config_from_dict(values, "old")
    assert read.reward.supporter["action_rate"].weight == read.reward.recipient["action_rate"].weight == -0.2
    assert "jerk" not in read.reward.supporter
    assert (read.ppo.noise_correlation, read.ppo.group_size) == (0.25, 16)
    assert "jerk" in values["reward"]["supporter"]  # what was given stays as it is


def test_every_setting_is_an_option():
    """Each number, text and switch of a configuration can be typed, nested ones such as `sampler.kind` too."""
    flags = {option.flag for option in list_options(Train)}

    def leaves(kind: type, path: str = "") -> Iterator[str]:
        for name, hint in field_types(kind).items():
            inner = get_args(hint)[0] if get_origin(hint) is Annotated else hint
            if is_dataclass(inner):
                yield from leaves(inner, f"{path}{name}.")  # pyright: ignore[reportArgumentType]
            elif inner in (int, float, str, bool):
                yield f"--{path}{name}".replace("_", "-")

    asked = set(leaves(TrainConfig)) - {"--kind"}  # is the first word of the command
    assert asked and asked <= flags
