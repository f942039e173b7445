"""An evaluation measures what it says: limp is limp, removed is out of reach, dynamics are really changed."""

from __future__ import annotations

import json
import multiprocessing
import time
from dataclasses import replace

import numpy as np
import pytest
from helpers.policy_cases import renamed, untrained
from helpers.standing import standing_pair

from controller_server.body.pair import PairBody
from controller_server.body.strength import PRESETS
from controller_server.clip.interaction import InteractionClip, Prop
from controller_server.clip.io.npz import read_npz, write_npz
from controller_server.clip.skeleton import forward_kinematics
from controller_server.control.policy.action import ActionSpec
from controller_server.control.policy.bundle import PolicyBundle, read_bundle, write_bundle
from controller_server.control.policy.observation import observe_state
from controller_server.control.reference.reference import Reference
from controller_server.control.reference.reference_trajectory import ReferenceTrajectory
from controller_server.core.bundled import CLIPS as BUNDLED_CLIPS
from controller_server.core.errors import AssistMimicError
from controller_server.evaluation.conditions import Conditions, Dynamics, Noise, Push, TrialSample, parse_dynamics
from controller_server.evaluation.evaluation import EvaluationClip, bodies_of, evaluate, without_actions
from controller_server.evaluation.trials import Supporter, TrialSetup, _as_recorded, run_together, run_trials
from controller_server.evaluation.verdicts import VerdictTrials, _workers, failed_criteria, judge_trials
from controller_server.physics.mujoco_backend import BackendMujoco
from controller_server.physics.recorded_frames import slice_clip

STILL = Noise(0, 0, 0, 0, 0, 0)
ROW = ["clip", "dynamics", "trials", "success_rate", "success_tracking_rate", "failed_criteria", "mpjpe_mm"]
ROW += ["recipient_alone_success_rate", "max_wrench_n"]


def near_pair(frames: int = 10) -> InteractionClip:
    """Two people who stand half a metre apart and hold on with both hands."""
    clip = standing_pair(frames)
    recipient = replace(clip.recipient, trans=clip.recipient.trans - np.array([0.5, 0.0, 0.0]))
    return replace(clip, recipient=recipient, grips=np.ones((frames, 2, 2)))


CLIP = near_pair()
PAIR = PairBody.from_clip(CLIP, recipient=PRESETS["weak"])


def setup(
    supporter: Supporter = Supporter.ACTIVE, dynamics: str = "seen", trials: int = 2, noise: Noise = STILL
) -> TrialSetup:
    """Worlds ready for trials."""
    conditions = Conditions(trials=trials, threads=1, noise=noise)
    return TrialSetup.of(CLIP, PAIR, conditions, Dynamics.parse(dynamics), supporter)


def hold(made: TrialSetup, frames: int) -> BackendMujoco:
    """Hold the reference's targets for some frames."""
    backend, reference = made.backend, made.reference
    assert isinstance(backend, BackendMujoco)
    for frame in range(frames):
        row = reference.row(frame + 1)
        backend.set_targets(np.repeat(reference.targets[row][None], backend.n_worlds, axis=0))
        backend.set_grips(reference.grips[row])
        backend.step(made.pair.substeps)
    return backend


# -- the supporter -----------------------------------------------------------------------------------------------------


def test_a_limp_supporter_has_no_torque_and_holds_nothing():
    """Pull with no muscle of the supporter's, hold with neither hand, and let the body fall."""
    made = setup(Supporter.LIMP)
    assert not made.reference.grips[:, 0].any() and made.reference.grips[:, 1].all()
    start = made.backend.com()[:, 0, 2].copy()
    backend = hold(made, 30)
    assert np.abs(backend.torques()[:, 0][:, ~PAIR.ligaments[0]]).max() == 0
    assert np.abs(backend.torques()[:, 1]).max() > 1
    assert (backend.com()[:, 0, 2] < start - 0.5).all()


