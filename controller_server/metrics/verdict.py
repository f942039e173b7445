"""The verdict on a simulated clip: does it pass for what a person who looks at it would call usable?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from controller_server.physics.recording import Recording

from . import motion_criteria, stance_criteria, touch_criteria
from .criteria import Criteria, Criterion
from .effort import MAX_MEAN_HELP
from .evidence import Evidence
from .judged_clip import JudgedClip
from .tracking import PAPER_LIMIT, SUCCESS_LIMIT


@dataclass(frozen=True)
class Verdict:
    """What came of a recording.

    Attributes:
        criteria: All that is asked of a usable result, and what was found.
        limits: They were judged by.
        success_tracking: The older, looser success: 16 joints never over 0.25 m from the prepared clip to its end, and
            no more than 0.15 body weights of outside help on average.
        success_paper: The same with 0.5 m.
        assisted: Whether any outside force acted; such a result is never a success.
        time_to_failure_s: How long the clip was followed by the older measure [s].
        duration_s: Of the clip [s].
        ends_in_motion: Whether the prepared clip ends before people have come to rest.
    """

    criteria: tuple[Criterion, ...]
    limits: Criteria
    success_tracking: bool
    success_paper: bool
    assisted: bool
    time_to_failure_s: float
    duration_s: float
    ends_in_motion: bool

    @property
    def success(self) -> bool:
        """Whether every criterion is kept to."""
        return all(criterion.passed for criterion in self.criteria)

    @property
    def failed(self) -> tuple[Criterion, ...]:
        """The criteria that are not, the worst first."""
        found = [criterion for criterion in self.criteria if not criterion.passed]
        return tuple(sorted(found, key=lambda criterion: -criterion.use))

    @property
    def score(self) -> float:
        """One number to compare results of the same clip by; more is better.

        From 1 to 2 for a success: 1 + what is left of the allowance used most. From 0 to 1 for a clip that was followed
        (`success_tracking`): 1 / (1 + the sum over failed criteria of how far each is beyond its limit, in limits, 2 at
        most). From -1 to 0 for a lost one: the share of it that was followed, minus 1.
        """
        if self.success:
            return 2 - min(max(criterion.use for criterion in self.criteria), 1.0)
        if self.success_tracking:
            return 1 / (1 + sum(max(criterion.use - 1, 0.01) for criterion in self.failed))
        return min(self.time_to_failure_s / max(self.duration_s, 1e-9), 1.0) - 1


class Judge(JudgedClip):
    """Judges recordings of one prepared clip: `Judge(prepared, pair, holds)(recording)`.

    What depends on the clip alone is worked out once; a recording of 4 s takes about 0.1 s.
    """

    def __call__(self, recording: Recording) -> Verdict:
        """Return the verdict on what was simulated, which may go on beyond the clip's end."""
        return verdict_on(Evidence.of(self, recording))


def verdict_on(evidence: Evidence) -> Verdict:
    """Return the verdict on a recording that is already laid out."""
    judge = evidence.judge
    outcome, loose = evidence.tracked(SUCCESS_LIMIT), evidence.tracked(PAPER_LIMIT)
    bearable = max(wrench.mean_body_weights for wrench in evidence.wrenches) <= MAX_MEAN_HELP
    return Verdict(
        criteria=(
            *motion_criteria.all_of(evidence),
            *touch_criteria.all_of(evidence),
            *stance_criteria.all_of(evidence),
        ),
        limits=judge.limits,
        success_tracking=outcome.success and bearable,
        success_paper=loose.success and bearable,
        assisted=bool(np.any(evidence.within.wrench)),
        time_to_failure_s=judge.prepared.duration if outcome.failure_time is None else outcome.failure_time,
        duration_s=judge.prepared.duration,
        ends_in_motion=not judge.at_rest,
    )


def interrupted(verdict: Verdict) -> Verdict:
    """Return the verdict on what was interrupted: it is whole as far as it goes, and no success."""
    text = f"interrupted after {verdict.duration_s:.1f} s"
    broken = replace(verdict.criteria[0], passed=False, sentence=text, time_s=verdict.duration_s)
    criteria = (broken, *verdict.criteria[1:])
    return replace(verdict, criteria=criteria, success_tracking=False, success_paper=False)
