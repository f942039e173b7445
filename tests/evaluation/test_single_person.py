"""Motions of people alone: a set with hashes, and a policy tried on one of them."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import yaml
from helpers.policy_cases import PRIOR, untrained
from helpers.standing import standing_pair

from controller_server.body.pair import PairBody
from controller_server.clip.io.npz import write_npz
from controller_server.control.policy.action import ActionSpec
from controller_server.core.errors import AssistMimicError
from controller_server.evaluation.conditions import Conditions, Push
from controller_server.evaluation.single_person_command import MOTIONS, by_kind
from controller_server.evaluation.single_person_set import single_person_motions
from controller_server.evaluation.single_person_trials import MotionReady, try_motion


def test_the_set_is_what_it_says():
    """Find the files that come along by their hashes; nothing of what is held out is learned."""
    motions = single_person_motions(MOTIONS, kinds=["balance", "supporter alone", "recipient alone"])
    split = {motion.motion: motion.split for motion in motions}
    assert len(split) == len(motions) and set(split.values()) == {"train", "held_out"}
    config = yaml.safe_load(MOTIONS.parents[1].joinpath("configs", "prior_walks.yaml").read_text(encoding="utf-8"))
    learned = {part for entry in config["clips"] for part in entry.split("+")}
    assert not learned & {motion for motion, where in split.items() if where == "held_out"}
    assert {motion for motion, where in split.items() if where == "train"} <= learned


def test_another_file_is_refused(tmp_path):
    """Name the file whose hash differs, and kinds that there are."""
    write_npz(tmp_path / "a.npz", standing_pair(5))
    file, path = tmp_path / "set.yaml", tmp_path / "a.npz"
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    file.write_text(f'[{{kind: stand, motion: "{path}@supporter", split: train, sha256: {sha256}}}]')
    assert single_person_motions(file)[0].name == "a supporter"
    with pytest.raises(AssistMimicError, match="no motion of kind walk; there are stand"):
        single_person_motions(file, kinds=["walk"])
    write_npz(path, standing_pair(6))
    with pytest.raises(AssistMimicError, match="is not the file"):
        single_person_motions(file)


def test_who_is_pushed_hard_falls(tmp_path):
    """Stand by the reference's targets; fail, and for less time, under a push that nobody withstands."""
    clip = standing_pair(13)
    write_npz(tmp_path / "a.npz", clip)
    bundle = untrained(
        clip, PairBody.from_clip(clip), terms=PRIOR, kind="prior", action=ActionSpec(balance=True, sparing=1.0)
    )
    ready = MotionReady.of(f"{tmp_path / 'a.npz'}@supporter", bundle)
    conditions = Conditions(trials=1, threads=1)
    calm, pushed = (try_motion(ready, bundle, conditions, push=push) for push in (None, Push(force=5000.0)))
    assert calm.completed.all() and np.allclose(calm.lasted, calm.duration) and calm.error.max() < 100
    assert not pushed.completed.any() and (pushed.lasted < pushed.duration).all()


def test_kinds_are_means_of_their_motions():
    """Count every motion the same, train and held out apart."""
    row = {"duration_s": 1.0, "completed_pushed": 0.0, "deviation_mm": 10.0}
    rows = [
        {**row, "kind": "walk", "split": split, "completed": completed}
        for split, completed in (("train", 1.0), ("train", 0.5), ("held_out", 0.0))
    ]
    assert [(r["split"], r["completed"], r["motion"]) for r in by_kind(rows)] == [
        ("train", 0.75, "all 2"),
        ("held_out", 0.0, "all 1"),
    ]