def test_a_removed_supporter_is_out_of_reach():
    """Put the supporter metres away, without a force on the recipient, whose own reference stays what it was."""
    made, usual = setup(Supporter.REMOVED), setup()
    positions = made.backend.positions()
    gap = np.linalg.norm(positions[:, 0, :, None, :2] - positions[:, 1, None, :, :2], axis=-1)
    assert gap.min() > 3.0
    np.testing.assert_allclose(made.reference.positions[:, 1], usual.reference.positions[:, 1], atol=1e-9)
    backend = hold(made, 5)
    assert not backend.forces()[:, 1, :, 0].any()


def test_an_unfelt_supporter_is_seen_where_they_should_be():
    """Show the recipient the recorded supporter, while the simulated one is out of reach."""
    made = setup(Supporter.UNFELT)
    reference = Reference.of(CLIP, PAIR)
    view = observe_state(
        made.backend, ReferenceTrajectory.of(made.reference), np.full(2, 3), np.zeros((2, 2, 63), np.float32)
    )
    shown = _as_recorded(ReferenceTrajectory.of(reference))(view, 3)
    for world in range(2):
        np.testing.assert_allclose(shown.now.positions[world, 0], reference.positions[3, 0], atol=1e-5)
        np.testing.assert_allclose(shown.goal.positions[world, 0], reference.positions[4, 0], atol=1e-5)
    np.testing.assert_array_equal(shown.now.positions[:, 1], view.now.positions[:, 1])
    np.testing.assert_array_equal(shown.grips, np.ones((2, 2, 2)))
    assert np.abs(view.now.positions[:, 0] - shown.now.positions[:, 0]).max() > 3.0
    np.testing.assert_array_equal(shown.forces, view.forces)


def test_clips_that_are_tried_together_are_as_tried_alone():
    """Measure in one batch of worlds what batches of one clip each measure, whatever their lengths and people."""
    box = Prop("box", np.array([0.0, 0.9, 0.25]), np.array([0.4, 0.4, 0.5]))
    other = replace(near_pair(6), props=(box,))
    clips = [(CLIP, PAIR), (other, PairBody.from_clip(other, supporter=PRESETS["older"]))]
    bundle, conditions, supporter = untrained(CLIP, PAIR, last=1.0), Conditions(3, threads=1), Supporter.UNFELT
    dynamics = Dynamics("push", {"mass": 1.2}, Push(200.0))
    together = run_together(clips, bundle, conditions, dynamics, supporter)
    for found, (clip, pair) in zip(together, clips, strict=True):
        alone = run_trials(clip, pair, bundle, conditions, dynamics, supporter)
        for name, value in vars(alone).items():
            # The network's sums may depend on how many worlds are multiplied at once, in the last digit.
            np.testing.assert_allclose(getattr(found, name), value, rtol=1e-4, atol=1e-6, err_msg=name)
    assert not np.allclose(together[0].torque, together[1].torque)


def test_unfelt_is_what_the_policy_sees():
    """Move the recipient otherwise when the recorded supporter is seen, though nobody is felt either way."""
    bundle = untrained(CLIP, PAIR, last=1.0)
    removed, unfelt = (
        run_trials(CLIP, PAIR, bundle, Conditions(2, threads=1), Dynamics(), supporter)
        for supporter in (Supporter.REMOVED, Supporter.UNFELT)
    )
    assert np.abs(removed.mpjpe[:, 1] - unfelt.mpjpe[:, 1]).min() > 1e-3
    assert not removed.partner_force.any() and not unfelt.partner_force.any()
    assert not removed.pull.any() and not removed.lift.any()


# -- dynamics ----------------------------------------------------------------------------------------------------------


def test_friction_differs_from_world_to_world():
    """Give each world its own friction: a person pushed slides in the slippery world and stays in the other."""
    made = setup(trials=2)
    made.backend.set_friction(np.array([0.05, 1.0]))
    wrench = np.zeros((2, 2, 6))
    wrench[:, 1, 0] = 120.0
    start = made.backend.positions()[:, 1, [7, 8]].copy()
    made.backend.set_wrench(wrench)
    moved = np.linalg.norm(hold(made, 10).positions()[:, 1, [7, 8]] - start, axis=-1).mean(axis=-1)
    assert moved[0] > 3 * moved[1]
    assert moved[0] > 0.02


