"""Rating of measures as normal or too much; `catalogue.METRICS` has the bounds of each.

Simulated bodies touch softly: a foot that bears sinks some millimetres into the floor and creeps a little, as a sole of
soft tissue and rubber does, where the input, which bears nothing, has exactly none. Within `fine` nobody sees
anything. 5 cm of slip and 80 % of holds are what the verdict allows; captured hands have a jerk of 64-150 m/s³,
captured people skate by 13-72 cm/s as they were captured, and tremble visibly from 2 mm on.
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
