"""Engines by name, and what users of an engine may use of one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import msgpack
import numpy as np
import pytest
from helpers.policy_cases import untrained
from helpers.standing import standing_pair
from helpers.training_cases import tiny

from controller_server.benchmarks import conversion as bench
from controller_server.body.pair import PairBody
from controller_server.body.strength import PRESETS, Strength
from controller_server.cli import main
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.formats import read_clip
from controller_server.clip.io.npz import write_npz
from controller_server.control.policy.action import ActionSpec
from controller_server.control.policy.bundle import write_bundle
from controller_server.core.errors import AssistMimicError
from controller_server.evaluation import evaluation
from controller_server.evaluation.conditions import Conditions, parse_dynamics
from controller_server.evaluation.evaluation import EvaluationClip, evaluate
from controller_server.physics import engines
from controller_server.physics.backend import Backend, ContactList, EngineOptions, PairState, Steps
from controller_server.physics.engines import BUILT_IN, engine_names, make_backend, register_engine
from controller_server.physics.mujoco_backend import BackendMujoco
from controller_server.physics.recorded_frames import slice_clip
from controller_server.pipeline.convert import convert
from controller_server.pipeline.result import Result
from controller_server.pipeline.settings import Controller, ConvertSettings, Quality
from controller_server.prepare.settings import PrepareSettings
from training.env.scene import Scene
from training.runner import Runner

DOOR = "door"
AS_IT_IS = PrepareSettings(smooth=False, ground=False, feet=False, swing=False, place=False, contacts=False)
MEMBERS = {name for name in (*vars(Backend), *Backend.__annotations__) if not name.startswith("_")}
MESSAGES = {kind.__name__: kind for kind in (ContactList, PairState, Steps, Strength)}


def packed(value: Any) -> Any:
    """Plain values that msgpack can carry; what is neither array, number, text nor one of the messages fails."""
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        # In the order in which it lies in memory: sums depend on that in their last digit.
        order = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
        laid = array.transpose(order)
        return {"array": laid.tobytes(), "type": laid.dtype.str, "shape": laid.shape, "order": order}
    if is_dataclass(value):
        return {"kind": type(value).__name__, "values": {f.name: packed(getattr(value, f.name)) for f in fields(value)}}
    if isinstance(value, dict):
        return {"map": [[packed(key), packed(item)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [packed(item) for item in value]
    assert value is None or isinstance(value, bool | int | float | str), f"{value!r} cannot be sent"
    return value


def unpacked(value: Any) -> Any:
    """The inverse of `packed`."""
    if isinstance(value, list):
        return [unpacked(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        laid = np.frombuffer(value["array"], value["type"]).reshape(value["shape"]).copy()
        return laid.transpose(np.argsort(value["order"])) if value["order"] else laid
    if "map" in value:
        return {unpacked(key): unpacked(item) for key, item in value["map"]}
    return MESSAGES[value["kind"]](**{name: unpacked(item) for name, item in value["values"].items()})


def sent(value: Any) -> Any:
    """What arrives of a value at the other side of a process border."""
    return unpacked(msgpack.unpackb(msgpack.packb(packed(value)), strict_map_key=False))  # pyright: ignore[reportArgumentType]


class Door:
    """Worlds of which nothing can be had but the protocol, and that only as bytes."""

    def __init__(self, pair: PairBody, n_worlds: int, options: EngineOptions) -> None:
        self._inside = BackendMujoco(pair, n_worlds, **vars(options))
        self.pair, self.n_worlds = pair, n_worlds
        self.capabilities = replace(self._inside.capabilities, move_person=False, per_world_pair=False)
        self.advanced = 0

    def __getattribute__(self, name: str) -> Any:
        if name in ("pair", "n_worlds", "capabilities") or name.startswith("__"):
            return object.__getattribute__(self, name)
        caller = sys._getframe(1).f_globals["__name__"]
        if caller == __name__:
            return object.__getattribute__(self, name)
        assert name in MEMBERS, f"{caller} uses {name}, which is not in the protocol"
        method: Callable[..., Any] = getattr(self._inside, name)
        self.advanced += name in ("step", "step_unchecked", "record")
        return lambda *given, **named: sent(method(*sent(given), **sent(named)))

    def __setattr__(self, name: str, value: Any) -> None:
        assert sys._getframe(1).f_globals["__name__"] == __name__, f"{name} is set from outside"
        object.__setattr__(self, name, value)


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch) -> list[Door]:
    """The engine `door`, and all worlds made in it."""
    made: list[Door] = []

    def make(pair: PairBody, n_worlds: int, options: EngineOptions) -> Backend:
        made.append(Door(pair, n_worlds, options))
        return made[-1]  # pyright: ignore[reportReturnType]

    monkeypatch.setattr(engines, "_ENGINES", dict(engines._ENGINES))
    register_engine(DOOR, make)
    return made


@pytest.fixture(scope="module")
def clip() -> InteractionClip:
    """A fifth of a second of one person pulling the other up: both hands hold."""
    return slice_clip(read_clip([bench.CLIPS / "pull_up.npz"]).clip, slice(60, 66))


def test_a_conversion_needs_the_protocol_alone(doors: list[Door], clip: InteractionClip, tmp_path):
    """Search and play a policy on worlds that show nothing else, with the built-in engine's result bit for bit."""
    pair = PairBody.from_clip(clip)
    write_bundle(tmp_path / "b", untrained(clip, pair, last=1.0, action=ActionSpec(slack=True)))
    for controller in (Controller.SEARCH, Controller.POLICY):
        settings = ConvertSettings(controller, Quality.DRAFT, str(tmp_path / "b"), threads=1, prepare=AS_IT_IS)
        expected, found = (convert(clip, replace(settings, engine=engine)) for engine in (BUILT_IN, DOOR))
        assert_same(expected, found)
        assert len(expected.recording.contact_step) > 10 and np.any(expected.prepared_clip.grips)
    # The last world was played: one message a control step took commands there and brought all that was read back.
    assert doors[-1].advanced == round(doors[-1]._inside.time()[0] * pair.control_hz) == 5


