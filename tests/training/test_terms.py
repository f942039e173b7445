"""Terms of the environment: terminations, events, tables of both roles, configurations in old and new words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml
from helpers.training_cases import WEIGHTS, moment, standing_scene, tiny, weighed

from controller_server.control.policy.retarget import RetargetSettings
from controller_server.core.errors import AssistMimicError
from controller_server.terms import Term, TermConfig, event, observation, reward, termination
from training.env.environment import PairEnvironment
from training.env.events import Effect
from training.settings.config import (
    EVENTS,
    OBSERVATION,
    RewardConfig,
    StartConfig,
    TrainConfig,
    config_from_dict,
    load_config,
)

START = StartConfig(first=1.0, kept=0.0)


def ends(name: str, m: object, memory: dict | None = None, **params: float) -> np.ndarray:
    """Who is out, to a termination."""
    (term,) = termination.bind({name: TermConfig(params=params)})
    return term(m, memory) if term.term.memory else term(m)


def environment(**changes: object) -> PairEnvironment:
    """Four pairs who stand, from the first frame on."""
    env = PairEnvironment(tiny(**{"start": START, "events": {}, **changes}), [standing_scene()], threads=1)
    env.reset()
    return env


# -- terminations ------------------------------------------------------------------------------------------------------


def test_a_contact_may_be_missing_for_ten_frames():
    """Ten frames without a touch that the reference has are borne, the eleventh ends it; a touch begins anew."""
    m = moment()
    grips, pressed = m.grips.copy(), m.forces.copy()
    grips[:, 0, 1], pressed[:, 0, 21, 0, 2] = 1.0, 50.0
    untouched, held, memory = replace(m, grips=grips), replace(m, grips=grips, forces=pressed), {"missing": 0.0}
    only_grips = {"near": 0.01}
    seen = [ends("lost_contact", untouched, memory, **only_grips) for _ in range(10)]
    seen += [ends("lost_contact", held, memory, **only_grips)]
    seen += [ends("lost_contact", untouched, memory, **only_grips) for _ in range(11)]
    assert not np.any(seen[:-1]) and seen[-1].all()
    assert not any(ends("lost_contact", m, {"missing": 99.0}, **only_grips).flat)


def test_people_who_drift_apart_or_fall_are_out():
    """Half a metre of distance and 0.3 m of pelvis height are borne, a little more is not; it is the distance alone."""
    m = moment()

    def moved(person: int, axis: int, by: float) -> object:
        positions = m.now.positions.copy()
        positions[:, person, :, axis] += by
        return replace(m, now=replace(m.now, positions=positions))

    apart = m.now.positions[:, 1, 0] - m.now.positions[:, 0, 0]
    axis = int(np.abs(apart[0]).argmax())
    away = float(np.sign(apart[0, axis]))
    assert not ends("lost_distance", moved(1, axis, 0.4 * away)).any()
    assert ends("lost_distance", moved(1, axis, 0.7 * away)).all()
    assert not ends("lost_distance", moved(1, axis, 0.7 * away), limit=0.8).any()
    assert not ends("fall", moved(1, 2, -0.28)).any() and not ends("fall", moved(1, 2, 0.9)).any()
    assert ends("fall", moved(1, 2, -0.35)).tolist() == [[False, True]]


def test_terminations_are_composed_by_name():
    """Nobody who stands is out; with a limit that nobody keeps everybody is, and a weight of 0 switches it off."""
    strict = {"deviation": TermConfig(params={"limit": 1e-6})}
    for config, out in ((strict, True), ({"deviation": replace(strict["deviation"], weight=0.0)}, False)):
        env = environment(termination={**config, "fall": TermConfig(), "lost_distance": TermConfig()})
        assert env.step(np.zeros((4, 2, env.n_actions), np.float32)).terminated.all() == out


# -- events ------------------------------------------------------------------------------------------------------------


def test_pushes_move_people_and_siblings_are_pushed_alike():
    """Somebody who is pushed for the whole episode is elsewhere; after regrouping the group is pushed as one."""
    places = []
    for events in ({}, {"push": TermConfig(params={"force": 150.0, "every": 1e-3, "duration": 0.4})}):
        env = environment(events=events)
        for _ in range(10):
            env.step(np.zeros((4, 2, env.n_actions), np.float32))
        places.append(env.worlds.backend.positions()[:, :, 0, :2].copy())
    moved = np.linalg.norm(places[1] - places[0], axis=-1)
    assert (moved.max(axis=1) > 0.02).all()
    env.regroup(2)
    held = env.worlds.events.state_dict()["event.push.wrench"]
    assert np.array_equal(held[0], held[1]) and np.abs(held).max() == pytest.approx(150, rel=0.3)


def test_strength_is_drawn_for_every_episode_and_stays_with_its_world(tmp_path):
    """The floor bears as much more as the drawn mass says; groups share it, and a resumed run has it again."""
    events = {"random_strength": TermConfig(params={"least": 1.5, "most": 2.0})}
    env = environment(events=events)
    part = env.worlds
    factors = part.events.state_dict()["strength.mass"]
    assert (factors[:, 0] == 1).all() and len(set(factors[:, 1])) == 4 and factors[:, 1].min() >= 1.5

    def borne() -> np.ndarray:
        for _ in range(8):
            env.step(np.zeros((4, 2, env.n_actions), np.float32))
        return part.backend.forces()[:, 1, :, 1, 2].sum(axis=1)

    weight = 9.81 * standing_scene().pair.recipient.mass
    assert np.allclose(borne(), weight * factors[:, 1], rtol=0.25)
    kept = env.state_dict()
    source = env.regroup(2)
    assert np.array_equal(part.events.state_dict()["strength.mass"], factors[source])
    again = environment(events=events)
    again.load_state_dict(kept)
    assert np.array_equal(again.worlds.events.state_dict()["strength.mass"], factors)


def test_the_noise_of_the_default_is_that_of_evaluations():
    """Starts and frictions differ as much as `evaluate` has them; without events nothing does."""
    spread = {}
    for name, events in (("none", {}), ("default", dict(EVENTS))):
        env = environment(events=events)
        state = env.worlds.backend.state()
        spread[name] = (np.ptp(state.root_position[..., :2], axis=0).max(), np.ptp(env.worlds.events.friction))
    assert spread["none"] == (0.0, 0.0)
    assert 0.001 < spread["default"][0] < 0.08 and 0.05 < spread["default"][1] < 0.4


# -- tables ------------------------------------------------------------------------------------------------------------


def test_roles_may_weigh_a_term_with_other_parameters():
    """Each person's value is by their own parameters, under one name; the same term may stand there twice."""
    supporter = {"positions": TermConfig(weight=1.0), "near": TermConfig("positions", 0.5, {"sharpness": 1e4})}
    recipient = {"positions": TermConfig(weight=1.0, params={"sharpness": 1e-9})}
    env = environment(reward=RewardConfig(supporter, recipient, coupling=0.0))
    step = env.step(np.zeros((4, 2, env.n_actions), np.float32) + 0.1)
    sums = env.worlds.sums
    assert list(env.rewards.weights) == ["positions", "near"]
    assert np.allclose(sums["positions"][:, 1], 1) and (sums["positions"][:, 0] < 0.9999).all()
    assert (sums["near"][:, 0] < sums["positions"][:, 0]).all()
    assert np.allclose(step.reward[:, 0], sums["positions"][:, 0] + 0.5 * sums["near"][:, 0], atol=1e-6)


