"""Tracking for people of other statures than the captured: rotations far from the partner, positions near them.

A tall person who holds hands with a short one cannot have all joints where two people of one height had them. Far from
the partner the way a limb is turned is what the motion is; near the partner where it is decides over the contact.
"""

from __future__ import annotations

from array_api_compat import array_namespace

from controller_server.core.arrays import Array
from controller_server.terms import reward
from training.env.contact_labels import to_partner
from training.env.step_context import StepContext, rotation_angles


@reward(group="assist")
def stature_tracking(
    c: StepContext, *, reach: float = 0.3, position_sharpness: float = 100.0, rotation_sharpness: float = 10.0
) -> Array:
    """Return exp(-e) of both people, e the mean over bodies of squared errors weighed by how near the partner is.

    Formula: w = exp(-d / reach), d the distance of a body to the partner's nearest one in the reference; its error is
    w x position_sharpness / 3 x squared position error + (1 - w) x rotation_sharpness x squared rotation angle.
    """
    distance = to_partner(c.reference.positions)
    xp = array_namespace(distance)
    near, angle = xp.exp(-distance / reach), rotation_angles(c.goal, c.now)
    position = position_sharpness / 3 * c.squared("positions")
    return xp.exp(-c.mean(near * position + (1 - near) * rotation_sharpness * angle * angle))
