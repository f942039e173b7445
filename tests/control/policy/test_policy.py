"""The policy controller: zero actions are bare targets, memory, batches, torch and numpy, search around it, order."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.control_cases import TINY, displaced, standing
from helpers.motion_cases import squatting_pair
from helpers.policy_cases import BUILT_IN, PRIOR, renamed, untrained
from helpers.standing import standing_pair

from controller_server.body.pair import PairBody
from controller_server.body.strength import PRESETS
from controller_server.clip.io.npz import write_npz
from controller_server.control.fallback import controllers
from controller_server.control.fallback.run import run_strategies
from controller_server.control.fallback.settings import ControlSettings
from controller_server.control.policy.action import ActionSpec
from controller_server.control.policy.bundle import CARD, WEIGHTS, PolicyBundle, read_bundle, write_bundle
from controller_server.control.policy.bundle_store import FOLDERS_VARIABLE
from controller_server.control.policy.network import forward
from controller_server.control.policy.observation import ObservedState, observe, observe_state
from controller_server.control.policy.policy import Playback, PolicyBase
from controller_server.control.recorded_simulation import RecordedSimulation
from controller_server.control.reference.reference import Reference
from controller_server.control.reference.reference_trajectory import Bodies, ReferenceTrajectory
from controller_server.control.reference.start import settled_start
from controller_server.control.search.search import Search
from controller_server.core.bundled import POLICIES
from controller_server.core.errors import AssistMimicError
from controller_server.metrics.tracking import deviation
from controller_server.physics.mujoco_backend import BackendMujoco
from controller_server.physics.recorded_frames import recording_to_clip
from controller_server.pipeline.convert import convert
from controller_server.pipeline.result import clip_sha256, read_result_metadata
from controller_server.pipeline.settings import ConvertSettings
from controller_server.prepare.settings import GripMode, PrepareSettings


def squatting() -> tuple[PairBody, Reference, PolicyBundle]:
    """People who go down and up, and a bundle of small random actions for them."""
    clip = squatting_pair(13)
    pair = PairBody.from_clip(clip)
    return pair, Reference.of(clip, pair), untrained(clip, pair, last=1.0)


def test_zero_actions_are_the_references_targets():
    """Play the reference's own targets, bit for bit, where every action is zero."""
    pair, reference, _ = squatting()
    bundle = untrained(squatting_pair(13), pair)
    bare = RecordedSimulation(pair, settled_start(pair, reference))
    for frame in range(reference.n_frames - 1):
        bare.advance(reference.targets[frame + 1], reference.grips[frame])
    played = Playback(pair, reference, PolicyBase(pair, reference, bundle)).run()
    np.testing.assert_array_equal(played.positions, bare.recording().positions)
    assert played.time[-1] == pytest.approx(12 / 30)


def test_absolute_actions_are_targets():
    """Give scale x action itself in the absolute mode: zero is the rest pose."""
    pair, reference, _ = squatting()
    bundle = untrained(squatting_pair(13), pair, action=ActionSpec("absolute", 2.0, 1.0))
    backend = BackendMujoco(pair, 1, threads=1)
    backend.set_state(reference.state[:1])
    assert not PolicyBase(pair, reference, bundle).targets(backend, 0).any()


def test_actions_are_clipped_and_scaled():
    """Move targets by scale x the action, never by more than scale x clip."""
    spec = ActionSpec("residual", 0.5, 1.0)
    targets = spec.targets(np.array([0.2, -3.0, 1.0]), np.array([[0.1, 0.1, 0.1]]))
    np.testing.assert_allclose(targets, [[0.2, -0.4, 0.6]])