def test_trials_have_the_friction_that_was_drawn():
    """Draw friction factors evenly between 0.8 and 1.2, and put them into the worlds."""
    made = setup(trials=200, noise=Noise())
    factors = made.draw.friction
    assert 0.8 <= factors.min() < 0.83 and 1.17 < factors.max() <= 1.2
    assert abs(factors.mean() - 1) < 0.02
    # The engine's own numbers, since nothing reads friction back through the protocol.
    assert isinstance(made.backend, BackendMujoco)
    inside = made.backend._batch.expand("geom_friction")[:, :, 0] / made.backend.model.geom_friction[:, 0]
    np.testing.assert_allclose(inside, np.repeat(factors[:, None], inside.shape[1], axis=1))


@pytest.mark.parametrize(("dynamics", "factor"), [("seen", 0.7), ("mass1.2", 0.84), ("mass1.5", 1.05)])
def test_the_recipient_weighs_what_the_dynamics_say(dynamics: str, factor: float):
    """Press on the floor with the changed weight, the supporter with their own."""
    clip = standing_pair(10)
    made = TrialSetup.of(clip, PAIR, Conditions(1, threads=1, noise=STILL), Dynamics.parse(dynamics))
    backend, force = made.backend, np.zeros(2)
    hold(made, 5)
    for _ in range(60):
        backend.step()
        force += backend.forces()[0, :, :, 1, 2].sum(axis=1) / 60
    grown = PAIR.recipient.mass / 0.7
    np.testing.assert_allclose(force / 9.81, [PAIR.supporter.mass, grown * factor], rtol=0.02)


def test_dynamics_change_the_recipient():
    """Multiply mass, the legs' gains or the hips' muscles of what the recipient had."""
    paper, weak = PRESETS["paper_interx"], PRESETS["weak"]
    assert Dynamics.parse("mass1.2").recipient(paper).mass == pytest.approx(0.84)
    gains = Dynamics.parse("gains0.5").recipient(weak)
    assert gains.muscle("left_knee", 70).kp[0] == pytest.approx(weak.muscle("left_knee", 70).kp[0] / 2)
    assert gains.muscle("left_elbow", 70) == weak.muscle("left_elbow", 70)
    hip = Dynamics.parse("hip0.5").recipient(weak)
    assert hip.muscle("left_hip", 70).limit[0] == pytest.approx((0.2 * 1.9 * 70, 0.2 * 2.8 * 70))
    assert hip.muscle("left_knee", 70) == weak.muscle("left_knee", 70)
    assert Dynamics().recipient(weak) == weak


def test_weakened_hips_pull_no_harder_than_their_cap():
    """Keep hip torques of the recipient within half of what they were in the worlds of hip0.5."""
    made = setup(dynamics="hip0.5")
    made.backend.set_targets(np.repeat(made.reference.targets[:1] - 1.0, 2, axis=0))
    made.backend.step(3)
    flexion = -made.backend.torques()[:, :, :2, 0]
    assert flexion[:, 1].max() == pytest.approx(PAIR.torque_limits[1, 0, 0, 0] / 2)
    assert flexion[:, 0].max() > 100


def test_names_of_dynamics():
    """Read names apart by commas or blanks, and refuse others with what there is."""
    assert [d.name for d in parse_dynamics(["seen,mass1.2", "push"])] == ["seen", "mass1.2", "push"]
    for text in ("mass", "mass0", "mass9", "arms0.5", "seen1"):
        with pytest.raises(AssistMimicError, match=f"dynamics '{text}': expected seen, push, or mass"):
            Dynamics.parse(text)


def test_pushes_hit_one_person_once():
    """Push the person drawn, at the time drawn, horizontally with 100 N for 0.2 s; report it as an external force."""
    start = Reference.of(CLIP, PAIR).state[:1]
    draw = TrialSample.of(start, PAIR, 50, 0)
    times = np.arange(0, 10, 1 / 30)
    wrench = np.stack([draw.wrench(Push(), t, 10.0) for t in times])
    force = np.linalg.norm(wrench[..., :3], axis=-1)
    assert set(np.round(force.max(axis=(0, 2)), 6)) == {100.0}
    assert not wrench[..., 2:].any()
    assert ((force > 0).sum(axis=0).max(axis=1) == 6).all()
    assert (np.count_nonzero(force.max(axis=0), axis=1) == 1).all()
    assert {0, 1} == set(force.max(axis=0).argmax(axis=1))
    trials = run_trials(CLIP, PAIR, untrained(CLIP, PAIR), Conditions(3, threads=1), Dynamics.parse("push"))
    assert trials.wrench.max() == pytest.approx(100.0)