def assert_same(expected: Result, found: Result) -> None:
    """Compare recordings and scores bit for bit."""
    for name, values in vars(expected.recording).items():
        np.testing.assert_array_equal(getattr(found.recording, name), values, err_msg=name)
    assert found.scores == expected.scores and found.settings.engine == DOOR


def test_an_evaluation_needs_the_protocol_alone(doors: list[Door], clip: InteractionClip, monkeypatch):
    """Give the same report of trials, help tests and verdicts."""
    pair = PairBody.from_clip(clip, recipient=PRESETS["weak"])
    bundle = untrained(clip, pair, last=1.0)
    monkeypatch.setattr(evaluation, "_prepared", lambda bundle, entry: entry.clip)  # the same for both
    clip = replace(clip, grips=np.ones((clip.n_frames, 2, 2)))
    reports = [
        evaluate(
            [bundle],
            [EvaluationClip("near", clip)],
            parse_dynamics(["push"]),
            Conditions(2, threads=1, engine=engine),
            help_tests=(),
        )
        for engine in (BUILT_IN, DOOR)
    ]
    assert [report["conditions"].pop("engine") for report in reports] == [BUILT_IN, DOOR]
    for report in reports:
        del report["playback"], report["machine"]  # times and load
    assert doors and json.dumps(reports[0]) == json.dumps(reports[1])


def test_training_needs_the_protocol_alone(doors: list[Door], tmp_path):
    """Learn the same weights in two updates."""
    from training.settings.config import BodyConfig

    learned = []
    for engine in (BUILT_IN, DOOR):
        scene = Scene.of("standing", standing_pair(13), BodyConfig(), ready=True, engine=engine)
        runner = Runner(tiny(engine=engine, coarse=0.5), [scene], tmp_path / engine, threads=1)
        for _ in range(2):
            runner.advance()
        learned.append([p.detach().numpy() for own in runner.learners.values() for p in own.actor.trainable])
    assert doors
    for expected, found in zip(*learned, strict=True):
        np.testing.assert_array_equal(expected, found)
    replay = Runner(tiny(engine=DOOR, mode="replay"), [scene], tmp_path / "replay", threads=1)
    with pytest.raises(AssistMimicError, match="cannot replay"):
        replay.advance()


def test_an_engine_that_is_not_there_is_one_line(clip: InteractionClip, tmp_path, capsys, monkeypatch):
    """List the engines there are, and name the extra that installs what one needs."""
    write_npz(tmp_path / "in.npz", clip)
    assert main(["convert", str(tmp_path / "in.npz"), str(tmp_path / "out.npz"), "--engine", "no_such"]) == 2
    assert "there are mujoco" in capsys.readouterr().err
    monkeypatch.setattr(engines, "_ENGINES", dict(engines._ENGINES))
    register_engine("far", "no_such_package.engine:make", extra="far")
    pair = PairBody.from_clip(clip)
    with pytest.raises(AssistMimicError, match=r"pip install 'assistmimic\[far\]'"):
        make_backend("far", pair, 1)
    with pytest.raises(AssistMimicError, match="lacks contact_split"):
        make_backend(BUILT_IN, pair, 1, EngineOptions(sensors=False), needs=("contact_split",))
    with pytest.raises(AssistMimicError, match="engine"):
        ConvertSettings(engine="a name")


@pytest.mark.parametrize("written", ["json", "json:nope", ":make", "broken_engine:make"])
def test_an_engine_that_cannot_be_loaded_is_one_line(written: str, tmp_path, monkeypatch):
    """Say which engine cannot be loaded, why, and how it is written, whatever a foreign module does."""
    monkeypatch.setattr(engines, "_ENGINES", dict(engines._ENGINES))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "broken_engine.py").write_text("1 / 0\n")
    register_engine("wrong", written)
    with pytest.raises(AssistMimicError, match=r"engine wrong: .* cannot be loaded \(.*Error: .*MODULE:FUNCTION"):
        engines.load_engine("wrong")


def test_an_installed_package_brings_its_engine(clip: InteractionClip, tmp_path, monkeypatch):
    """Find an engine by its package's entry point and load it when worlds are asked for."""
    about = tmp_path / "brought-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[assistmimic.engines]\nbrought = brought_engine:make\n")
    (tmp_path / "brought_engine.py").write_text(
        "from controller_server.physics.mujoco_backend import make as inner\n"
        "def make(pair, n_worlds, options):\n    return inner(pair, n_worlds, options)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert engine_names()[:1] == [BUILT_IN] and "brought" in engine_names()
    assert "brought_engine" not in sys.modules
    assert make_backend("brought", PairBody.from_clip(clip), 2).n_worlds == 2
