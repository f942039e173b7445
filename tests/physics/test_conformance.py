"""The built-in engine passes the conformance suite, and engines that are wrong in known ways do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mujoco
import numpy as np
import pytest

from controller_server.body import compiled, mjcf
from controller_server.body.pair import PairBody
from controller_server.body.shape import Hands
from controller_server.core.errors import AssistMimicError, SimulationDiverged
from controller_server.physics.backend import Capabilities, Steps
from controller_server.physics.conformance import Check, CheckOutcome, run_conformance, table
from controller_server.physics.conformance.scenes import STANDING, neutral_pair, on_floor, repeated, start
from controller_server.physics.conformance.suite import CHECKS
from controller_server.physics.mujoco_backend import BackendMujoco

NAMES = [function.__name__ for _, function in CHECKS]
FULL_HANDS = ["resting_weight", "grip_capacity", "unloaded_grip", "list_matches_split", "batch_equals_singles"]


def real(pair: PairBody, n: int) -> BackendMujoco:
    """The built-in engine; single worlds list their contacts, so that both ways of stepping are compared."""
    return BackendMujoco(pair, n, list_contacts=n == 1)


def one_thread(pair: PairBody, n: int) -> BackendMujoco:
    """The built-in engine on a single thread."""
    return BackendMujoco(pair, n, threads=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_built_in_engine_conforms(name: str):
    """Pass every check with mitten hands."""
    (check,) = run_conformance(real, only=[name], variants=[one_thread])
    assert check.outcome is CheckOutcome.PASSED, check


@pytest.mark.parametrize("name", FULL_HANDS)
def test_the_built_in_engine_conforms_with_full_hands(name: str):
    """Pass the checks in which hands matter with all finger joints."""
    (check,) = run_conformance(real, only=[name], hands=Hands.FULL)
    assert check.outcome is CheckOutcome.PASSED, check


class Wrong(BackendMujoco):
    """The built-in engine, to be broken."""

    def __init__(self, pair: PairBody, n: int) -> None:
        super().__init__(pair, n, list_contacts=n == 1)


class ForcesDoubled(Wrong):
    """Reads every force twice."""

    def forces(self) -> np.ndarray:
        """See `Backend.forces`."""
        return 2 * super().forces()


class GripInForces(Wrong):
    """Leaves the adhesion inside the contact forces, as MuJoCo gives them."""

    def forces(self) -> np.ndarray:
        """See `Backend.forces`."""
        assert self._sensordata is not None and self._sensors is not None
        return -self._sensordata[:, self._sensors.force]


class ForcesLate(Wrong):
    """Records the forces of the step before the last."""

    def record(self, n: int, readings: Any, **options: Any) -> Steps:
        """See `Backend.record`."""
        late = self.forces()
        steps = super().record(n, readings, **options)
        forces = np.concatenate([late[None], steps.readings["forces"][:-1]])
        return Steps({**steps.readings, "forces": forces}, steps.contacts)


class PushesOnce(Wrong):
    """Takes the push of the first recorded step for all of them."""

    def record(self, n: int, readings: Any, *, wrenches: Any = None, checked: bool = True) -> Steps:
        """See `Backend.record`."""
        same = None if wrenches is None else np.repeat(wrenches[:1], n, axis=0)
        return super().record(n, readings, wrenches=same, checked=checked)


class MovesBoth(Wrong):
    """Puts both people where one is to be put."""

    def set_person(self, person: int, state: Any) -> None:
        """See `MovesPerson.set_person`."""
        for who in range(2):
            super().set_person(who, state)


class NoGrip(Wrong):
    """Says that it grips and does not."""

    def set_grips(self, grips: np.ndarray) -> None:
        """See `Backend.set_grips`."""


class ForgetsWarmStart(Wrong):
    """Restores all but the solver's memory."""

    def restore(self, rows: np.ndarray, worlds: Any = None) -> None:
        """See `Backend.restore`."""
        at = mujoco.mj_stateSize(self.model, int(mujoco.mjtState.mjSTATE_FULLPHYSICS))
        size = mujoco.mj_stateSize(self.model, int(mujoco.mjtState.mjSTATE_WARMSTART))
        rows = np.array(rows)
        assert np.any(rows[..., at : at + size])
        rows[..., at : at + size] = 0
        super().restore(rows, worlds)