# -- trials ------------------------------------------------------------------------------------------------------------


def test_starts_differ_and_come_again():
    """Start every trial elsewhere, with the lowest joint at its height, and the same for the same seed."""
    start = Reference.of(CLIP, PAIR).state[:1]
    first, again, other = (TrialSample.of(start, PAIR, 20, seed).state for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.local_quats, again.local_quats)
    assert np.abs(first.local_quats - other.local_quats).max() > 0.005
    assert first.root_position[:, :, :2].std(axis=0) == pytest.approx(0.01, rel=0.6)
    for person, body in enumerate(PAIR.people):
        heights = [
            forward_kinematics(
                body.skeleton.offsets, state.root_position[:, person], state.local_quats[:, person], PAIR.joints
            )[0][..., 2].min(axis=-1)
            for state in (start, first)
        ]
        np.testing.assert_allclose(heights[1], heights[0][0], atol=1e-9)


def test_who_stands_still_succeeds_and_who_folds_fails():
    """Count success where people stay on the clip and failure, with its time, where the policy folds them up."""
    clip, conditions = standing_pair(25), Conditions(4, threads=2)
    still = run_trials(clip, PAIR, untrained(clip, PAIR), conditions)
    assert still.success.all() and still.carried.all()
    assert still.mpjpe.max() < 60
    assert np.isnan(still.failure_time).all()
    assert not still.wrench.any()
    lost = untrained(clip, PAIR, action=ActionSpec("absolute", 1.0, 1.0))
    parameters = {name: dict(arrays) for name, arrays in lost.parameters.items()}
    for arrays in parameters.values():
        arrays["layer2.bias"] = np.ones_like(arrays["layer2.bias"])
    folded = run_trials(clip, PAIR, PolicyBundle(lost.card, parameters), conditions)
    assert not folded.success.any() and not folded.recipient_success.any()
    assert (folded.failure_time > 0).all() and (folded.failure_time < 1).all()
    assert (folded.mpjpe > still.mpjpe).all()
    assert folded.shortfall.max() > 0.15
    short = run_trials(clip, PAIR, PolicyBundle(lost.card, parameters), conditions, until_lost=True)
    np.testing.assert_array_equal(short.carried, folded.carried)
    np.testing.assert_array_equal(short.failure_time, folded.failure_time)


def test_the_same_seed_gives_the_same_trials():
    """Repeat every number with the same seed, whatever the number of threads."""
    bundle = untrained(CLIP, PAIR, last=1.0)
    first, again = (run_trials(CLIP, PAIR, bundle, Conditions(3, seed=5, threads=threads)) for threads in (1, 2))
    for name, values in vars(first).items():
        np.testing.assert_array_equal(values, getattr(again, name), err_msg=name)


def test_forces_between_people_are_measured():
    """Measure what the supporter really does to the recipient: a hold that bears no load is no lift."""
    held = run_trials(CLIP, PAIR, untrained(CLIP, PAIR), Conditions(2, threads=1, noise=STILL))
    assert held.weight == pytest.approx(PAIR.recipient.mass * 9.81)
    assert (np.abs(held.lift) < 0.2 * held.weight).all()
    assert np.isnan(held.lift_rising).all()  # nobody rises in this clip


def test_a_pull_has_a_size_and_a_direction():
    """Tell the horizontal part of a force from the upward one where hands really hold: both are parts of its size."""
    clip = slice_clip(read_npz(BUNDLED_CLIPS / "pull_up.npz"), slice(40, 52))
    pair = PairBody.from_clip(clip, recipient=PRESETS["weak"])
    held = run_trials(clip, pair, untrained(clip, pair), Conditions(2, threads=1, noise=STILL))
    assert (held.partner_force > 10).all()
    assert ((held.pull > 1) & (held.pull < held.partner_force)).all()
    assert (np.abs(held.lift) < held.partner_force).all()
    assert (np.hypot(held.pull, np.abs(held.lift)) <= held.partner_force + 1e-6).all()  # a mean's size is the smaller


