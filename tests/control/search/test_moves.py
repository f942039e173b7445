"""Moves of whole limbs that a search varies."""

from __future__ import annotations

import numpy as np
from helpers.control_cases import standing

from controller_server.body.pair import PairBody
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, quat_rotate, rotvec_from_quat
from controller_server.clip.skeleton import joint
from controller_server.control.reference.reference import Reference
from controller_server.control.search.moves import N_MOVES, Moves

STEP = 0.03


def forward(pair: PairBody, reference: Reference, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Joint positions and rotations of two people whose pelvis stays, by plain forward kinematics."""
    positions, quats = reference.positions[0].copy(), reference.quats[0].copy()
    for person, body in enumerate(pair.people):
        for row in range(1, len(pair.joints)):
            parent = body.parents[row]
            offset = body.skeleton.offsets[pair.joints[row]]
            positions[person, row] = positions[person, parent] + quat_rotate(quats[person, parent], offset)
            quats[person, row] = quat_mul(quats[person, parent], quat_from_rotvec(targets[person, row - 1]))
    return positions, quats


def test_moves_carry_what_they_name():
    """Legs carry the pelvis over standing soles, an arm its hand; everything else stays."""
    _, pair, reference = standing(3)
    poses = rotvec_from_quat(reference.state.local_quats[0, :, 1:])
    reference = reference.with_targets(np.repeat(poses[None], 3, axis=0))
    moves = Moves(pair, reference).at(0)
    assert moves.shape == (2, N_MOVES, len(pair.joints) - 1, 3)
    still, upright = forward(pair, reference, poses)
    feet = [pair.joints.index(joint(f"{side}_ankle")) for side in ("left", "right")]
    sideways, turned = forward(pair, reference, poses + STEP * moves[:, 1])
    np.testing.assert_allclose((sideways - still)[:, feet], np.broadcast_to([0, -STEP, 0], (2, 2, 3)), atol=0.006)
    np.testing.assert_allclose(np.abs(np.sum(turned * upright, axis=-1))[:, feet], 1, atol=1e-3)
    np.testing.assert_array_equal((sideways - still)[:, list(pair.hand_rows)], 0)
    lifted, _ = forward(pair, reference, poses + STEP * moves[:, 5])
    left, right = pair.hand_rows
    assert (lifted - still)[:, left, 2].min() > 0.5 * STEP  # the inverse is damped
    np.testing.assert_array_equal((lifted - still)[:, [right, *feet]], 0)
