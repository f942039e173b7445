"""The real commands: train, kill, go on, export, two processes at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from helpers.paths import ROOT
from helpers.standing import standing_pair

from controller_server.cli import main
from controller_server.clip.io.npz import write_npz
from controller_server.control.policy.bundle import read_bundle
from controller_server.control.policy.policy import PolicyBase
from controller_server.control.reference.reference import Reference
from controller_server.core.errors import AssistMimicError
from controller_server.evaluation.data_sets import acknowledgements
from controller_server.pipeline.result import clip_sha256
from training import ablation
from training.learning.checkpoint import CHECKPOINT, read_checkpoint

CONFIG = {
    "name": "standing",
    "pairs": 2,
    "horizon": 4,
    "steps": 16,
    "hidden": [16, 8],
    "critic_hidden": [8],
    "ppo": {"epochs": 1, "minibatches": 1, "critic_first": 0, "group_size": 1},
    "reward": {"supporter": {"positions": 1.0}, "recipient": {"positions": 1.0}},
}
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def prepared(folder: Path, **changes: object) -> list[str]:
    """A clip and a configuration in a folder; the arguments that train it."""
    write_npz(folder / "standing.npz", standing_pair(13))
    (folder / "tiny.yaml").write_text(yaml.safe_dump({**CONFIG, **changes}))
    return ["specialist", "tiny.yaml", "--clips", "standing.npz", "--out", "run", "--threads", "1"]


def in_process(*arguments: str) -> int:
    """The command without a new interpreter, which would take seconds to load torch."""
    return main(list(arguments))


def test_ablation_passes_over_what_is_done_and_goes_on_with_what_is_not(tmp_path, monkeypatch, capsys):
    """One row for each variant and seed; a second call trains nothing, and none makes longer runs out of short ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ablation, "run_ablation", partial(ablation.run_ablation, trials=2))  # not 100
    prepared(tmp_path)
    variants = {"full": [], "no contact reward": ["reward.supporter.contact=0"]}
    table = {"config": "tiny.yaml", "steps": 16, "seeds": [3], "clips": ["standing.npz"], "variants": variants}
    (tmp_path / "ablation.yaml").write_text(yaml.safe_dump(table))
    command = ["train", "ablation", "ablation.yaml", "--out", "table", "--threads", "1"]

    def steps() -> list[int]:
        """Pair-steps in the curves of both runs, as the command leaves them."""
        assert in_process(*command) == 0
        rows = json.loads((tmp_path / "table" / "table.json").read_text())
        assert [(row["clip"], row["variant"], row["seed"]) for row in rows] == [("standing", v, 3) for v in variants]
        assert all(0 <= row["success_tracking_rate"] <= 1 and row["mpjpe_mm"] > 0 for row in rows)
        curves = sorted((tmp_path / "table").glob("*/curve.jsonl"))
        assert len(curves) == 2
        counted = [json.loads(line)["pair_steps"] for curve in curves for line in curve.read_text().splitlines()]
        assert max(counted) == max(row["pair_steps"] for row in rows)
        return counted

    assert steps() == [8, 16, 8, 16]
    assert "no contact reward" in capsys.readouterr().out
    assert steps() == [8, 16, 8, 16]
    (tmp_path / "table" / "standing-full-3" / "score.json").unlink()  # as after a kill while it was evaluated
    assert steps() == [8, 16, 8, 16]
    capsys.readouterr()
    assert in_process(*command, "--steps", "24") == 2
    assert "standing-full-3: was made with 16 pair-steps, not 24" in capsys.readouterr().err
    (tmp_path / "table" / "standing-full-3" / "score.json").write_text("{")
    assert in_process(*command) == 2 and "not readable; remove it" in capsys.readouterr().err
    table["clips"] = "standing.npz"
    (tmp_path / "ablation.yaml").write_text(yaml.safe_dump(table))
    assert in_process(*command) == 2 and "expected a list" in capsys.readouterr().err


def test_train_leaves_a_bundle_that_plays_its_clip(tmp_path, monkeypatch, capsys):
    """Print tables, rate and success; leave checkpoint, curve, run card and a bundle that knows the clip."""
    monkeypatch.chdir(tmp_path)
    assert in_process("train", *prepared(tmp_path)) == 0
    printed = capsys.readouterr().out
    for text in ("observation", "partner_forces", "reward", "network supporter: 645 -> 16 -> 8 -> 63", "ETA"):
        assert text in printed, text
    run = tmp_path / "run"
    card = yaml.safe_load((run / "run.yaml").read_text())
    assert card["data"] == {"standing": clip_sha256(standing_pair(13))} and card["config"]["pairs"] == 2
    assert len(card["revision"]) >= 40 and card["command"].startswith("assistmimic")
    rows = [json.loads(line) for line in (run / "curve.jsonl").read_text().splitlines()]
    assert [row["pair_steps"] for row in rows] == [8, 16]
    assert list(run.glob("events.out.tfevents.*"))
    bundle = read_bundle(run / "bundle")
    assert bundle.card.knows(clip_sha256(standing_pair(13))) and bundle.card.training["pair_steps"] == 16
    pair = bundle.card.body.pair(standing_pair(13))
    PolicyBase(pair, Reference.of(standing_pair(13), pair), bundle)  # raises where it does not fit
    assert in_process("train", *prepared(tmp_path)) == 2 and "--resume" in capsys.readouterr().err
    assert in_process("export", "run", "copy", "--name", "other") == 0
    assert read_bundle(tmp_path / "copy").card.name == "other"