@pytest.mark.slow
def test_verdicts_are_those_of_recordings():
    """Judge who stands as usable and who folds as lost, naming criteria, in other processes as in this one."""
    clip, conditions = standing_pair(8), Conditions(2, threads=1)
    pair = PairBody.from_clip(clip, recipient=PRESETS["weak"])
    still = VerdictTrials.of(clip, clip, pair, untrained(clip, pair), conditions)
    here, there = (judge_trials(still, threads=threads) for threads in (1, 2))
    assert here == there
    assert all(verdict.success and verdict.success_tracking and not verdict.failed for verdict in here)
    made = TrialSetup.of(clip, pair, conditions, Dynamics())
    np.testing.assert_array_equal(still.draw.state.local_quats, made.draw.state.local_quats)  # the trials of the rest
    np.testing.assert_array_equal(still.draw.friction, made.draw.friction)
    pushed = VerdictTrials.of(clip, clip, pair, still.bundle, conditions, Dynamics("push", {"mass": 1.5}, Push(9000.0)))
    assert pushed.judge.pair.recipient.mass == pytest.approx(1.5 * pair.recipient.mass)
    lost = judge_trials(pushed, threads=1)
    assert not any(verdict.success or verdict.success_tracking or verdict.assisted for verdict in lost)
    assert failed_criteria(lost)["joints"] == 2


def test_starts_can_be_had_without_noise():
    """Scale everything a start differs in, and leave the friction, which is no part of it."""
    assert Noise().of_start(0) == Noise(0, 0, 0, 0, 0, friction=0.2)
    assert Noise().of_start(1) == Noise()
    with pytest.raises(AssistMimicError, match="start noise"):
        Noise().of_start(-1)


@pytest.mark.slow
def test_rows_and_comparison():
    """Give rows with the promised names, a help test, and a paired comparison on the same trials."""
    bundle = untrained(CLIP, PAIR)
    shaky = renamed(untrained(CLIP, PAIR, last=2.0), "shaky")
    np.testing.assert_array_equal(without_actions(shaky).parameters["recipient"]["layer2.weight"], 0)
    assert without_actions(shaky).card.name == "shaky-no-actions"
    report = evaluate(
        [bundle, shaky],
        [EvaluationClip("near", CLIP)],
        parse_dynamics(["seen,mass1.5"]),
        Conditions(3, threads=2),
        help_tests=(Supporter.LIMP,),
        verdicts=False,
    )
    json.dumps(report, allow_nan=False)
    rows = report["rows"]
    assert [(row["bundle"], row["dynamics"]) for row in rows] == [
        ("untrained", "seen"),
        ("shaky", "seen"),
        ("untrained", "mass1.5"),
        ("shaky", "mass1.5"),
    ]
    assert all(name in row for row in rows for name in ROW)
    assert {row["trials"] for row in rows} == {3}
    assert rows[0]["success_tracking_rate"] == 1.0 and rows[0]["max_wrench_n"] == 0.0
    assert rows[0]["success_rate"] is None and rows[0]["failed_criteria"] == {}  # nobody asked for verdicts
    assert [row["bundle"] for row in report["help"]] == ["untrained", "shaky"]
    limp = report["help"][0]["supporter_limp"]
    assert set(limp) == {
        "success_rate",
        "deviation_success_rate",
        "height_success_rate",
        "final_pelvis_shortfall_m",
    }
    assert [row["bundle"] for row in report["playback"]] == ["untrained", "shaky"]
    assert all(row["times_real_time"] > 1 for row in report["playback"])
    assert {row["measure"] for row in report["comparison"]} == {"mpjpe", "com_spread", "torque", "partner_force"}
    assert all(row["first"] == "untrained" and row["second"] == "shaky" for row in report["comparison"])


def test_another_recipient_can_be_tried():
    """Give the recipient another strength than the bundle's when asked."""
    bundle = untrained(CLIP, PAIR)
    assert bodies_of(bundle, CLIP).recipient.strength == PRESETS["weak"]
    assert bodies_of(bundle, CLIP, PRESETS["frail"]).recipient.strength == PRESETS["frail"]