def test_many_worlds_act_like_one():
    """Give each world of a batch the targets it would get alone."""
    pair, reference, bundle = squatting()
    states = reference.state[np.array([0, 4, 8])]
    many = BackendMujoco(pair, 3, threads=1)
    many.set_state(states)
    together = PolicyBase(pair, reference, bundle, n_worlds=3).targets(many, 2)
    for world in range(3):
        one = BackendMujoco(pair, 1, threads=1)
        one.set_state(states[world : world + 1])
        alone = PolicyBase(pair, reference, bundle).targets(one, 2)
        np.testing.assert_allclose(alone[0], together[world], atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_the_previous_action_is_remembered():
    """See the action that was really taken: its own, plus what somebody else added to the targets."""
    pair, reference, bundle = squatting()
    backend = BackendMujoco(pair, 1, threads=1)
    backend.set_state(reference.state[:1])
    seen: list[ObservedState] = []

    def notice(view: ObservedState, frame: int) -> ObservedState:
        seen.append(view)
        return view

    base = PolicyBase(pair, reference, bundle, notice=notice)
    targets = base.targets(backend, 0)
    base.executed(targets)
    again = base.targets(backend, 0)
    own = (targets - reference.targets[1]).reshape(1, 2, -1) / 0.5
    np.testing.assert_allclose(seen[1].action, own, atol=1e-5)
    assert not seen[0].action.any() and np.abs(own).max() > 0.01
    base.executed(again + 0.1)
    base.targets(backend, 0)
    own = (again - reference.targets[1]).reshape(1, 2, -1) / 0.5
    np.testing.assert_allclose(seen[2].action, own + 0.2, atol=1e-5)


def test_forks_leave_the_original_alone():
    """Carry the memory of one world into many, and nothing back."""
    pair, reference, bundle = squatting()
    backend = BackendMujoco(pair, 1, threads=1)
    backend.set_state(reference.state[:1])
    base, same = (PolicyBase(pair, reference, bundle) for _ in range(2))
    for each in (base, same):
        each.executed(each.targets(backend, 0))
    many = BackendMujoco(pair, 4, threads=1)
    many.set_state(reference.state[:1])
    fork = base.fork(4)
    inside = fork.targets(many, 0)
    fork.executed(inside + 0.3)
    np.testing.assert_array_equal(base.targets(backend, 0), same.targets(backend, 0))
    np.testing.assert_allclose(inside, np.repeat(inside[:1], 4, axis=0), atol=1e-5)


def test_hand_goals_follow_the_recipient():
    """Show the supporter hand goals moved with a recipient who is elsewhere, unless the bundle says not to."""
    clip, pair, _ = standing(5)
    near = replace(clip, recipient=replace(clip.recipient, trans=clip.recipient.trans - np.array([0.55, 0.0, 0.0])))
    reference = Reference.of(near, pair)
    backend = displaced_with_sensors(pair, reference, np.array([0.0, 0.1, 0.0]))
    targets = []
    for enabled in (True, False):
        bundle = untrained(near, pair, last=1.0)
        card = replace(bundle.card, retarget=replace(bundle.card.retarget, enabled=enabled, reach=1.0))
        targets.append(PolicyBase(pair, reference, PolicyBundle(card, bundle.parameters)).targets(backend, 0))
    assert np.abs(targets[0][0, 0] - targets[1][0, 0]).max() > 1e-4  # the supporter sees other goals


def displaced_with_sensors(pair: PairBody, reference: Reference, recipient: np.ndarray) -> BackendMujoco:
    """One world at the reference's first frame, the recipient elsewhere [m], whose contacts can be read."""
    plain = displaced(pair, reference, recipient=recipient)
    backend = BackendMujoco(pair, 1, threads=1)
    backend.set_state(plain.state())
    return backend


def in_torch(view: ObservedState) -> ObservedState:
    """The same view in tensors."""
    torch = pytest.importorskip("torch")

    def tensor(value: Any) -> Any:
        if isinstance(value, Bodies):
            return Bodies(*map(tensor, vars(value).values()))
        return torch.tensor(value) if isinstance(value, np.ndarray) else value

    arrays = {name: tensor(value) for name, value in vars(view).items()}
    return ObservedState(**{**arrays, "ahead": lambda seconds: tensor(view.ahead(seconds))})


def bundles_to_compare() -> list[Path | None]:
    """Every bundle of the repository, and one made here."""
    return [None, *sorted(path.parent for path in POLICIES.glob(f"*/{CARD}"))]


@pytest.mark.parametrize("folder", bundles_to_compare(), ids=lambda folder: folder.name if folder else "untrained")
def test_torch_and_numpy_give_the_same_action(folder: Path | None):
    """Give the same action to 1e-5 from observation to output, on numpy as the server and on torch as training."""
    torch = pytest.importorskip("torch")
    pair, reference, bundle = squatting()
    if folder is not None:
        bundle = read_bundle(folder)
    backend = BackendMujoco(pair, 4, threads=1)
    backend.set_state(reference.state[np.array([0, 3, 6, 9])])
    backend.step(2)
    action = np.random.default_rng(0).normal(0, 0.2, (4, 2, 63)).astype(np.float32)
    view = observe_state(backend, ReferenceTrajectory.of(reference), np.array([0, 3, 6, 9]), action)
    base = PolicyBase(pair, reference, bundle, n_worlds=4)
    expected = base.actions(view)
    for person, role in enumerate(("supporter", "recipient")):
        name = bundle.card.network(role)
        spec = bundle.card.networks[name]
        tensors = {key: torch.tensor(array) for key, array in bundle.parameters[name].items()}
        seen = observe(in_torch(view), [term for term, _ in spec.inputs])
        np.testing.assert_allclose(forward(spec, tensors, seen[:, person]).numpy(), expected[:, person], atol=1e-5)


# -- search ------------------------------------------------------------------------------------------------------------


def test_search_around_a_policy_is_deterministic():
    """Find the same motion again with the same seed, another with another policy."""
    pair, reference, bundle = squatting()

    def found(bundle: PolicyBundle) -> np.ndarray:
        base = PolicyBase(pair, reference, bundle)
        return Search(pair, reference, TINY, seed=3, threads=2, base=base).run().positions

    first = found(bundle)
    np.testing.assert_array_equal(first, found(bundle))
    assert np.abs(first - found(untrained(squatting_pair(13), pair))).max() > 1e-4


def test_search_around_a_policy_mends_it():
    """Stay nearer to the clip than a policy that bends every joint by some 0.2 rad does alone."""
    clip, pair, reference = standing(16)
    bent = untrained(clip, pair)
    parameters = {name: dict(arrays) for name, arrays in bent.parameters.items()}
    rng = np.random.default_rng(0)
    for arrays in parameters.values():
        arrays["layer2.bias"] = rng.normal(0, 0.4, arrays["layer2.bias"].shape).astype(np.float32)
    bundle = PolicyBundle(bent.card, parameters)
    alone = Playback(pair, reference, PolicyBase(pair, reference, bundle)).run()
    effort = replace(TINY, samples=48, iterations=3, horizon=9, sigma=0.12)
    searched = Search(pair, reference, effort, threads=2, base=PolicyBase(pair, reference, bundle)).run()
    off = [deviation(recording_to_clip(r, clip).joints, clip.joints).mean() for r in (searched, alone)]
    assert off[0] < 0.9 * off[1]


def test_search_around_a_policy_that_feels_nothing():
    """Search without contact sensors where no network reads forces, and play the same motion in either way."""
    clip, pair, reference = standing(10)
    terms = [term for term in BUILT_IN if term not in ("support", "partner_forces", "hand_contacts")]
    blind = PolicyBase(pair, reference, untrained(clip, pair, terms=terms, action=ActionSpec(slack=False)))
    assert not blind.touch
    assert Search(pair, reference, TINY, threads=1, base=blind.fork(1)).run().time[-1] == pytest.approx(0.3)
    backend = BackendMujoco(pair, 1, threads=1, sensors=False)
    backend.set_state(reference.state[:1])
    with_sensors = BackendMujoco(pair, 1, threads=1)
    with_sensors.set_state(reference.state[:1])
    np.testing.assert_array_equal(blind.fork(1).targets(backend, 0), blind.fork(1).targets(with_sensors, 0))


# -- attempts ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_policies) -> Path:
    """A folder that is looked through for bundles, and searches small enough for a test."""
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path))
    monkeypatch.setattr(controllers, "QUALITIES", {"default": TINY, "draft": TINY})
    return tmp_path


