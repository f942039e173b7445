"""The result of a conversion, and its file."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.bvh_rig import OwnRigs
from controller_server.clip.io.formats import write_clip
from controller_server.clip.io.npz import clip_sha256
from controller_server.clip.io.write_options import WriteOptions
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.control.fallback.attempt import Attempt
from controller_server.core.npz_arrays import load_arrays
from controller_server.core.version import __version__
from controller_server.metrics.feet import skating_per_frame
from controller_server.metrics.geometry import ClipSurfaces
from controller_server.metrics.scores import Scores, scores_to_dict
from controller_server.metrics.tracking import deviation
from controller_server.physics.recorded_frames import contacts_per_frame, frame_times, per_frame
from controller_server.physics.recording import Recording
from controller_server.prepare import PrepareReport
from controller_server.report import ReportData, render_report, write_report
from controller_server.report.report_entry import PAGE, pack_page

from .settings import ConvertSettings


@dataclass(frozen=True)
class Result:
    """A conversion: what went in, what came out, how good it is, and what is needed to run it again.

    Attributes:
        input_clip: As it was given.
        prepared_clip: The clip that the simulation was to follow.
        simulated_clip: What it did: frames, rate and fields of the input.
        recording: The simulation, step by step, to the clip's end.
        surfaces: Surfaces of the simulated clip.
        pair: The simulated bodies.
        controller: The attempt the result stands on.
        attempts: Every attempt tried, in order, and why the earlier ones were not enough.
        scores: How good and how physical.
        report: What preparing changed.
        settings: All choices.
        seconds: Time taken [s].
        policy: Name of the policy bundle that had a part in it; empty if none had.
        policy_sha256: Of its weights.
        complete: False when the simulation was interrupted; then every clip ends there.
        notes: Warnings and remarks for the user, one sentence each.
    """

    input_clip: InteractionClip
    prepared_clip: InteractionClip
    simulated_clip: InteractionClip
    recording: Recording
    surfaces: ClipSurfaces
    pair: PairBody
    controller: str
    attempts: tuple[Attempt, ...]
    scores: Scores
    report: PrepareReport
    settings: ConvertSettings
    seconds: float
    policy: str = ""
    policy_sha256: str = ""
    complete: bool = True
    notes: tuple[str, ...] = ()

    @property
    def seconds_per_clip_second(self) -> float:
        """Time taken per second of clip."""
        return self.seconds / max(self.simulated_clip.duration, 1e-9)


def versions() -> dict[str, str]:
    """Of everything whose version can change a result."""
    return {
        "assistmimic": __version__,
        "mujoco": mujoco.__version__,  # the package may be called mujoco or mujoco-core
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def result_metadata(result: Result) -> dict[str, Any]:
    """Return everything about a result that is not an array, as plain values for JSON."""
    return {
        "controller": result.controller,
        "policy": result.policy,
        "policy_sha256": result.policy_sha256,
        "complete": result.complete,
        "attempts": [asdict(attempt) for attempt in result.attempts],
        "scores": scores_to_dict(result.scores),
        "prepare": asdict(result.report),
        "settings": result.settings.to_dict(),
        "seconds": result.seconds,
        "notes": list(result.notes),
        "versions": versions(),
        "input_sha256": clip_sha256(result.input_clip),
        "joints": [JOINT_NAMES[j] for j in result.recording.joints],
    }


def result_arrays(result: Result, *, title: str = "") -> dict[str, np.ndarray]:
    """Return the arrays a result file holds beside the simulated clip; names, shapes and units are in docs/results.md.

    Args:
        result: Result of a clip.
        title: Title of the page it may carry; the clip's source by default.
    """
    recording, clip = result.recording, result.simulated_clip
    times = frame_times(clip)

    def frames(values: np.ndarray) -> np.ndarray:
        return per_frame(recording.time, values, times)

    contacts = contacts_per_frame(recording, times)
    surfaces = result.surfaces.geometry
    page = {}
    if result.settings.carry_report:
        text = render_report(_report_data(result, title=title or result.input_clip.source or "Result"))
        page[PAGE] = pack_page(text)
    return {
        **page,
        "result_meta": np.array(json.dumps(result_metadata(result), allow_nan=False)),
        "result_contact_frame": contacts.frame,
        "result_contact_bodies": contacts.bodies,
        "result_contact_positions": contacts.positions,
        "result_contact_forces": contacts.forces,
        "result_torques": frames(recording.torques),
        "result_torque_limits": recording.torque_limits,
        "result_forces": frames(recording.forces),
        "result_grips": frames(recording.grips),
        "result_wrench": frames(recording.wrench),
        "result_com": frames(recording.com),
        "result_deviation": deviation(clip.joints, result.prepared_clip.joints),
        "result_prepared_joints": result.prepared_clip.joints,
        "result_skating": skating_per_frame(result.surfaces.corners, clip.fps),
        "result_partner_depth": surfaces.partner_depth,
        "result_floor_depth": surfaces.floor_depth,
    }


def write_result(
    path: Path,
    result: Result,
    options: WriteOptions | None = None,
    own: OwnRigs | None = None,
    *,
    title: str = "",
) -> list[Path]:
    """Write the simulated clip in the format the suffix names; an `.npz` carries the measurements too.

    Args:
        path: File to write.
        result: Result of a clip.
        options: How.
        own: The rigs that the clip was read from, for `out_rig` input.
        title: Title of the page it may carry; the clip's source by default.

    Returns:
        The files written.

    Raises:
        AssistMimicError: the suffix is unknown or the file cannot be written.
    """
    return write_clip(path, result.simulated_clip, result_arrays(result, title=title), options, own)


def read_result_metadata(path: Path) -> dict[str, Any] | None:
    """Return what `result_metadata` gave when the file was written; None for a clip that is no result."""
    text = load_arrays(path).get("result_meta")
    return None if text is None else json.loads(str(text))


def write_result_report(path: Path, result: Result, *, title: str) -> None:
    """Write the page that shows a result. Raises AssistMimicError when it cannot be written."""
    write_report(path, _report_data(result, title=title))


def _report_data(result: Result, *, title: str) -> ReportData:
    values = result_metadata(result)
    return ReportData(
        title=title,
        input_clip=result.input_clip,
        prepared_clip=result.prepared_clip,
        simulated_clip=result.simulated_clip,
        recording=result.recording,
        pair=result.pair,
        scores=result.scores,
        attempts=[{**attempt, "name": attempt["controller"]} for attempt in values["attempts"]],
        prepare=result.report.lines(),
        settings=values["settings"],
        versions=values["versions"],
        warnings=result.report.warnings,
        notes=result.notes,
    )