class CountsItsWorlds(Wrong):
    """Lets the size of the batch into the numbers."""

    def set_targets(self, targets: np.ndarray) -> None:
        """See `Backend.set_targets`."""
        super().set_targets(targets + 1e-12 * self.n_worlds)


class StrengthForAll(Wrong):
    """Gives the strength of one world to all."""

    def set_strength(self, people: Any, worlds: Any = None) -> None:
        """See `Backend.set_strength`."""
        super().set_strength(people)


class FrictionForAll(Wrong):
    """Gives the friction of the first world to all."""

    def set_friction(self, factors: Any, worlds: Any = None) -> None:
        """See `Backend.set_friction`."""
        super().set_friction(np.full(len(factors), factors[0]), worlds)


class OnePairForAll(Wrong):
    """Gives the pair of the first world to all."""

    def set_pairs(self, numbers: Any, worlds: Any = None) -> None:
        """See `HoldsPairs.set_pairs`."""
        super().set_pairs([numbers[0]] * len(numbers), worlds)


class KeepsFriction(Wrong):
    """Leaves a world the friction that it had with another pair."""

    factors: dict[int, float] = {}

    def set_friction(self, factors: Any, worlds: Any = None) -> None:
        """See `Backend.set_friction`."""
        self.factors = self.factors | dict(zip(worlds or range(self.n_worlds), factors, strict=True))
        super().set_friction(factors, worlds)

    def set_pairs(self, numbers: Any, worlds: Any = None) -> None:
        """See `HoldsPairs.set_pairs`."""
        super().set_pairs(numbers, worlds)
        for world, factor in self.factors.items():
            super().set_friction(np.array([factor]), [world])


class FallsShort(Wrong):
    """Follows joint targets by 99 %."""

    def set_targets(self, targets: np.ndarray) -> None:
        """See `Backend.set_targets`."""
        super().set_targets(0.99 * targets)


class TooStrong(Wrong):
    """Gives a tenth more than the muscles have."""

    def torques(self) -> np.ndarray:
        """See `Backend.torques`."""
        return 1.1 * super().torques()


class ResetsSilently(Wrong):
    """Puts a diverged world back to its last start and says nothing."""

    def set_state(self, state: Any, worlds: Any = None) -> None:
        """See `Backend.set_state`."""
        super().set_state(state, worlds)
        self.good = self.save()

    def step(self, n: int = 1) -> None:
        """See `Backend.step`."""
        try:
            super().step(n)
        except SimulationDiverged as error:
            self.restore(self.good[error.world], [error.world])


class NamesAnother(Wrong):
    """Names another world than the one that diverged."""

    def step(self, n: int = 1) -> None:
        """See `Backend.step`."""
        try:
            super().step(n)
        except SimulationDiverged as error:
            raise SimulationDiverged("world 0 diverged", world=0, time=error.time, dump=error.dump) from None


class DatesByTheCall(Wrong):
    """Gives the end of the call as the time of the divergence."""

    def _last_good(self, before: np.ndarray, world: int, n: int) -> np.ndarray:
        return before


class NeverForgives(Wrong):
    """Goes on reporting a world that was restored."""

    def restore(self, rows: np.ndarray, worlds: Any = None) -> None:
        """See `Backend.restore`."""
        super().restore(rows, worlds)
        self._forgiven[:] = 0


