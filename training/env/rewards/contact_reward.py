"""The paper's contact-promoting reward, mended: zero without touch, fed by the partner's force alone, at most one.

The paper: Learning to Assist, CVPR 2026, arXiv 2603.11346.
"""

from __future__ import annotations

from array_api_compat import array_namespace

from controller_server.core.arrays import Array
from controller_server.terms import reward
from training.env.step_context import StepContext


@reward(group="assist", needs=("forces",))
def contact(c: StepContext, *, force: float = 30.0, fall_off: float = 2.5) -> Array:
    """Return how much the supporter's hands inside the gate press on the partner, nearer is better.

    Formula: mean over hands of (1 - exp(-|F| / force)) exp(-fall_off d), F the partner's force on the hand [N], d its
    distance to the recipient [m]; alpha = fall_off is the paper's.
    """
    xp = array_namespace(c.forces)
    near = c.to_recipient(c.now)
    pressed = c.forces[:, 0, list(c.hands), 0, :]
    firm = 1 - xp.exp(-xp.sqrt(xp.sum(pressed * pressed, axis=-1)) / force)
    value = firm * xp.exp(-fall_off * near) * xp.astype(c.gated, firm.dtype)
    supporter = xp.sum(value, axis=-1) / 2
    return xp.stack([supporter, xp.zeros_like(supporter)], axis=1)