@pytest.mark.slow
def test_command(assistmimic, tmp_path):
    """Print JSON with rows of the promised names, and say in one line what cannot be evaluated."""
    write_npz(tmp_path / "near.npz", CLIP)
    write_bundle(tmp_path / "policy", untrained(CLIP, PAIR))
    options = ("--clips", "near.npz", "--trials", "2", "--no-help-tests", "--threads", "1")
    done = assistmimic("evaluate", "./policy", *options, "--json", "--out", "out.json", "--save")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [row["clip"] for row in report["rows"]] == ["near"]
    assert all(name in report["rows"][0] for name in ROW)
    assert json.loads((tmp_path / "out.json").read_text()) == report
    scores = read_bundle(tmp_path / "policy").card.scores
    row = dict(report["rows"][0])
    judged = row.pop("verdicts")
    assert scores["rows"] == [row]  # a card does not keep every trial
    assert row["success_rate"] == sum(trial["success"] for trial in judged) / 2
    assert set(scores) == {"rows", "help", "playback", "conditions", "versions", "machine"}
    assert scores["conditions"]["recipient"] == "as in training"
    write_bundle(tmp_path / "again", untrained(CLIP, PAIR))
    done = assistmimic("evaluate", "./policy", "./again", *options, "--json", "--save")
    assert done.returncode == 0, done.stderr
    both = json.loads(done.stdout)
    assert both["bundles"] == ["untrained", "untrained-2"] and both["comparison"][0]["second"] == "untrained-2"
    assert [row["bundle"] for row in both["rows"]] == both["bundles"]
    for name in ("policy", "again"):
        assert len(read_bundle(tmp_path / name).card.scores["rows"]) == 1
    told = assistmimic("info", "./policy").stdout
    assert told.startswith("policy untrained: specialist")
    assert "supporter adult, recipient weak, mitten hands" in told
    assert f"near, seen: success {row['success_rate']:.0%}, followed {row['success_tracking_rate']:.0%} of 2" in told
    for arguments, complaint in (
        (("nowhere", *options), "no such bundle"),
        (("./policy", *options, "--dynamics", "storm"), "dynamics 'storm'"),
        (("./policy", "--clips", "no.npz"), "no.npz"),
        (("./policy", *options[:2], "--trials", "0"), "trials: 0 is outside"),
        (("./policy", *options, "--seed", "-1"), "seed: -1 is outside"),
        (("./policy", *options, "--dynamics", "seen,seen"), "two dynamics are called seen"),
        (("./policy", *options, "--save", "--recipient-strength", "adult"), "leave out --recipient-strength"),
    ):
        failed = assistmimic("evaluate", *arguments)
        assert failed.returncode == 2, failed.stderr
        assert complaint in failed.stderr and failed.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_prior_is_tried_on_what_it_learned(assistmimic, tmp_path, monkeypatch):
    """Without clips, evaluate a prior on the motions its card names; captured ones only where the data is."""
    write_npz(tmp_path / "two.npz", standing_pair(6))
    entry = f"{tmp_path / 'two.npz'}@recipient+{tmp_path / 'two.npz'}@supporter"
    learned = {"config": {"clips": [entry, "data:a.bvh+data:b.bvh"]}}
    pair = PairBody.from_clip(standing_pair(6))
    write_bundle(tmp_path / "prior", untrained(standing_pair(6), pair, kind="prior", training=learned))
    monkeypatch.delenv("ASSISTMIMIC_DATA", raising=False)
    done = assistmimic("evaluate", str(tmp_path / "prior"), "--trials", "2", "--no-help-tests", "--json")
    assert done.returncode == 0, done.stderr
    assert [row["clip"] for row in json.loads(done.stdout)["rows"]] == ["twor-twos"]


def test_an_interrupted_evaluation_leaves_no_process_behind():
    """Ctrl-C does not wait for trials that are being played in other processes."""
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), _workers(time.sleep, 2) as run:  # type: ignore[arg-type]  # any callable
        run([60, 60])
        while len(multiprocessing.active_children()) < 2:
            time.sleep(0.01)
        raise KeyboardInterrupt
    assert time.monotonic() - began < 30
    assert not multiprocessing.active_children()