def settings(clip, **given) -> ControlSettings:
    """Settings that know which clip it is."""
    return ControlSettings(threads=1, sha256=clip_sha256(clip), **given)


def test_auto_prefers_a_fitting_policy(policies: Path):
    """Stand on the policy where one was trained on the clip with the same bodies; no search is made."""
    clip, pair, _ = standing(10)
    write_bundle(policies / "fits", renamed(untrained(clip, pair), "fits"))
    outcome = run_strategies(clip, pair, settings(clip))
    assert (outcome.controller, outcome.success, outcome.policy) == ("policy", True, "fits")
    assert outcome.policy_sha256 == read_bundle(policies / "fits").sha256 != ""
    assert outcome.attempts[0].control_steps == 0
    assert not outcome.notes


def test_a_clip_that_was_changed(policies: Path):
    """A clip that came from one a policy was trained on gets that policy where its origin is said, else a search."""
    clip, pair, _ = standing(10)
    write_bundle(policies / "fits", renamed(untrained(clip, pair), "fits"))
    changed = replace(clip, source="somewhere else")
    found = {}
    for origin in ("", clip_sha256(clip)):
        found[origin] = convert(
            changed, ConvertSettings(threads=1, origin_sha256=origin, prepare=PrepareSettings(feet=False))
        )
    assert [result.policy for result in found.values()] == ["", "fits"]


def test_a_policy_that_fits_less(policies: Path):
    """Search first, in `auto`, where a policy was trained with other bodies; play it when named; say what differs."""
    clip, pair, _ = standing(10)
    weak = PairBody.from_clip(clip, recipient=PRESETS["weak"])
    write_bundle(policies / "weak", renamed(untrained(clip, weak), "weak"))
    outcome = run_strategies(clip, pair, settings(clip))
    assert (outcome.controller, outcome.policy, outcome.notes) == ("search", "", ())
    outcome = run_strategies(clip, pair, settings(clip, policy="weak"))
    assert (outcome.controller, outcome.policy) == ("policy", "weak")
    assert len(outcome.notes) == 1
    assert outcome.notes[0] == "policy weak: recipient is adult, trained with weak"
    unlike = PrepareSettings(swing=False, grips=GripMode.OFF)
    outcome = run_strategies(clip, weak, settings(clip, prepare=unlike))
    assert (outcome.controller, outcome.notes) == (
        "policy",
        ("policy weak: swing is off, trained with on; grips is off, trained with auto",),
    )


