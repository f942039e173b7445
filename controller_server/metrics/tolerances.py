"""What is normal of each measure, and what is too much: the one list that tables and reports take their colours from.

Simulated bodies touch softly: a foot that bears sinks some millimetres into the floor and creeps a little, as a sole of
flesh and rubber does, where the input, which bears nothing, has exactly none. Within `fine` nobody sees anything.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """Bounds of one measure, of which less is better unless `more`.

    Attributes:
        fine: Up to here it is as it should be.
        poor: Beyond this it is too much.
        seen: Smallest change that one sees.
        more: Whether more is better; then `fine` is a least, and less than `poor` is too little.
    """

    fine: float
    poor: float
    seen: float
    more: bool = False

    def tone(self, before: float | None, after: float | None) -> str:
        """Return how a change reads: better, same, fine (normal), amber (more than normal) or worse.

        Args:
            before: In the input; None where there is nothing to measure.
            after: In the simulation.
        """
        if after is None or before is None or abs(after - before) < self.seen:
            return "same"
        return "better" if self._less(after, before) else _TONES[self._level(after)]

    def level(self, before: float | None, after: float | None, *, changed: bool) -> str:
        """Return the colour of a number: better (green, also where it is as it should be), amber, worse (red), or "".

        Args:
            before: In the input; None where there is nothing to measure.
            after: In the simulation.
            changed: Whether a reader sees two numbers that differ; "" where not.
        """
        if after is None or before is None or not changed:
            return ""
        level = self._level(after)
        return "amber" if level == "worse" and self._less(after, before) else level

    def _less(self, one: float, other: float) -> bool:
        return one > other if self.more else one < other

    def _level(self, value: float) -> str:
        if not self._less(self.fine, value):
            return "better"
        return "worse" if self._less(self.poor, value) else "amber"


_TONES = {"better": "fine", "amber": "amber", "worse": "worse"}
TOLERANCES = {
    "foot_skate_cm_s": Tolerance(3.0, 12.0, 1.0),
    "slip_worst_cm": Tolerance(2.0, 5.0, 1.0),
    "slip_mean_cm": Tolerance(1.0, 3.0, 0.5),
    "floor_penetration_mm": Tolerance(15.0, 40.0, 5.0),
    "prop_penetration_mm": Tolerance(15.0, 40.0, 5.0),
    "partner_penetration_mm": Tolerance(20.0, 50.0, 5.0),
    "self_penetration_mm": Tolerance(20.0, 50.0, 5.0),
    "held_percent": Tolerance(95.0, 80.0, 5.0, more=True),
    "tremor_worst_mm": Tolerance(1.0, 2.0, 0.5),
    "jerk_m_s3": Tolerance(150.0, 400.0, 20.0),
    "hand_speed_m_s": Tolerance(3.0, 5.0, 0.3),
}
"""By the measure's name. 5 cm of slip and 80 % of holds are what the verdict allows; captured people have a jerk of
64-150 m/s³ at their hands, skate by 13-72 cm/s as they were captured, and tremble visibly from 2 mm on."""