def test_every_term_says_what_it_is():
    """All have a meaning; those about two people say so; names and groups do not depend on where terms stand."""
    tables: dict[str, dict[str, Term]] = {r.kind: r.all() for r in (observation, reward, termination, event)}
    assert all(term.meaning for terms in tables.values() for term in terms.values())
    assist = {name for name, term in tables["observation"].items() if term.group == "assist"}
    assert assist == {
        *("partner_positions", "partner_velocities", "partner_facing", "partner_goal", "partner_forces"),
        *("hand_contacts", "grips", "previous_action"),
    }
    assert {"contact", "reach", "labelled_contacts"} < {n for n, t in tables["reward"].items() if t.group == "assist"}
    with pytest.raises(AssistMimicError, match="grips is about two people"):
        tiny(kind="prior", observation=("height", "grips"))


# -- configurations ----------------------------------------------------------------------------------------------------

OLD = """
name: old
termination: 0.2
dynamics: [seen, mass1.25]
observation: [height, goal_positions]
start: {first: 0.3, noise: 0.5}
reward:
  supporter: {positions: 0.5, contact: 0.1}
  recipient: {positions: 0.5}
  gate: 0.3
"""
NEW = """
name: old
termination: {deviation: {params: {limit: 0.2}}}
observation: {height: , goal_positions: {}}
start: {first: 0.3}
events:
  start_noise: {params: {factor: 0.5}}
  friction: {params: {half_width: 0.1}}
  dealt_strengths: {params: {recipients: [seen, mass1.25]}}
reward:
  supporter: {positions: {weight: 0.5}, contact: {weight: 0.1}}
  recipient: {positions: {weight: 0.5}}
  gate: 0.3
"""