def test_agents_that_do_not_learn_leave_nothing(tmp_path, monkeypatch, capsys):
    """`--agent zero` and `random` run the environment and write no checkpoint."""
    monkeypatch.chdir(tmp_path)
    for agent in ("zero", "random"):
        assert in_process("train", *prepared(tmp_path), "--agent", agent) == 0
        assert "success" in capsys.readouterr().out
    assert not (tmp_path / "run" / CHECKPOINT).exists()


def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys):
    """A wrong kind, an unknown setting, no clips, no prior: exit code 2 and a single line each."""
    monkeypatch.chdir(tmp_path)
    arguments = prepared(tmp_path)
    for wrong, message in (
        (["prior", *arguments[1:]], "kind is specialist"),
        ([*arguments, "--set", "ppo.speed=3"], "no entry 'speed'"),
        (["specialist", "tiny.yaml"], "no clips"),
        ([*arguments, "--prior", "nowhere"], "neither a bundle nor a run"),
        ([*arguments, "--seed", "-1"], "seed: -1 is outside"),
        ([*arguments, "--threads", "-1"], "threads: -1 is outside"),
        ([*arguments, "--set", "ppo.group_size=0"], "ppo.group_size: 0 is outside"),
        ([*arguments, "--set", "ppo.std=0"], "ppo.std: 0 is outside"),
        ([*arguments, "--set", "start.stride=0"], "start.stride: 0 is outside"),
        ([*arguments, "--set", "body.grips=none"], "grips: 'none' is none of auto"),
        ([*arguments, "--set", "seed=2026-02-30"], "--set seed=2026-02-30: not readable as YAML"),
        (["specialist", "tiny.yaml", "--clips", "standing.npz", "--out", "tiny.yaml"], "tiny.yaml"),
    ):
        assert in_process("train", *wrong) == 2
        said = capsys.readouterr().err
        assert message in said and len(said.splitlines()) == 1


def test_a_run_goes_on_with_its_own_clips_and_says_what_it_was(tmp_path, monkeypatch, capsys):
    """Refuse a clip that was changed; keep how it began in `run.yaml` where settings change; need no prior any more."""
    monkeypatch.chdir(tmp_path)
    arguments = prepared(tmp_path)
    assert in_process("train", *arguments) == 0
    assert in_process("train", *arguments[:-4], "--out", "second", "--threads", "1", "--prior", "run") == 0
    first = tmp_path / "run"
    first.rename(tmp_path / "elsewhere")
    more = [*arguments[:-4], "--out", "second", "--threads", "1", "--prior", "run", "--resume", "--steps", "24"]
    assert in_process("train", *more, "--set", "ppo.epochs=2") == 0
    card = yaml.safe_load((tmp_path / "second" / "run.yaml").read_text())
    assert card["config"]["ppo"]["epochs"] == 2 and [b["config"]["ppo"]["epochs"] for b in card["before"]] == [1]
    write_npz(tmp_path / "standing.npz", standing_pair(14))
    capsys.readouterr()
    assert in_process("train", *more) == 2 and "trained on other clips" in capsys.readouterr().err


def test_bundles_thank_for_what_their_priors_learned_from(tmp_path, monkeypatch):
    """Captured data is named on the card of whatever was made from it, through runs and through bundles."""
    monkeypatch.chdir(tmp_path)
    arguments = prepared(tmp_path)
    (tmp_path / "cmu_single_person").mkdir()
    (tmp_path / "standing.npz").rename(tmp_path / "cmu_single_person" / "captured.npz")
    clip = "cmu_single_person/captured.npz"
    assert in_process("train", "specialist", "tiny.yaml", "--clips", clip, "--out", "captured") == 0
    write_npz(tmp_path / "standing.npz", standing_pair(14))
    for prior, out in (("captured", "from_run"), ("from_run/bundle", "from_bundle")):
        assert in_process("train", *arguments[:-4], "--out", out, "--prior", prior) == 0
        card = read_bundle(tmp_path / out / "bundle").card
        assert "mocap.cs.cmu.edu" in card.acknowledgements
        assert [source.name for source in card.clips] == ["standing"]
        assert [source.name for source in card.data] == ["captured"]


