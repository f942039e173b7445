"""What a conversion works out, it works out once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.policy_cases import untrained

from controller_server.benchmarks import conversion as bench
from controller_server.body import compiled as compiling
from controller_server.body.compiled import compiled
from controller_server.body.mjcf import compile_pair
from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.formats import read_clip
from controller_server.control.policy import bundle, bundle_store
from controller_server.control.policy.action import ActionSpec
from controller_server.control.policy.bundle import write_bundle
from controller_server.metrics import geometry
from controller_server.physics import inverse_dynamics
from controller_server.physics.recorded_frames import slice_clip
from controller_server.pipeline.convert import convert
from controller_server.pipeline.result import result_arrays
from controller_server.pipeline.settings import Controller, ConvertSettings, Quality
from controller_server.prepare.settings import PrepareSettings

AS_IT_IS = PrepareSettings(smooth=False, ground=False, feet=False, swing=False, place=False, contacts=False)


@pytest.fixture(scope="module")
def clip() -> InteractionClip:
    """A fifth of a second of one person pulling the other up: both hands hold."""
    return slice_clip(read_clip([bench.CLIPS / "pull_up.npz"]).clip, slice(60, 66))


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each of the costly things is done, in a process that has done none of them yet."""
    found: Counter[str] = Counter()

    def count(module: Any, name: str, asked: Callable[..., bool] = lambda *given, **named: True) -> None:
        function = getattr(module, name)

        def counted(*given: Any, **named: Any) -> Any:
            found[name] += asked(*given, **named)
            return function(*given, **named)

        monkeypatch.setattr(module, name, counted)

    monkeypatch.setattr(compiling, "_known", [])
    count(compiling, "compile_pair")
    count(bundle, "parse_yaml")
    count(geometry, "clip_geometry")
    # Of whole motions: preparing looks at some frames of a clip, a start at the first few.
    count(
        inverse_dynamics, "inverse_dynamics", lambda *_, frames=None, only=None, **__: frames is None and only is None
    )
    return found


@pytest.mark.parametrize(
    ("action", "solved"),
    [(ActionSpec(), 1), (ActionSpec(sparing=1.0, slack=True), 2), (ActionSpec(sparing=1.0, closing=True), 2)],
    ids=["plain", "slack", "closing"],
)
def test_a_policy_is_played_without_doing_anything_twice(
    action: ActionSpec, solved: int, clip: InteractionClip, counts: Counter[str], tmp_path: Path, monkeypatch
):
    """Compile a pair with and without sensors, solve each load once, read each card once, look at three clips."""
    monkeypatch.setattr(bundle_store, "POLICIES", tmp_path)
    pair = PairBody.from_clip(clip)
    for name in ("one", "two"):
        write_bundle(tmp_path / name, untrained(clip, pair, name=name, action=action))
    counts.clear()
    result_arrays(convert(clip, ConvertSettings(Controller.POLICY, threads=1, prepare=AS_IT_IS)))
    assert counts == {"compile_pair": 2, "parse_yaml": 2, "clip_geometry": 3, "inverse_dynamics": solved}


def test_nobody_changes_the_model_that_all_share(clip: InteractionClip, counts: Counter[str], no_policies):
    """Find it as it was compiled after a search, whose worlds plan in coarser physics."""
    settings = ConvertSettings(Controller.SEARCH, Quality.DRAFT, threads=1, prepare=AS_IT_IS)
    pair = convert(clip, settings).pair
    assert counts["compile_pair"] <= 3 and counts["inverse_dynamics"] == 2
    for sensors in (False, True):
        shared, fresh = compiled(pair, sensors=sensors).model, compile_pair(pair, sensors=sensors)
        for name in ("geom_margin", "geom_friction", "dof_damping", "actuator_gainprm", "body_mass"):
            np.testing.assert_array_equal(getattr(shared, name), getattr(fresh, name), err_msg=name)
        assert (shared.opt.tolerance, shared.opt.impratio) == (fresh.opt.tolerance, fresh.opt.impratio)
