"""The recorded world: what is steered in is what comes out."""

from __future__ import annotations

import numpy as np
import pytest

from controller_server.body.pair import PairBody
from controller_server.body.shape import Hands
from controller_server.control.recorded_simulation import RecordedSimulation
from controller_server.physics.conformance.scenes import neutral_pair
from controller_server.physics.conformance.struggle import Struggle
from controller_server.physics.mujoco_backend import BackendMujoco
from controller_server.physics.recording import TOUCH_FLOOR, TOUCH_PARTNER, Recording

FRAMES = 20


@pytest.fixture(scope="module")
def struggle() -> tuple[PairBody, Struggle]:
    """Two people who push, pull and grip each other."""
    pair = neutral_pair(Hands.MITTEN)
    return pair, Struggle(pair, 1)


@pytest.fixture(scope="module")
def recording(struggle: tuple[PairBody, Struggle]) -> Recording:
    """The struggle as the simulation records it."""
    pair, course = struggle
    simulation = RecordedSimulation(pair, course.state)
    for frame in range(FRAMES):
        simulation.advance(course.targets[frame, 0], course.grips[frame, 0], course.wrench[frame, 0])
    return simulation.recording()


def test_every_physics_step_is_recorded(struggle, recording: Recording):
    """Record the start and every step, and what was commanded at each."""
    pair, course = struggle
    steps = 1 + FRAMES * pair.substeps
    np.testing.assert_allclose(recording.time, np.arange(steps) / pair.physics_hz)
    frame = np.arange(steps - 1) // pair.substeps
    np.testing.assert_array_equal(recording.grips[1:], course.grips[frame, 0])
    np.testing.assert_array_equal(recording.wrench[1:], course.wrench[frame, 0])
    np.testing.assert_allclose(recording.local_quats[0], course.state.local_quats[0], atol=1e-12)
    np.testing.assert_allclose(recording.mass, [person.mass for person in pair.people])


def test_time_zero_has_the_forces_of_the_first_step(struggle, recording: Recording):
    """Give the first frame what muscles and contacts do in it, and nothing before anybody is told what to do."""
    pair, course = struggle
    for name in ("torques", "forces", "grips", "wrench"):
        np.testing.assert_array_equal(getattr(recording, name)[0], getattr(recording, name)[1], err_msg=name)
    assert np.abs(recording.torques[0]).max() > 1
    np.testing.assert_array_equal(
        recording.contact_forces[recording.contact_step == 0], recording.contact_forces[recording.contact_step == 1]
    )
    untouched = RecordedSimulation(pair, course.state).recording()
    assert len(untouched.time) == 1 and not untouched.torques.any() and not untouched.forces.any()


def test_recording_does_not_change_the_motion(struggle, recording: Recording):
    """Give the same motion bit for bit as an engine that lists no contacts and reads no forces."""
    pair, course = struggle
    backend = BackendMujoco(pair, 1, sensors=False)
    backend.set_state(course.state)
    course.play(backend, range(FRAMES), np.array([0]))
    np.testing.assert_array_equal(backend.positions()[0], recording.positions[-1])


def test_listed_contacts_add_up_to_the_split_forces(recording: Recording):
    """Find each body's force from partner, floor and prop again in the single contacts, grips taken out of both."""
    steps, _, bodies = recording.forces.shape[:3]
    total: np.ndarray = np.zeros((steps, 2 * bodies, 3, 3))
    first, second = recording.contact_bodies[:, 0], recording.contact_bodies[:, 1]
    kind = np.where(second >= 0, TOUCH_PARTNER, TOUCH_FLOOR)
    for step, a, b, k, force in zip(recording.contact_step, first, second, kind, recording.contact_forces, strict=True):
        total[step, a, k] += force
        if b >= 0:
            total[step, b, k] -= force
    np.testing.assert_allclose(total.reshape(recording.forces.shape), recording.forces, atol=1e-6)
    hands = recording.forces[:, :, [20, 21], TOUCH_PARTNER]
    assert np.abs(hands).max() > 50  # it was a struggle


def test_partner_forces_are_equal_and_opposite(recording: Recording):
    """Give to one person what is taken from the other."""
    partner = recording.forces[:, :, :, TOUCH_PARTNER].sum(axis=2)
    np.testing.assert_allclose(partner[:, 0], -partner[:, 1], atol=1e-9)


def test_a_world_taken_back_has_the_same_past_and_future(struggle, recording: Recording):
    """Record what was recorded before, contacts and all, when the second half is played again."""
    pair, course = struggle
    simulation = RecordedSimulation(pair, course.state)
    for frame in range(FRAMES):
        simulation.advance(course.targets[frame, 0], course.grips[frame, 0], course.wrench[frame, 0])
    again = simulation.back_at(FRAMES // 2)
    for frame in range(FRAMES // 2, FRAMES):
        again.advance(course.targets[frame, 0], course.grips[frame, 0], course.wrench[frame, 0])
    for name, values in vars(recording).items():
        np.testing.assert_array_equal(getattr(again.recording(), name), values, err_msg=name)


def test_a_disturbance_pushes_and_nobody_is_told(struggle):
    """Move who is pushed, in those steps alone; the recording knows no help and a world saved after it no push."""
    pair, course = struggle
    until = 2 / pair.control_hz

    def push(time: float) -> np.ndarray:
        wrench = np.zeros((2, 6))
        wrench[1, 0] = 300.0 if time < until - 1e-9 else 0.0
        return wrench

    simulations = [RecordedSimulation(pair, course.state), RecordedSimulation(pair, course.state)]
    simulations[1].disturbance = push
    for frame in range(4):
        for simulation in simulations:
            simulation.advance(course.targets[0, 0], np.zeros((2, 2)))
        if frame == 1:
            simulations.append(simulations[1].back_at(2))  # knows of the push, which is over by then
            assert simulations[2].disturbance is push
    calm, pushed, again = (simulation.recording() for simulation in simulations)
    speed = (pushed.com - calm.com)[2 * pair.substeps, 1, 0] / until
    assert speed == pytest.approx(300 * until / calm.mass[1] / 2, rel=0.3)  # uniform acceleration from rest
    assert not pushed.wrench.any()
    np.testing.assert_allclose(again.positions[-1], pushed.positions[-1], atol=1e-9)


def test_who_plans_does_not_know_of_a_disturbance(struggle):
    """Save worlds without the push that goes on in the simulation."""
    pair, course = struggle
    simulation = RecordedSimulation(pair, course.state)
    simulation.disturbance = lambda time: np.array([[900.0, 0, 0, 0, 0, 0], [0, 900, 0, 0, 0, 0]])
    simulation.advance(course.targets[0, 0], np.zeros((2, 2)))
    worlds = BackendMujoco(pair, 2, threads=1)
    worlds.restore(simulation.backend.save())
    first = worlds.positions()
    worlds.step()
    told = BackendMujoco(pair, 2, threads=1)
    told.restore(simulation.backend.save())
    told.set_wrench(np.zeros((2, 2, 6)))
    told.step()
    assert np.array_equal(worlds.positions(), told.positions()) and not np.array_equal(first, told.positions())