def test_thanks_go_by_the_folder_of_a_clip(tmp_path):
    """Take a folder at its own word, thank everybody once, and nobody for a file's name."""
    (tmp_path / "cmu_like.npz").touch()
    assert acknowledgements([str(tmp_path / "cmu_like.npz")]) == ""
    (tmp_path / "data_set.yaml").write_text("{name: Ours, licence: CC-BY-4.0, acknowledgements: Thanks to us.}")
    pair = f"{tmp_path / 'a.npz'}+{tmp_path / 'b.npz'}"
    assert acknowledgements([pair, f"{tmp_path / 'c.npz'}@supporter+x.npz"]) == "Thanks to us."
    assert "mocap.cs.cmu.edu" in acknowledgements([pair, "data:cmu_22_02_pull_up"])
    (tmp_path / "data_set.yaml").write_text("{title: Ours}")
    with pytest.raises(AssistMimicError, match="data_set.yaml"):
        acknowledgements([pair])


def test_a_killed_run_goes_on(tmp_path):
    """After kill -9 in mid-run, --resume takes up the last checkpoint and reaches the end with a gapless curve."""
    command = [sys.executable, "-m", "training", *prepared(tmp_path, steps=8000)]
    process = subprocess.Popen(command, cwd=tmp_path, env={**ONE_THREAD, "ASSISTMIMIC_SAVE_SECONDS": "0"})
    deadline = time.monotonic() + 60
    while not (tmp_path / "run" / CHECKPOINT).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=20)
    _, facts = read_checkpoint(tmp_path / "run" / CHECKPOINT)
    assert 0 < facts["pair_steps"] < 8000
    target = str(facts["pair_steps"] + 16)
    done = subprocess.run(
        [*command, "--resume", "--steps", target], cwd=tmp_path, env=ONE_THREAD, capture_output=True, timeout=250
    )
    assert done.returncode == 0, done.stderr.decode()
    rows = [json.loads(line) for line in (tmp_path / "run" / "curve.jsonl").read_text().splitlines()]
    assert [row["pair_steps"] for row in rows] == list(range(8, int(target) + 1, 8))


def test_two_processes_learn_one_policy(tmp_path):
    """Under torchrun with gloo both end with the same weights, of discriminators too, each with worlds of its own."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "training"]
    styled = {role: {"positions": 1.0, "style": 1.0} for role in ("supporter", "recipient")}
    arguments = prepared(tmp_path, steps=32, reward=styled, style={"frames": 2, "hidden": [4], "batch": 4})
    ours = [sys.executable, "-m", "controller_server.cli", "train", *arguments, "--processes", "2"]
    done = subprocess.run(ours, cwd=tmp_path, env=ONE_THREAD, capture_output=True, timeout=250)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.count(b"bundle standing is in run/bundle") == 1  # only the first process is heard
    first, facts = read_checkpoint(tmp_path / "run" / CHECKPOINT)
    second, _ = read_checkpoint(tmp_path / "run" / "worlds1.safetensors")
    assert facts["processes"] == 2 and facts["pair_steps"] == 32
    for section in ("supporter", "recipient", "style supporter", "style recipient"):
        for name, array in first[section].items():
            if name.startswith(("actor.", "critic.", "network.")):
                assert np.array_equal(array, second[section][name]), name
    assert first["style recipient"]["adam.0.step"].item() == 2 * 4  # both rollouts
    assert not np.array_equal(first["environment"]["part0.world"], second["environment"]["part0.world"])
    # Killed between the two files: the second process has gone on, the first, which counts, has not.
    (tmp_path / "ahead").mkdir()
    arguments[arguments.index("run")] = "ahead/run"
    ahead = subprocess.run(
        [*launch, *arguments, "--steps", "48"], cwd=tmp_path, env=ONE_THREAD, capture_output=True, timeout=250
    )
    assert ahead.returncode == 0, ahead.stderr.decode()
    other = tmp_path / "ahead" / "run" / "worlds1.safetensors"
    other.replace(tmp_path / "run" / other.name)
    arguments[arguments.index("ahead/run")] = "run"
    more = [*launch, *arguments, "--resume", "--steps", "64"]
    done = subprocess.run(more, cwd=tmp_path, env=ONE_THREAD, capture_output=True, timeout=250)
    assert done.returncode == 0, done.stderr.decode()
    first, facts = read_checkpoint(tmp_path / "run" / CHECKPOINT)
    second, of_second = read_checkpoint(tmp_path / "run" / other.name)
    assert facts["pair_steps"] == of_second["pair_steps"] == 64
    for section in ("supporter", "recipient"):
        for name, array in first[section].items():
            if name.startswith(("actor.", "critic.", "adam.")):
                assert np.array_equal(array, second[section][name]), name
    assert not np.array_equal(first["environment"]["part0.world"], second["environment"]["part0.world"])
