"""Policy bundles: they come back as written, say which entry differs, run nothing, and are found by name and fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from helpers.policy_cases import renamed, untrained
from helpers.standing import standing_pair

from controller_server.body.pair import PairBody
from controller_server.body.shape import Hands
from controller_server.body.strength import PRESETS, Strength
from controller_server.control.policy.bundle import (
    CARD,
    WEIGHTS,
    PolicyBundle,
    read_bundle,
    read_card,
    write_bundle,
    write_scores,
)
from controller_server.control.policy.bundle_body import BodySettings
from controller_server.control.policy.bundle_card import Source
from controller_server.control.policy.bundle_store import FOLDERS_VARIABLE, find_bundle, fitting, list_bundles
from controller_server.control.policy.policy import check_fit
from controller_server.control.policy.retarget import RetargetSettings
from controller_server.core.errors import AssistMimicError
from controller_server.pipeline.result import clip_sha256

CLIP = standing_pair(3)
WEAK = PairBody.from_clip(CLIP, recipient=PRESETS["weak"])
NORMAL = PairBody.from_clip(CLIP)


@pytest.fixture
def bundle() -> PolicyBundle:
    """A bundle with every entry of its card filled in."""
    return untrained(
        CLIP,
        WEAK,
        last=0.5,
        retarget=RetargetSettings(enter=0.8, leave=1.0),
        data=(Source("walks.npz", "ab" * 32),),
        training={"command": "assistmimic train specialist", "steps": np.int64(5), "rates": (0.1, 0.2)},
        scores={"rows": [{"clip": "clip", "success_rate": np.float64(0.5)}]},
        acknowledgements="Thanks – to everyone.",
    )


@pytest.fixture
def folder(bundle: PolicyBundle, tmp_path: Path) -> Path:
    """Where it was written."""
    write_bundle(tmp_path / "made", bundle)
    return tmp_path / "made"


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the card of a bundle as a person with an editor would."""
    values = yaml.safe_load((folder / CARD).read_text())
    change(values)
    (folder / CARD).write_text(yaml.safe_dump(values))


def test_bundles_come_back(bundle: PolicyBundle, folder: Path):
    """Read what was written: every entry of the card, every weight bit for bit; two files and nothing else."""
    back = read_bundle(folder)
    plain = {"command": "assistmimic train specialist", "steps": 5, "rates": [0.1, 0.2]}
    assert back.card == replace(bundle.card, training=plain, scores={"rows": [{"clip": "clip", "success_rate": 0.5}]})
    assert back.card.body.recipient == PRESETS["weak"]
    for network, arrays in bundle.parameters.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(back.parameters[network][name], array)
    assert sorted(path.name for path in folder.iterdir()) == [CARD, WEIGHTS]


def test_half_size(bundle: PolicyBundle, folder: Path, tmp_path: Path):
    """Take half the room for layers kept in float16, normalisers unchanged, weights within a half's precision."""
    write_bundle(tmp_path / "half", bundle, half=True)
    sizes = [(path / WEIGHTS).stat().st_size for path in (tmp_path / "half", folder)]
    assert sizes[0] < 0.7 * sizes[1]
    back = read_bundle(tmp_path / "half").parameters["recipient"]
    for name, array in bundle.parameters["recipient"].items():
        tolerance = 1e-3 if name.startswith("layer") else 0
        assert back[name].dtype == np.float32
        np.testing.assert_allclose(back[name], array, rtol=tolerance, atol=tolerance / 1e3)


def test_scores_are_written_later(bundle: PolicyBundle, folder: Path):
    """Put scores into the card and leave everything else as it was, the weights' file untouched."""
    before = (folder / WEIGHTS).read_bytes()
    write_scores(folder, {"rows": [{"clip": "clip", "success_rate": 1.0}]})
    back = read_bundle(folder).card
    assert back.scores == {"rows": [{"clip": "clip", "success_rate": 1.0}]}
    assert replace(back, scores={}, training={}) == replace(bundle.card, scores={}, training={})
    assert (folder / WEIGHTS).read_bytes() == before


