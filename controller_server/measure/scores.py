"""All measures of one conversion, gathered in one frozen record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..body.pair import PairBody
from ..clip.interaction import InteractionClip
from ..clip.skeleton import JOINT_NAMES
from ..errors import AssistMimicError
from ..frames import until_end
from ..physics.recording import Recording
from . import effort, feet, geometry, tracking


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
        hardest_joint: SMPL-X name of the joint nearest to its limit.
        prepare_mean_mm: How far preparing moved the person, mean over joints and frames [mm].
        prepare_max_mm: Its largest [mm].
        mass_kg: Simulated mass [kg].
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
    hardest_joint: str
    prepare_mean_mm: float
    prepare_max_mm: float
    mass_kg: float


@dataclass(frozen=True)
class Scores:
    """How good a simulated clip is, and how physical.

    Attributes:
        success: Nobody who is judged ever over 0.25 m from the prepared clip, to the end, with no more outside help
            than `effort.MAX_MEAN_HELP`.
        success_paper: The same with 0.5 m.
        failure_time_s: When the clip was lost [s]; None if it was not, also where there was too much help.
        failed_person: Who lost it first; None if nobody did or when the simulation broke off before that.
        assisted: Whether any outside wrench acted.
        max_wrench_n: Largest outside force on either person [N].
        worst_frame: Frame of the largest deviation.
        mpjpe_mm: Mean of both people against the prepared clip [mm].
        foot_skate_cm_s: Mean of both people [cm/s].
        partner_penetration_mm: Deepest point of the people inside each other [mm].
        partner_penetration_share: Share of frames deeper than 1 mm.
        contact_kept: Share of all hand touches kept; None if the reference has none.
        supporter: Measures of who helps.
        recipient: Measures of who is helped.
    """

    success: bool
    success_paper: bool
    failure_time_s: float | None
    failed_person: str | None
    assisted: bool
    max_wrench_n: float
    worst_frame: int
    mpjpe_mm: float
    foot_skate_cm_s: BeforeAfter
    partner_penetration_mm: BeforeAfter
    partner_penetration_share: BeforeAfter
    contact_kept: float | None
    supporter: PersonScores
    recipient: PersonScores

    @property
    def people(self) -> tuple[tuple[str, PersonScores], ...]:
        """(role, scores) of supporter and recipient."""
        return (("supporter", self.supporter), ("recipient", self.recipient))

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
) -> Scores:
    """Measure a conversion. The three clips must have the same frames.

    Args:
        input_clip: The raw clip, before prepare.
        prepared_clip: What the simulation was asked to do.
        simulated_clip: What it did.
        recording: The simulation, step by step; what is beyond the clip's end counts for nothing here.
        pair: The simulated bodies.
        judged: Who has to stay on the clip for a success (0 supporter, 1 recipient).
        complete: Whether these are whole clips: what was interrupted is no success, it broke off at its end.

    Raises:
        AssistMimicError: the clips differ in frame count or frame rate.
    """
    for name, clip in (("prepared", prepared_clip), ("simulated", simulated_clip)):
        if (clip.n_frames, clip.fps) != (input_clip.n_frames, input_clip.fps):
            raise AssistMimicError(
                f"measure: the {name} clip has {clip.n_frames} frames at {clip.fps:g} fps, the input "
                f"{input_clip.n_frames} at {input_clip.fps:g}; resample one of them"
            )
    clips = {"input": input_clip, "prepared": prepared_clip, "output": simulated_clip}
    bodies = {k: geometry.body_of_clip(clip, pair) for k, clip in clips.items()}
    shapes = {k: geometry.clip_geometry(clip, bodies[k]) for k, clip in clips.items()}
    skating = {
        k: feet.foot_skating(feet.foot_corners(clips[k], bodies[k]), input_clip.fps) for k in ("input", "output")
    }
    recording = until_end(recording, prepared_clip)
    deviation = tracking.deviation(simulated_clip.joints, prepared_clip.joints)
    times = np.arange(input_clip.n_frames) / input_clip.fps
    until = float(recording.time[-1]) + 1.0 / pair.physics_hz
    outcome, loose = (
        tracking.judge(deviation, times, limit, judged=judged, simulated_until=until)
        for limit in (tracking.SUCCESS_LIMIT, tracking.PAPER_LIMIT)
    )
    if not complete:
        broken_off = tracking.Outcome(False, float(times[-1]))
        outcome, loose = (broken_off if verdict.success else verdict for verdict in (outcome, loose))
    people = [_person(p, clips, shapes, skating, deviation, recording, pair) for p in range(2)]
    bearable = max(person.wrench.mean_body_weights for person in people) <= effort.MAX_MEAN_HELP
    partner = BeforeAfter(*(geometry.deepest(shapes[k].partner_depth) for k in ("input", "output")))
    partner_share = BeforeAfter(*(geometry.share_deeper(shapes[k].partner_depth) for k in ("input", "output")))
    return Scores(
        success=outcome.success and bearable,
        success_paper=loose.success and bearable,
        failure_time_s=outcome.failure_time,
        failed_person=None if outcome.failed is None else pair.people[outcome.failed].role,
        assisted=bool(np.any(recording.wrench)),
        max_wrench_n=max(person.wrench.max_n for person in people),
        worst_frame=int(deviation.max(axis=1).argmax()),
        mpjpe_mm=float(np.mean([person.mpjpe_mm for person in people])),
        foot_skate_cm_s=BeforeAfter(float(skating["input"].mean()), float(skating["output"].mean())),
        partner_penetration_mm=partner,
        partner_penetration_share=partner_share,
        contact_kept=geometry.contact_kept(shapes["prepared"].hand_distance, shapes["output"].hand_distance),
        supporter=people[0],
        recipient=people[1],
    )


def _person(
    p: int,
    clips: dict[str, InteractionClip],
    shapes: dict[str, geometry.ClipGeometry],
    skating: dict[str, np.ndarray],
    deviation: np.ndarray,
    recording: Recording,
    pair: PairBody,
) -> PersonScores:
    def both(track: Any) -> BeforeAfter:
        return BeforeAfter(track(shapes["input"]), track(shapes["output"]))

    simulated, prepared, raw = (clips[k].joints for k in ("output", "prepared", "input"))
    mean_moved, max_moved = tracking.displacement(raw, prepared)
    torque = effort.summarise_torque(effort.torque_share(recording.torques[:, p], recording.torque_limits[p]))
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
        wrench=effort.summarise_wrench(recording.wrench[:, p], float(recording.mass[p])),
        torque=torque,
        hardest_joint=JOINT_NAMES[pair.joints[torque.hardest_joint]],
        prepare_mean_mm=float(mean_moved[p]),
        prepare_max_mm=float(max_moved[p]),
        mass_kg=float(recording.mass[p]),
    )


def scores_to_dict(scores: Scores) -> dict[str, Any]:
    """Plain dictionaries and numbers, ready for JSON."""
    return asdict(scores)


def scores_to_json(scores: Scores, *, indent: int | None = 2) -> str:
    """The scores as JSON text; never a NaN, which JSON does not know."""
    return json.dumps(scores_to_dict(scores), indent=indent, allow_nan=False)
