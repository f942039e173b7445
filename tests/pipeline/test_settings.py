"""Settings as plain values and back."""

from __future__ import annotations

import json

import pytest

from controller_server.body.shape import Hands
from controller_server.core.errors import AssistMimicError
from controller_server.metrics.criteria import Criteria
from controller_server.pipeline.settings import Controller, ConvertSettings, Quality
from controller_server.prepare.settings import GripMode, PrepareSettings


def test_settings_survive_json():
    """Return equal settings after a trip through JSON, nested ones and enums included."""
    settings = ConvertSettings(
        controller=Controller.SEARCH,
        quality=Quality.DRAFT,
        seed=7,
        hands=Hands.FULL,
        recipient_strength="weak",
        grip_force=250.0,
        criteria=Criteria(max_slip_m=0.08, limb_frames=3),
        prepare=PrepareSettings(feet=False, grips=GripMode.OFF),
    )
    assert ConvertSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


def test_what_is_left_out_keeps_its_default():
    """Fill in defaults, nested ones too."""
    settings = ConvertSettings.from_dict({"seed": 3, "prepare": {"smooth": False}})
    assert settings == ConvertSettings(seed=3, prepare=PrepareSettings(smooth=False))


def test_a_strength_may_be_a_number():
    """Take a bare number for a strength and a whole number for a force."""
    settings = ConvertSettings.from_dict({"recipient_strength": 0.5, "grip_force": 200})
    assert settings.strengths[1].muscle("left_knee", 70).limit[0] == (105, 45.5)
    assert settings.grip_force == 200.0


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"sed": 1}, "settings: no entry 'sed'; did you mean seed?"),
        ({"seed": "one"}, "seed: expected a whole number, got 'one'"),
        ({"seed": -1}, "seed: -1 is outside"),
        ({"seed": True}, "seed: expected a whole number"),
        ({"controller": "dance"}, "'dance' is none of auto, policy, search-policy, search, assisted"),
        ({"grip_force": 900}, "grip_force: 900 N is outside 0-450"),
        ({"recipient_strength": "tiny"}, "recipient_strength: strength 'tiny'"),
        ({"threads": 5000}, "threads: 5000"),
        ({"prepare": {"feet": 1}}, "prepare.feet: expected true or false, got 1"),
        ({"criteria": {"max_slip_m": -0.1}}, "criteria.max_slip_m: -0.1 is outside 0-1000000; a limit is 0 or more"),
        ({"criteria": {"limb_frames": 1000}}, "criteria.limb_frames: 1000 is outside 0-100"),
        ({"prepare": 3}, "prepare: expected names and values"),
        ({"prepare": {"cutoff_hz": 0.0}}, "prepare.cutoff_hz: 0 Hz is outside 1-120"),
    ],
)
def test_impossible_settings_are_refused(values, told):
    """Name the setting and what is wrong with it."""
    with pytest.raises(AssistMimicError) as error:
        ConvertSettings.from_dict(values)
    assert told in str(error.value)


def test_body_weight_is_a_factor_of_its_own() -> None:
    """A mass factor multiplies what the strength preset says; an impossible one is refused by its name."""
    weak = ConvertSettings(recipient_strength="weak").strengths[1].mass
    assert ConvertSettings(recipient_strength="weak", recipient_mass=1.5).strengths[1].mass == pytest.approx(1.5 * weak)
    with pytest.raises(AssistMimicError, match="supporter_mass"):
        ConvertSettings(supporter_mass=9)