def test_writing_again_replaces(bundle: PolicyBundle, folder: Path):
    """Put a new bundle in the place of the old one."""
    write_bundle(folder, renamed(bundle, "second"))
    assert read_bundle(folder).card.name == "second"
    assert sorted(path.name for path in folder.iterdir()) == [CARD, WEIGHTS]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda v: v.pop("licence"), "licence is missing"),
        (lambda v: v.update(colour="red"), "no entry 'colour'; there are"),
        (lambda v: v.update(format="assistmimic-policy-9"), "format is 'assistmimic-policy-9', this version reads"),
        (lambda v: v.update(name="../up"), "name: '../up' is not a name: up to 100 letters"),
        (lambda v: v.update(kind="expert"), "kind: 'expert' is none of"),
        (lambda v: v["networks"].pop("recipient"), "networks: expected supporter and recipient"),
        (
            lambda v: v["networks"]["supporter"]["hidden"].append(0),
            r"networks.supporter.hidden\[.\]: 0 is not 1 or more",
        ),
        (lambda v: v["action"].update(mode="torque"), "action.mode: 'torque' is none of"),
        (lambda v: v["action"].update(scale="big"), "action.scale: expected a number, got 'big'"),
        (lambda v: v["body"].update(hands="claws"), "body.hands: 'claws' is none of"),
        (lambda v: v["body"].update(grip_force=9000), "body.grip_force: 9000 N is outside 0-450"),
        (lambda v: v["body"].update(grip_force=10**400), "body.grip_force: expected a smaller number"),
        (lambda v: v["body"].update(control_hz=31), "body: physics_hz 240 is not a multiple of control_hz 31"),
        (lambda v: v["body"]["recipient"].update(mass=99), "body.recipient.mass: 99 is outside 0.1-5"),
        (lambda v: v["body"]["recipient"]["limits"].update(tail=5), "body.recipient: limits: no muscle group 'tail'"),
        (lambda v: v["retarget"].update(enter=9.0), "retarget: enter 9 m must not be beyond leave"),
        (lambda v: v["clips"][0].pop("sha256"), r"clips\[0\]: sha256 is missing"),
        (lambda v: v.update(clips=[]), "clips: a specialist names the clips"),
        (lambda v: v.update(scores=5), "scores: expected names and values, got 5"),
        (lambda v: v.pop("weights_sha256"), "weights_sha256: expected text"),
        (lambda v: v.update(weights_sha256="00"), "weights_sha256 in bundle.yaml is that of other weights"),
        (lambda v: v["networks"]["recipient"]["hidden"].reverse(), "networks is not what the weights were made for"),
        (lambda v: v["networks"]["recipient"]["inputs"].reverse(), "networks is not what the weights were made for"),
        (lambda v: v["action"].update(scale=0.4), "action is not what the weights were made for"),
        (lambda v: v["retarget"].update(enabled=False), "retarget is not what the weights were made for"),
    ],
)
def test_a_changed_entry_is_named(folder: Path, change: Callable, complaint: str):
    """Refuse a card with an entry missing, unknown or impossible, or one that is not of its weights, by name."""
    edit(folder, change)
    with pytest.raises(AssistMimicError, match=complaint) as caught:
        read_bundle(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        (CARD, b"!!python/object/apply:os.system ['touch HACKED']", "not readable as YAML"),
        (CARD, b"- 1\n- 2\n", "expected names and values"),
        (CARD, b"\xff\xfe\x00", "not readable as YAML"),
        (WEIGHTS, b"\x80\x04\x95pickle", "weights_sha256 in bundle.yaml is that of other weights"),
        (CARD, b"training: {date: 2026-02-30}", "not readable as YAML"),
        (CARD, b"training: {pair_steps: !!int many}", "not readable as YAML"),
        (CARD, b"licence: !!bool perhaps", "not readable as YAML"),
        (CARD, b" " * (4 * 2**20 + 1), "larger than 4 MB"),
        (CARD, None, "cannot be read"),
        (WEIGHTS, None, "cannot be read"),
    ],
)
def test_broken_files_are_refused(folder: Path, name: str, data: bytes | None, complaint: str, monkeypatch):
    """Refuse files that are missing or no YAML and safetensors, and run nothing that is in them."""
    monkeypatch.chdir(folder)
    (folder / name).unlink() if data is None else (folder / name).write_bytes(data)
    with pytest.raises(AssistMimicError, match=complaint):
        read_bundle(folder)
    assert not (folder / "HACKED").exists()


