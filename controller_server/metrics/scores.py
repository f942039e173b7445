"""All measures of one conversion, gathered in one frozen record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.core.errors import AssistMimicError
from controller_server.physics.recording import Recording
from controller_server.prepare.holds import Hold

from . import effort, feet, geometry, person_scores, tracking
from .criteria import Criteria, Criterion
from .evidence import Evidence
from .holding import HoldOutcome, input_holds, share_kept
from .person_scores import CalmScores, FeetScores, HandScores, Stages
from .stance import Slip, summarise_slip
from .verdict import Judge, Verdict, interrupted, verdict_on


@dataclass(frozen=True)
class BeforeAfter:
    """One measure of the raw input clip and of the simulated clip, by the same rule."""

    input: float
    output: float


@dataclass(frozen=True)
class PersonScores:
    """Measures of one person.

    Attributes:
        mpjpe_mm: Against the prepared clip [mm], 22 joints, global.
        mpjpe_input_mm: Against the input clip [mm].
        deviation_max_m: Largest deviation of the 16 success bodies from the prepared clip [m].
        deviation_mean_m: Its mean over the frames [m].
        com_error_mm: Mean distance of the centre of mass to the prepared clip's [mm].
        com_rise_m: Highest minus lowest centre of mass [m].
        foot_skate_cm_s: Mean horizontal speed of bearing feet [cm/s].
        floor_penetration_mm: Deepest point under the floor [mm].
        floor_penetration_share: Share of frames deeper than 1 mm.
        prop_penetration_mm: Deepest point inside a prop [mm].
        contact_kept: Share of this person's hand touches the simulation kept; None if there are none.
        partner_force: Net force from the partner.
        wrench: Outside help.
        torque: Muscle torque against its limit.
        work: What springs and dampers of the joints did.
        hardest_joint: SMPL-X name of the joint nearest to its limit.
        prepare_mean_mm: How far preparing moved the person, mean over joints and frames [mm].
        prepare_max_mm: Its largest [mm].
        mass_kg: Simulated mass [kg].
        feet: How the feet stand and step.
        hands: What became of the holds, how fast hands are.
        calm: Jerk and trembling of hands, head, pelvis and feet.
        self_penetration_mm: Deepest point of the person in themselves [mm].
    """

    mpjpe_mm: float
    mpjpe_input_mm: float
    deviation_max_m: float
    deviation_mean_m: float
    com_error_mm: float
    com_rise_m: BeforeAfter
    foot_skate_cm_s: BeforeAfter
    floor_penetration_mm: BeforeAfter
    floor_penetration_share: BeforeAfter
    prop_penetration_mm: BeforeAfter
    contact_kept: float | None
    partner_force: effort.PartnerForce
    wrench: effort.Wrench
    torque: effort.Torque
    work: effort.Work
    hardest_joint: str
    prepare_mean_mm: float
    prepare_max_mm: float
    mass_kg: float
    feet: FeetScores
    hands: HandScores
    calm: dict[str, CalmScores]
    self_penetration_mm: Stages


@dataclass(frozen=True)
class Scores:
    """How good a simulated clip is, and how physical.

    Attributes:
        success: Usable: every criterion is kept to.
        success_tracking: Nobody who is judged ever over 0.25 m (mean of 16 joints) from the prepared clip, to the end,
            with no more outside help than `effort.MAX_MEAN_HELP`.
        success_paper: The same with 0.5 m.
        score: To compare results of the same clip by (`Verdict.score`).
        failed_criteria: Names of the criteria that are not kept to, the worst first.
        criteria: All of them, with what was found.
        other_limits: Limits that are not the defaults, which the word success means; empty usually.
        ends_in_motion: Whether the prepared clip ends before people have come to rest.
        prepared_far: Whether preparing moved somebody who is judged farther than 60 mm on average.
        failure_time_s: When the clip was lost, as `success_tracking` has it [s]; None if it was not, also where there
            was too much help.
        failed_person: Who lost it first; None if nobody did or when the simulation broke off before that.
        assisted: Whether any outside wrench acted; such a result is no success.
        max_wrench_n: Largest outside force on either person [N].
        worst_frame: Frame of the largest deviation.
        mpjpe_mm: Mean of both people against the prepared clip [mm].
        mpjpe_input_mm: The same against the input [mm].
        foot_skate_cm_s: Mean of both people [cm/s].
        partner_penetration_mm: Deepest point of the people inside each other [mm].
        partner_penetration_share: Share of frames deeper than 1 mm.
        contact_kept: Share of all hand touches kept, wherever on the partner; None if the reference has none.
        holds_kept: Share of the frames of all holds of the input in which the hand is on what it held there, or on the
            part next to it; None if there are none.
        holds_on_part: The same share of the input, which may hold across a gap, of the prepared clip and the output.
        holds: What became of each.
        slip: Of all stances of both people.
        supporter: Measures of who helps.
        recipient: Measures of who is helped.
    """

    success: bool
    success_tracking: bool
    success_paper: bool
    score: float
    failed_criteria: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    other_limits: dict[str, float]
    ends_in_motion: bool
    prepared_far: bool
    failure_time_s: float | None
    failed_person: str | None
    assisted: bool
    max_wrench_n: float
    worst_frame: int
    mpjpe_mm: float
    mpjpe_input_mm: float
    foot_skate_cm_s: BeforeAfter
    partner_penetration_mm: BeforeAfter
    partner_penetration_share: BeforeAfter
    contact_kept: float | None
    holds_kept: float | None
    holds_on_part: Stages
    holds: tuple[HoldOutcome, ...]
    slip: Slip
    supporter: PersonScores
    recipient: PersonScores

    @property
    def people(self) -> tuple[tuple[str, PersonScores], ...]:
        """(role, scores) of supporter and recipient."""
        return (("supporter", self.supporter), ("recipient", self.recipient))

    @property
    def word(self) -> str:
        """The result in one word: success, assisted (it was followed, with help), or failed."""
        return "success" if self.success else "assisted" if self.assisted and self.success_tracking else "failed"

    @property
    def faults(self) -> tuple[Criterion, ...]:
        """Criteria that are not kept to, the worst first."""
        found = [criterion for criterion in self.criteria if not criterion.passed]
        return tuple(sorted(found, key=lambda criterion: -criterion.use))

    @property
    def mean_help(self) -> float:
        """Mean outside force on the one who got more of it [body weights]."""
        return max(person.wrench.mean_body_weights for _, person in self.people)

    @property
    def helped_too_much(self) -> bool:
        """Whether that is more than a success may have."""
        return self.mean_help > effort.MAX_MEAN_HELP


def measure(
    input_clip: InteractionClip,
    prepared_clip: InteractionClip,
    simulated_clip: InteractionClip,
    recording: Recording,
    pair: PairBody,
    *,
    judged: Sequence[int] = (0, 1),
    complete: bool = True,
    limits: Criteria | None = None,
    holds: Sequence[Hold] | None = None,
) -> Scores:
    """Measure a conversion. The three clips must have the same frames.

    Args:
        input_clip: The raw clip, before prepare.
        prepared_clip: What the simulation was asked to do.
        simulated_clip: What it did.
        recording: The simulation, step by step; what is beyond the clip's end only tells whether people stand on.
        pair: The simulated bodies.
        judged: Who has to stay on the clip for a success (0 supporter, 1 recipient).
        complete: Whether these are whole clips: what was interrupted is no success, it broke off at its end.
        limits: What a success has to keep to.
        holds: Of the input; found by `input_holds` if not given.

    Raises:
        AssistMimicError: the clips differ in frame count or frame rate.
    """
    found = tuple(input_holds(input_clip) if holds is None else holds)
    judge = Judge(prepared_clip, pair, found, limits or Criteria(), tuple(judged))
    return measure_judged(judge, input_clip, simulated_clip, recording, complete=complete)


def measure_judged(
    judge: Judge,
    input_clip: InteractionClip,
    simulated_clip: InteractionClip,
    recording: Recording,
    *,
    complete: bool = True,
    output: geometry.ClipSurfaces | None = None,
) -> Scores:
    """Measure a conversion as `measure` does, for a judge who has looked at the prepared clip.

    Args:
        judge: Of the prepared clip.
        input_clip: The raw clip, before prepare.
        simulated_clip: What the simulation did.
        recording: The simulation, step by step.
        complete: Whether these are whole clips.
        output: Surfaces of the simulated clip, where somebody has them.

    Raises:
        AssistMimicError: the clips differ in frame count or frame rate.
    """
    prepared_clip = judge.prepared
    for name, clip in (("prepared", prepared_clip), ("simulated", simulated_clip)):
        if (clip.n_frames, clip.fps) != (input_clip.n_frames, input_clip.fps):
            raise AssistMimicError(
                f"measure: the {name} clip has {clip.n_frames} frames at {clip.fps:g} fps, the input "
                f"{input_clip.n_frames} at {input_clip.fps:g}; resample one of them"
            )
    evidence = Evidence.of(judge, recording, simulated_clip)
    verdict, outcome = verdict_on(evidence), evidence.tracked(tracking.SUCCESS_LIMIT)
    if not complete:
        verdict = interrupted(verdict)
        outcome = tracking.TrackingOutcome(False, prepared_clip.duration) if outcome.success else outcome
    clips = {"input": input_clip, "prepared": prepared_clip, "output": simulated_clip}
    surfaces = {k: geometry.ClipSurfaces.of(clip, judge.pair) for k, clip in clips.items() if k != "output"}
    surfaces["output"] = output or geometry.ClipSurfaces.of(simulated_clip, judge.pair)
    return _scores(clips, surfaces, evidence, verdict, outcome)


def _scores(
    clips: dict[str, InteractionClip],
    surfaces: dict[str, geometry.ClipSurfaces],
    evidence: Evidence,
    verdict: Verdict,
    outcome: tracking.TrackingOutcome,
) -> Scores:
    pair, limits = evidence.judge.pair, evidence.judge.limits
    shapes, corners = ({k: getattr(s, name) for k, s in surfaces.items()} for name in ("geometry", "corners"))
    skating = {k: feet.foot_skating(corners[k], clips[k].fps) for k in ("input", "output")}
    deviation = tracking.deviation(clips["output"].joints, clips["prepared"].joints)
    people = [_person(p, clips, shapes, corners, skating, deviation, evidence) for p in range(2)]
    partner = BeforeAfter(*(geometry.deepest(shapes[k].partner_depth) for k in ("input", "output")))
    partner_share = BeforeAfter(*(geometry.share_deeper(shapes[k].partner_depth) for k in ("input", "output")))
    return Scores(
        success=verdict.success,
        success_tracking=verdict.success_tracking,
        success_paper=verdict.success_paper,
        score=verdict.score,
        failed_criteria=tuple(criterion.name for criterion in verdict.failed),
        criteria=verdict.criteria,
        other_limits=limits.changed,
        ends_in_motion=verdict.ends_in_motion,
        prepared_far=max(people[p].prepare_mean_mm for p in evidence.judge.judged) > limits.told_prepared_mm,
        failure_time_s=outcome.failure_time,
        failed_person=None if outcome.failed is None else pair.people[outcome.failed].role,
        assisted=verdict.assisted,
        max_wrench_n=max(person.wrench.max_n for person in people),
        worst_frame=int(deviation.max(axis=1).argmax()),
        mpjpe_mm=float(np.mean([person.mpjpe_mm for person in people])),
        mpjpe_input_mm=float(np.mean([person.mpjpe_input_mm for person in people])),
        foot_skate_cm_s=BeforeAfter(float(skating["input"].mean()), float(skating["output"].mean())),
        partner_penetration_mm=partner,
        partner_penetration_share=partner_share,
        contact_kept=geometry.contact_kept(shapes["prepared"].hand_distance, shapes["output"].hand_distance),
        holds_kept=share_kept(evidence.holds),
        holds_on_part=person_scores.held_on_part(clips, evidence),
        holds=tuple(evidence.holds),
        slip=summarise_slip(evidence.stances),
        supporter=people[0],
        recipient=people[1],
    )


def _person(
    p: int,
    clips: dict[str, InteractionClip],
    shapes: dict[str, geometry.ClipGeometry],
    corners: dict[str, np.ndarray],
    skating: dict[str, np.ndarray],
    deviation: np.ndarray,
    evidence: Evidence,
) -> PersonScores:
    def both(track: Any) -> BeforeAfter:
        return BeforeAfter(track(shapes["input"]), track(shapes["output"]))

    recording, pair = evidence.within, evidence.judge.pair
    shakes = person_scores.shakes_of(p, clips, evidence)
    simulated, prepared, raw = (clips[k].joints for k in ("output", "prepared", "input"))
    mean_moved, max_moved = tracking.displacement(raw, prepared)
    limits, velocity = recording.torque_limits[p], recording.joint_velocity[:, p]
    spring, damper = recording.torques[:, p], recording.damper_torques[:, p]
    torque = effort.summarise_torque(
        effort.torque_share(spring, limits).max(axis=-1), effort.beyond_limits(spring + damper, velocity, limits)
    )
    com_error = np.linalg.norm(shapes["output"].com[:, p] - shapes["prepared"].com[:, p], axis=-1)
    return PersonScores(
        mpjpe_mm=float(tracking.mpjpe(simulated, prepared)[p]),
        mpjpe_input_mm=float(tracking.mpjpe(simulated, raw)[p]),
        deviation_max_m=float(deviation[:, p].max()),
        deviation_mean_m=float(deviation[:, p].mean()),
        com_error_mm=float(1000 * com_error.mean()),
        com_rise_m=both(lambda g: float(np.ptp(g.com[:, p, 2]))),
        foot_skate_cm_s=BeforeAfter(float(skating["input"][p]), float(skating["output"][p])),
        floor_penetration_mm=both(lambda g: geometry.deepest(g.floor_depth[:, p])),
        floor_penetration_share=both(lambda g: geometry.share_deeper(g.floor_depth[:, p])),
        prop_penetration_mm=both(lambda g: geometry.deepest(g.prop_depth[:, p])),
        contact_kept=geometry.contact_kept(
            shapes["prepared"].hand_distance[:, p], shapes["output"].hand_distance[:, p]
        ),
        partner_force=effort.summarise_partner_force(
            effort.partner_force(recording.forces)[:, p], window=effort.force_window(recording.time)
        ),
        wrench=evidence.wrenches[p],
        torque=torque,
        work=effort.work(spring, damper, velocity, float(recording.time[1] - recording.time[0])),
        hardest_joint=JOINT_NAMES[pair.joints[torque.hardest_joint]],
        prepare_mean_mm=float(mean_moved[p]),
        prepare_max_mm=float(max_moved[p]),
        mass_kg=float(recording.mass[p]),
        feet=person_scores.feet_scores(p, evidence, corners),
        hands=person_scores.hand_scores(p, evidence, Stages(*(shake.speed_m_s for shake in shakes["hands"]))),
        calm={part: person_scores.calm_scores(found) for part, found in shakes.items()},
        self_penetration_mm=person_scores.self_penetration(p, clips),
    )


def scores_to_dict(scores: Scores) -> dict[str, Any]:
    """Return plain dictionaries and numbers, ready for JSON."""
    return asdict(scores)


def scores_to_json(scores: Scores, *, indent: int | None = 2) -> str:
    """Return the scores as JSON text; never a NaN, which JSON does not know."""
    return json.dumps(scores_to_dict(scores), indent=indent, allow_nan=False)