def test_configurations_of_earlier_versions_mean_what_they_meant(tmp_path):
    """Old words give the configuration that the new words give, from a file, from a checkpoint and by `--set`."""
    found = []
    for text in (OLD, NEW):
        (tmp_path / "c.yaml").write_text(text)
        found += [load_config(tmp_path / "c.yaml"), config_from_dict(yaml.safe_load(text), "checkpoint")]
    assert all(config == found[0] for config in found[1:])
    (tmp_path / "c.yaml").write_text("name: old\n")
    sets = ["termination=0.2", "start.noise=0.5", "start.first=0.3", "dynamics=[seen, mass1.25]"]
    said = load_config(tmp_path / "c.yaml", sets)
    assert (said.termination, said.events, said.start) == (found[0].termination, found[0].events, found[0].start)
    assert tuple(said.observation) == OBSERVATION and config_from_dict({"name": "old"}, "") == TrainConfig("old")


def test_parts_of_terms_can_be_set_by_name(tmp_path):
    """Weights, parameters, a term more and a term less, beside what the file and the defaults say; it survives YAML."""
    (tmp_path / "c.yaml").write_text("name: x\nreward: {supporter: {positions: 0.5}}\n")
    sets = [
        *("reward.supporter.positions.params.sharpness=50", "reward.supporter.labelled_contacts.weight=0.2"),
        *("observation.goal_ahead.params.seconds=0.5", "observation.grips.weight=0", "events.push={}"),
        *("events.friction.weight=0", "termination.lost_contact.params.frames=15"),
    ]
    config = load_config(tmp_path / "c.yaml", sets)
    assert config.reward.supporter["positions"] == TermConfig(weight=0.5, params={"sharpness": 50})
    assert config.reward.supporter["labelled_contacts"].weight == 0.2
    assert config.observation["goal_ahead"].params == {"seconds": 0.5} and "grips" not in config.observation
    assert set(config.events) == {"start_noise", "friction", "push"} and config.events["friction"].weight == 0
    assert config.termination["lost_contact"].params == {"frames": 15} and "deviation" in config.termination
    assert config_from_dict(yaml.safe_load(yaml.safe_dump(config.to_dict())), "again") == config


@pytest.mark.parametrize(
    ("effect", "said"),
    [
        ({"friction": np.full(4, -0.5)}, "event: friction: friction x -0.5"),
        ({"strength": {"mass": np.full((4, 2), -1.0)}}, "event: friction: mass x -1"),
        ({"strength": {"gains": np.full((4, 2), np.nan)}}, "event: friction: gains x nan"),
    ],
)
def test_an_event_cannot_ask_for_what_there_is_not(effect, said, monkeypatch):
    """Refuse negative friction and mass, and what is no number, by the event's name."""
    wrong = replace(event["friction"], function=lambda c, half_width: Effect(**effect))
    monkeypatch.setitem(event._terms, "friction", wrong)
    with pytest.raises(AssistMimicError, match=said):
        environment(events={"friction": TermConfig()})


def test_what_does_not_fit_is_named():
    """An unknown term, parameter or entry, a value of another kind, and a need that is not met are one line each."""
    for changes, message in (
        ({"termination": {"boredom": None}}, "termination: no term 'boredom'; there are deviation"),
        ({"events": {"push": {"params": {"weight": 3}}}}, "event: push: no parameter 'weight'; there are force"),
        ({"events": {"push": {"force": 3}}}, "events.push: no entry 'force'; there are term, weight, params"),
        ({"observation": ["height", "height"]}, "observation: height stands there twice"),
        ({"observation": 3}, "observation: expected names and values, got 3"),
        ({"reward": {"supporter": {"positions": "much"}}}, "positions.weight: expected a number, got 'much'"),
        ({"reward": {"supporter": {"positions": {"params": {"sharpness": [1]}}}}}, "sharpness: expected a number"),
    ):
        with pytest.raises(AssistMimicError, match=message):
            config_from_dict({"name": "x", **changes}, "c.yaml")
    term = reward["reach"]
    needing = replace(term, needs=frozenset({"retargeting"}))
    reward._terms["reach"] = needing
    try:
        with pytest.raises(AssistMimicError, match="reward.supporter: reach needs retargeting"):
            tiny(reward=weighed({"reach": 1.0}, WEIGHTS), retarget=RetargetSettings(enabled=False))
    finally:
        reward._terms["reach"] = term