WRONG_CODE: list[tuple[type[Wrong], str]] = [
    (ForcesDoubled, "resting_weight"),
    (ForcesDoubled, "forces_explain_motion"),
    (GripInForces, "unloaded_grip"),
    (GripInForces, "grip_reads_load"),
    (ForcesLate, "list_matches_split"),
    (ForcesLate, "recorded_equals_read"),
    (PushesOnce, "recorded_equals_read"),
    (MovesBoth, "person_is_moved"),
    (NoGrip, "grip_capacity"),
    (NoGrip, "unloaded_grip"),
    (ForgetsWarmStart, "restored_continues"),
    (CountsItsWorlds, "batch_equals_singles"),
    (StrengthForAll, "strength_of_one_world"),
    (FrictionForAll, "friction_of_worlds"),
    (OnePairForAll, "pairs_of_worlds"),
    (KeepsFriction, "pairs_of_worlds"),
    (FallsShort, "targets_reached"),
    (TooStrong, "torques_within_limits"),
    (ResetsSilently, "divergence_is_reported"),
    (NamesAnother, "divergence_is_reported"),
    (DatesByTheCall, "divergence_is_reported"),
    (NeverForgives, "divergence_is_reported"),
]


@pytest.mark.parametrize(("engine", "name"), WRONG_CODE, ids=lambda v: v if isinstance(v, str) else v.__name__)
def test_wrong_engines_are_found(engine: type[Wrong], name: str):
    """Fail the check that asks for what an engine does wrong."""
    (check,) = run_conformance(engine, only=[name])
    assert check.outcome is CheckOutcome.FAILED, check


def heavy_air(spec: mujoco.MjSpec) -> None:
    """Let people fall more slowly."""
    spec.option.gravity = [0, 0, -9.0]


def hovering(spec: mujoco.MjSpec) -> None:
    """Let the floor be felt 5 cm above it."""
    spec.geom("floor").pos = [0, 0, 0.1]


def pyramids(spec: mujoco.MjSpec) -> None:
    """Use MuJoCo's default friction."""
    spec.option.cone, spec.option.impratio = mujoco.mjtCone.mjCONE_PYRAMIDAL, 1


def sticky_floor(spec: mujoco.MjSpec) -> None:
    """Let friction hold more than it should."""
    spec.geom("floor").friction = [1.5, 0.005, 0.0001]


def sticky_palms(spec: mujoco.MjSpec) -> None:
    """Let gripping palms hold floor and props as well."""
    for geom in spec.geoms:
        if geom.name.endswith("_palm"):
            geom.contype |= 4


def stiff_springs(spec: mujoco.MjSpec) -> None:
    """Make springs so stiff that no step is short enough for them."""
    for actuator in spec.actuators:
        if actuator.trntype == mujoco.mjtTrn.mjTRN_JOINT:
            actuator.gainprm[0] *= 20
            actuator.biasprm[1] *= 20
            actuator.forcerange = [-1e6, 1e6]


WRONG_PHYSICS: list[tuple[Callable[[mujoco.MjSpec], None], str]] = [
    (heavy_air, "fall_time"),
    (hovering, "landing_time"),
    (pyramids, "friction_holds"),
    (sticky_floor, "friction_slips"),
    (sticky_palms, "grip_partner_only"),
    (sticky_palms, "weight_with_grips"),
    (stiff_springs, "never_diverges"),
]


@pytest.mark.parametrize(("change", "name"), WRONG_PHYSICS, ids=lambda v: v if isinstance(v, str) else v.__name__)
def test_wrong_physics_is_found(change: Callable[[mujoco.MjSpec], None], name: str, monkeypatch):
    """Fail the check that asks for what a model does wrong."""
    build = mjcf.build_spec

    def changed(pair: PairBody, **options: bool) -> mujoco.MjSpec:
        spec = build(pair, **options)
        change(spec)
        return spec

    monkeypatch.setattr(mjcf, "build_spec", changed)
    monkeypatch.setattr(compiled, "_known", [])  # what was compiled before is as it should be
    (check,) = run_conformance(real, only=[name])
    assert check.outcome is CheckOutcome.FAILED, check


