"""Every setting of a conversion can be made in Blender, or a reason says why not. No Blender in here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blender_addon.ui.core_settings import NOT_PARAMETERS, STEPS, convert_settings, limit_properties
from blender_addon.ui.presets import BALANCED, PRESETS
from controller_server.metrics.criteria import Criteria
from controller_server.pipeline.settings import ConvertSettings


def scene() -> SimpleNamespace:
    """Parameters of a new scene."""
    limits = SimpleNamespace(**{name: values["default"] for name, values in limit_properties().items()})
    more = {"policy": "", "seed": 0, "hands": "mitten", "engine": "", "remove_supporter": False, "grips": "AUTO"}
    return SimpleNamespace(**BALANCED, **more, limits=limits)


def names(values: dict[str, Any]) -> set[str]:
    """Names of settings, with what they are in."""
    inner = {f"{of}.{name}" for of in ("criteria", "prepare") for name in values[of]}
    return (set(values) | inner) - {"criteria", "prepare"}


def test_every_setting_of_the_core_is_in_blender() -> None:
    """A setting that was added to the core alone is found by its name; reasons are for settings that exist."""
    core, blender = names(ConvertSettings().to_dict()), names(convert_settings(scene()))
    assert core - blender - set(NOT_PARAMETERS) == set(), "put them into blender_addon/ui/core_settings.py"
    assert blender <= core and set(NOT_PARAMETERS) <= core
    assert all(len(reason.split()) > 5 for reason in NOT_PARAMETERS.values())


def test_a_new_scene_has_the_defaults_of_the_core() -> None:
    """The parameters of a new scene are the core's defaults; a limit that Blender keeps inexactly is still itself."""
    settings = scene()
    settings.limits.max_joint_error_m = 0.15000000596046448
    values = ConvertSettings.from_dict(convert_settings(settings))
    assert values == ConvertSettings(carry_report=True)
    assert values.criteria.changed == {}


def test_presets_set_parameters_there_are() -> None:
    """Each preset names parameters of a scene only, and every step of preparing is one."""
    assert all(set(changed) <= set(BALANCED) for _, _, changed in PRESETS.values())
    assert set(STEPS) < set(BALANCED)


def test_limits_have_labels_units_and_tooltips() -> None:
    """What the panel says of a limit comes from the core's own words."""
    found = limit_properties()
    assert list(found) == list(Criteria().__dict__)
    assert found["max_slip_m"]["name"] == "Max slip [m]" and found["rest_speed_m_s"]["name"] == "Rest speed [m/s]"
    assert found["min_contacts_kept"]["name"] == "Min contacts kept" and found["limb_frames"]["max"] == 100
    assert len({values["name"] for values in found.values()}) == len(found)
    assert all(len(values["description"]) > 10 for values in found.values())