def test_a_prior_is_searched_around(policies: Path):
    """Search around the prior on a clip nobody was trained on."""
    clip, pair, _ = standing(10)
    prior = untrained(standing_pair(4), pair, kind="prior", terms=PRIOR)
    write_bundle(policies / "prior", renamed(prior, "prior"))
    outcome = run_strategies(clip, pair, settings(clip, controller="search-policy"))
    assert (outcome.controller, outcome.success, outcome.policy) == ("search-policy", True, "prior")


def test_nothing_fits(policies: Path):
    """Fall back to the search in `auto`, and refuse where a policy was asked for, naming those there are."""
    clip, pair, _ = standing(10)
    other = untrained(standing_pair(4), pair)
    write_bundle(policies / "other", renamed(other, "other"))
    (policies / "broken").mkdir()
    (policies / "broken" / CARD).write_text("[]")
    outcome = run_strategies(clip, pair, settings(clip))
    assert (outcome.controller, outcome.policy) == ("search", "")
    assert any(note.startswith("left out: ") and "broken" in note for note in outcome.notes)
    for controller in ("policy", "search-policy"):
        with pytest.raises(AssistMimicError, match=f"controller {controller}: no policy .*other"):
            run_strategies(clip, pair, settings(clip, controller=controller))
    (policies / "torn").mkdir()
    write_bundle(policies / "torn", renamed(untrained(clip, pair), "torn"))
    (policies / "torn" / WEIGHTS).write_bytes(b"")
    outcome = run_strategies(clip, pair, settings(clip))
    assert outcome.controller == "search" and any("torn" in note for note in outcome.notes)
    named = run_strategies(clip, pair, settings(clip, controller="policy", policy="other"))
    assert (named.controller, named.success) == ("policy", True)


def test_a_policy_that_is_named_for_nothing(policies: Path):
    """Say that a controller has no use for the policy that was named."""
    clip, pair, _ = standing(5)
    outcome = run_strategies(clip, pair, settings(clip, controller="search", policy="any"))
    assert outcome.notes == ("left out: policy any: controller search has no use for it",)


def test_a_policy_that_fails_gives_way(policies: Path):
    """Fall back from a policy that loses the clip to the search, and say when it failed."""
    clip, pair, _ = standing(31)
    lost = untrained(clip, pair, action=ActionSpec("absolute", 1.0, 1.0))  # a T-pose that nobody balances
    bundle = PolicyBundle(replace(lost.card, name="lost"), wild(lost))
    write_bundle(policies / "lost", bundle)
    outcome = run_strategies(clip, pair, settings(clip))
    assert [attempt.controller for attempt in outcome.attempts] == ["policy", "search"]
    assert [attempt.success for attempt in outcome.attempts] == [False, True]
    assert "over 0.25 m off at" in outcome.attempts[0].reason


def wild(bundle: PolicyBundle) -> dict:
    """The bundle's parameters with a last bias that folds every joint."""
    parameters = {name: dict(arrays) for name, arrays in bundle.parameters.items()}
    for arrays in parameters.values():
        arrays["layer2.bias"] = np.ones_like(arrays["layer2.bias"])
    return parameters


def test_convert_plays_a_policy_without_torch(tmp_path: Path):
    """Convert with a policy in a Python that has no torch, and name the attempt in the result."""
    clip = standing_pair(10)
    write_npz(tmp_path / "in.npz", clip)
    pair = PairBody.from_clip(clip)
    write_bundle(tmp_path / "policies" / "fits", renamed(untrained(clip, pair), "fits"))
    code = (
        "import sys\n"
        "class NoTorch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'torch': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, NoTorch())\n"
        "from controller_server.cli import main\n"
        "sys.exit(main(['convert', 'in.npz', 'out.npz', '--controller', 'policy', '--policy', 'fits', '--no-feet']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, FOLDERS_VARIABLE: str(tmp_path / "policies"), "COLUMNS": "100"},
    )
    assert done.returncode == 0, done.stderr
    assert "Controller policy" in done.stdout + done.stderr
    meta = read_result_metadata(tmp_path / "out.npz")
    assert meta is not None
    assert (meta["controller"], meta["policy"]) == ("policy", "fits")
    assert meta["policy_sha256"] == read_bundle(tmp_path / "policies" / "fits").sha256
