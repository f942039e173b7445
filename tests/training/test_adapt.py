"""A policy fitted to other muscles: factors are part of the weights, and the search for them goes downhill."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from helpers.policy_cases import untrained
from helpers.standing import standing_pair

from controller_server.body.muscles import muscle_group
from controller_server.clip.io.npz import write_npz
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.control.policy.bundle import read_bundle, write_bundle
from controller_server.control.policy.policy import PolicyBase
from controller_server.physics.mujoco_backend import BackendMujoco
from training.adapt import GROUPS, SENSES, SIZE, Factors, Search, adapted
from training.adapt import _Varied as Varied
from training.adapt_command import STATE, main
from training.env.scene import Scene
from training.settings.config import BodyConfig

CLIP = standing_pair(6)
SCENE = Scene.of("standing", CLIP, BodyConfig(), ready=True)
BUNDLE = untrained(CLIP, SCENE.pair, last=3.0)
NUMBERS = 0.3 * np.random.default_rng(2).standard_normal(SIZE)


def test_factors_go_to_their_muscles_and_senses():
    """Give each group's factor to its joints, each sense's to its inputs, person by person, and to nothing else."""
    joints, spec = SCENE.pair.joints, BUNDLE.card.networks["supporter"]
    numbers = np.zeros((1, 2, len(GROUPS) + len(SENSES)))
    numbers[0, 1, GROUPS.index("knee")], numbers[0, 0, len(GROUPS) + SENSES.index("spins")] = np.log(2), np.log(3)
    factors = Factors.of(numbers.reshape(1, -1), joints, spec)
    names = [JOINT_NAMES[j] for j in joints[1:]]
    doubled = [names[row // 3] for row in np.flatnonzero(factors.outputs[0, 1] == 2)]
    assert sorted(set(doubled)) == ["left_knee", "right_knee"] and len(doubled) == 6
    assert (factors.outputs[0, 0] == 1).all() and (factors.inputs[0, 1] == 1).all()
    assert np.isclose(factors.inputs[0, 0], 3).sum() == dict(spec.inputs)["spins"]
    assert {muscle_group(name) for name in names} == set(GROUPS)


def test_a_fitted_bundle_does_what_was_tried():
    """Act in a bundle with factors in its weights as the worlds did in which they were tried, memory too."""
    backend = untried_world()
    tried = Varied(SCENE, SCENE.reference, BUNDLE, np.stack([NUMBERS, 0 * NUMBERS]))
    fitted = PolicyBase(SCENE.pair, SCENE.reference, adapted(BUNDLE, NUMBERS, SCENE.pair.joints), n_worlds=2)
    plain = PolicyBase(SCENE.pair, SCENE.reference, BUNDLE, n_worlds=2)
    for frame in range(2):  # the second sees the action of the first
        both, one, none = (base.targets(backend, frame) for base in (tried, fitted, plain))
        np.testing.assert_allclose(both[0], one[0], atol=2e-5)
        np.testing.assert_allclose(both[1], none[1], atol=2e-5)
    assert np.abs(both[0] - both[1]).max() > 0.01


def untried_world() -> BackendMujoco:
    """Two worlds at the clip's start."""
    backend = BackendMujoco(SCENE.pair, 2, threads=1)
    backend.set_state(SCENE.reference.state[np.zeros(2, int)])
    return backend


def test_the_search_goes_downhill():
    """Find the bottom of a bowl in a hundred rounds, the same for the same seed."""

    def bowl(numbers: np.ndarray, seed: int) -> np.ndarray:
        return ((numbers - 0.3) ** 2).sum(axis=1)

    def ends() -> Search:
        search = Search(np.zeros(SIZE), np.full(SIZE, 0.2))
        for _ in range(100):
            search = search.after(bowl, population=24, seed=1)
        return search

    found = ends()
    assert np.abs(found.mean - 0.3).max() < 0.1 and found.rounds == 100
    np.testing.assert_array_equal(found.mean, ends().mean)


def test_command(tmp_path, capsys):
    """Fit a bundle, go on where it stopped, and say in the card what was done."""
    write_npz(tmp_path / "standing.npz", CLIP)
    card = replace(BUNDLE.card, training={"command": "train"})
    write_bundle(tmp_path / "old", replace(BUNDLE, card=card))
    command = [str(tmp_path / "old"), "--clips", str(tmp_path / "standing.npz"), "--out", str(tmp_path / "run")]
    for rounds in (1, 2):
        assert main([*command, "--rounds", str(rounds), "--population", "2", "--threads", "1"]) == 0
    assert (tmp_path / "run" / "curve.jsonl").read_text().count("\n") == 2
    made = read_bundle(tmp_path / "run" / "bundle").card
    assert made.name == "untrained" and made.action.closing and made.training["command"] == "train"
    (step,) = made.training["adapted"]
    assert (step["rounds"], step["episodes"], step["clips"], len(step["factors"])) == (2, 4, ["standing"], SIZE)
    (tmp_path / "run" / STATE).rename(tmp_path / "run" / "other.npz")
    assert main([*command, "--start", str(tmp_path / "standing.npz")]) == 2
    assert "adapt: " in capsys.readouterr().err