def test_pairs_that_cannot_share_a_batch_are_refused():
    """Say what differs, which number there is not, and that pairs come first."""
    mitten, full = neutral_pair(Hands.MITTEN), neutral_pair(Hands.FULL)
    backend = BackendMujoco(mitten, 2)
    with pytest.raises(AssistMimicError, match="hold_pairs has to come first"):
        backend.set_pairs([0, 0])
    with pytest.raises(AssistMimicError, match="hands is full and mitten"):
        backend.hold_pairs([mitten, full])
    backend.hold_pairs([mitten, mitten])
    for numbers in ([0, 2], [0]):
        with pytest.raises(AssistMimicError, match="a number below 2 for each of 2 worlds"):
            backend.set_pairs(numbers)


def test_what_is_not_declared_is_skipped():
    """Skip what an engine does not declare, say what it would take, and run the rest."""

    def modest(pair: PairBody, n: int) -> BackendMujoco:
        backend = BackendMujoco(pair, n, sensors=False)
        backend.capabilities = Capabilities()
        return backend

    checks = run_conformance(modest, only=["fall_time", "resting_weight", "grip_capacity", "restored_continues"])
    assert [check.outcome for check in checks] == [CheckOutcome.PASSED] + 3 * [CheckOutcome.SKIPPED]
    assert checks[1].detail == "not declared: contact_split"
    with_hands = run_conformance(modest, only=["fall_time"], hands=Hands.FULL)
    assert with_hands[0].outcome is CheckOutcome.SKIPPED and "full_hands" in with_hands[0].detail


def test_an_engine_that_breaks_fails_its_check_alone():
    """Report an exception as a failed check and go on."""

    class Breaks(Wrong):
        def forces(self) -> np.ndarray:
            raise ZeroDivisionError("no forces today")

    seen: list[Check] = []
    checks = run_conformance(Breaks, only=["landing_time", "fall_time"], on_check=seen.append)
    assert checks == seen
    assert {check.name: check.outcome for check in checks} == {
        "landing_time": CheckOutcome.FAILED,
        "fall_time": CheckOutcome.PASSED,
    }
    assert "no forces today" in table(checks)


def test_a_dump_repeats_the_divergence(tmp_path):
    """Restore the dumped state and see the next step diverge; nothing in the dump needs a pickle."""
    pair = neutral_pair(Hands.MITTEN)
    rest = np.zeros((2, len(pair.joints) - 1, 3))
    state = repeated(on_floor(pair, STANDING, rest, apart=3.0, above=0.0), 3)
    backend = BackendMujoco(pair, 3, dump_dir=tmp_path)
    start(backend, state, rest)
    wrench = np.zeros((3, 2, 6))
    wrench[1, 0, 0] = 1e15
    backend.step(10)
    backend.set_wrench(wrench)
    with pytest.raises(SimulationDiverged, match="world 1 of 3") as caught:
        backend.step(5)
    assert caught.value.time == pytest.approx(11 / 240)
    with np.load(str(caught.value.dump), allow_pickle=False) as dump:
        row = dump["state"]
    assert np.isfinite(row).all()
    other = BackendMujoco(pair, 1, dump_dir=tmp_path)
    start(other, state[:1], rest)
    other.restore(row)
    with pytest.raises(SimulationDiverged) as again:
        other.step()
    assert again.value.dump == caught.value.dump  # one file, however often something diverges
    assert len(list(tmp_path.iterdir())) == 1
    shut = BackendMujoco(pair, 1, dump_dir=tmp_path / "nowhere")
    start(shut, state[:1], rest)
    shut.restore(row)
    with pytest.raises(SimulationDiverged, match="could not be written") as unwritten:
        shut.step()
    assert unwritten.value.dump is None