def test_found_by_name_and_by_folder(bundle: PolicyBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Find bundles by name in the folders of the environment variable, the first of a name, and by their path."""
    for place, name in (("a/one", "one"), ("b/one", "one"), ("b/two", "two")):
        write_bundle(tmp_path / place, renamed(bundle, name))
    (tmp_path / "b" / "broken").mkdir()
    (tmp_path / "b" / "broken" / CARD).write_text("kind: specialist\n")
    monkeypatch.setenv(FOLDERS_VARIABLE, f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    found, problems = list_bundles()
    assert {"one", "two"} <= {f.card.name for f in found}
    assert len(problems) == 1 and "broken" in problems[0]
    assert find_bundle("one").folder == tmp_path / "a" / "one"
    assert find_bundle(str(tmp_path / "b" / "one")).folder == tmp_path / "b" / "one"
    assert find_bundle(str(tmp_path / "b" / "one" / CARD)).card.name == "one"
    with pytest.raises(AssistMimicError, match=r"policy 'three': no such bundle; there are one, two.*broken"):
        find_bundle("three")
    with pytest.raises(AssistMimicError, match=r"nowhere/bundle.yaml: cannot be read"):
        find_bundle("./nowhere")


def test_the_most_special_fits_first(bundle: PolicyBundle, tmp_path: Path):
    """Prefer the specialist of the clip trained with the same bodies, then others of the clip, then a prior."""
    cards = {
        "prior": untrained(CLIP, WEAK, kind="prior"),
        "normal": untrained(CLIP, NORMAL),
        "weak": bundle,
        "elsewhere": untrained(standing_pair(4), WEAK),
        "fingers": untrained(CLIP, PairBody.from_clip(CLIP, hands=Hands.FULL, recipient=PRESETS["weak"])),
    }
    for name, made in cards.items():
        write_bundle(tmp_path / name, renamed(made, name))
    bundles = list_bundles([tmp_path])[0]

    def names(pair: PairBody, sha256: str | None, **kinds) -> list[str]:
        return [found.card.name for found in fitting(bundles, pair, sha256, **kinds)]

    assert names(WEAK, clip_sha256(CLIP)) == ["weak", "normal", "prior"]
    assert names(NORMAL, clip_sha256(CLIP)) == ["normal", "weak", "prior"]
    assert names(WEAK, None) == ["prior"]
    assert names(WEAK, clip_sha256(CLIP), kinds=("specialist",)) == ["weak", "normal"]


def test_bodies_that_differ_are_named(bundle: PolicyBundle):
    """Tell what keeps a policy from steering a pair from what merely differs from its training."""
    body = BodySettings.of(WEAK)
    assert not body.obstacles(WEAK) and not body.differences(WEAK)
    other = replace(PairBody.from_clip(CLIP, recipient=Strength.scaled(0.5), grip_force=100), friction=0.5)
    assert not body.obstacles(other)
    assert body.differences(other) == [
        "recipient is 0.5, trained with weak",
        "grip_force is 100, trained with 300.0",
        "friction is 0.5, trained with 1.0",
    ]
    assert not body.differences(PairBody.from_clip(CLIP, supporter=Strength.parse("1"), recipient=PRESETS["weak"]))
    strong = PairBody.from_clip(CLIP, recipient=replace(PRESETS["weak"], mass=0.8))
    assert body.differences(strong) == ["recipient is of own strength, trained with weak"]
    assert body.obstacles(replace(WEAK, control_hz=60)) == ["control_hz is 60, trained with 30"]
    with pytest.raises(AssistMimicError, match="policy untrained: hands is full, trained with mitten"):
        check_fit(bundle.card, PairBody.from_clip(CLIP, hands=Hands.FULL))


def test_networks_that_differ_from_the_body_are_named(bundle: PolicyBundle):
    """Name the observation term or the output that does not go with the body."""
    spec = bundle.card.networks["recipient"]

    def fit(**change) -> None:
        networks = {**bundle.card.networks, "recipient": replace(spec, **change)}
        check_fit(replace(bundle.card, networks=networks), WEAK)

    with pytest.raises(AssistMimicError, match="recipient: outputs is 6, the body has 63 joint targets"):
        fit(outputs=6)
    with pytest.raises(AssistMimicError, match="recipient: height has 2 numbers, the body gives 1"):
        fit(inputs=(("height", 2), *spec.inputs[1:]))
    with pytest.raises(AssistMimicError, match="no term 'smell'"):
        fit(inputs=(("smell", 2), *spec.inputs[1:]))


def test_the_bodies_of_a_card_can_be_built():
    """Give a clip's people the bodies a policy was trained with."""
    pair = BodySettings(recipient=PRESETS["frail"], grip_force=120.0, friction=0.8).pair(CLIP)
    assert (pair.recipient.strength, pair.grip_force, pair.friction) == (PRESETS["frail"], 120.0, 0.8)
    assert BodySettings.of(pair) == BodySettings(recipient=PRESETS["frail"], grip_force=120.0, friction=0.8)


def test_cards_are_read_without_weights(folder: Path):
    """Read the card of a bundle whose weights are not there yet."""
    (folder / WEIGHTS).unlink()
    assert read_card(folder).name == "untrained"
