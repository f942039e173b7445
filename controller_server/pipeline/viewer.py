"""The report's viewer for any clip, and for a result as much of its report as the file knows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.core.errors import AssistMimicError
from controller_server.core.npz_arrays import load_arrays
from controller_server.core.validation import build
from controller_server.metrics.scores import Scores
from controller_server.physics.recorded_frames import frame_times
from controller_server.physics.recording import Recording
from controller_server.report.changes import changes
from controller_server.report.data import ReportData, animation
from controller_server.report.page import render_page
from controller_server.report.report_entry import PAGE, unpack_page
from controller_server.report.tables import attempt_rows, flat_rows, score_groups
from controller_server.report.verdict import Verdict, verdict

from .settings import ConvertSettings

_ONE_MOTION = """
.segments, .pick:has(#reference), #worst, #label-left, #label-right, #strip, section:has(> #charts) { display: none; }
"""
_NO_SCORES = """
.verdict, .changes, .tiles, section:has(#scores) { display: none; }
"""


def page_of_file(path: Path) -> bytes | None:
    """Return the report that a result file carries, or None. Raises AssistMimicError where it is damaged."""
    packed = load_arrays(path).get(PAGE)
    return None if packed is None else unpack_page(packed, str(path))


def render_viewer(
    clip: InteractionClip, title: str, *, notes: Sequence[str] = (), result: Mapping[str, np.ndarray] | None = None
) -> str:
    """Return a page that shows a clip.

    Args:
        clip: What is shown.
        title: Title of the page.
        notes: Findings of reading.
        result: Entries of the file that the clip was read from, where that is a result: contacts, grips and help
            are drawn, the verdict and its tables shown.
    """
    arrays = result if result is not None and "result_meta" in result else {}
    meta = json.loads(str(arrays["result_meta"])) if arrays else {}
    pair, scores = _pair(clip, meta), _scores(meta)
    shown = scores or cast(Any, SimpleNamespace(worst_frame=0))  # nothing else of them is drawn
    data = ReportData(title, clip, clip, clip, _recording(clip, pair, arrays), pair, shown)
    values = {
        "title": title,
        "source": clip.source,
        "facts": [f"{clip.duration:.1f} s", f"{clip.n_frames} frames at {clip.fps:g} fps"],
        "verdict": asdict(verdict(scores) if scores else Verdict("carried", "", "")),
        "changes": [asdict(line) for line in changes(scores)] if scores else [],
        "tiles": [],
        "animation": animation(data),
        "curves": [],
        "scores": score_groups(scores) if scores else [],
        "attempts": attempt_rows([{**a, "name": a.get("controller", "")} for a in meta.get("attempts", [])]),
        "prepare": [],
        "settings": flat_rows(meta["settings"]) if "settings" in meta else [],
        "versions": flat_rows(meta["versions"]) if "versions" in meta else [],
        "warnings": [],
        "notes": [*notes, *map(str, meta.get("notes", []))],
    }
    return render_page(title, values, style=_ONE_MOTION + ("" if scores else _NO_SCORES))


def _scores(meta: Mapping[str, Any]) -> Scores | None:
    """Return the scores of a result; None of a clip, and of results of versions that measured otherwise."""
    try:
        return build(Scores, meta["scores"], "scores") if "scores" in meta else None
    except AssistMimicError:
        return None


def _pair(clip: InteractionClip, meta: Mapping[str, Any]) -> PairBody:
    try:
        settings = ConvertSettings.from_dict(meta.get("settings", {}))
    except AssistMimicError:  # of another version
        settings = ConvertSettings()
    supporter, recipient = settings.strengths
    return PairBody.from_clip(clip, hands=settings.hands, supporter=supporter, recipient=recipient)


def _recording(clip: InteractionClip, pair: PairBody, arrays: Mapping[str, np.ndarray]) -> Recording:
    """Return what a result file says happened, a step for each frame; of a clip that nothing did."""
    frames, joints = clip.n_frames, len(pair.joints)

    def entry(name: str, *shape: int) -> np.ndarray:
        found = arrays.get(f"result_{name}")
        return np.zeros(shape) if found is None or found.shape[1:] != shape[1:] else found

    axes = (frames, 2, joints - 1, 3)
    return Recording(
        joints=pair.joints,
        time=frame_times(clip),
        positions=clip.joints[:, :, list(pair.joints)],
        quats=np.zeros((frames, 2, joints, 4)),
        local_quats=np.zeros((frames, 2, joints, 4)),
        com=entry("com", frames, 2, 3),
        torques=np.zeros(axes),
        damper_torques=np.zeros(axes),
        joint_velocity=np.zeros(axes),
        torque_limits=np.ones((2, joints - 1, 3, 2)),
        forces=entry("forces", frames, 2, joints, 3, 3),
        grips=entry("grips", frames, 2, 2),
        wrench=entry("wrench", frames, 2, 6),
        mass=np.ones(2),
        contact_step=entry("contact_frame", 0).astype(int),
        contact_bodies=entry("contact_bodies", 0, 2).astype(int),
        contact_positions=entry("contact_positions", 0, 3),
        contact_forces=entry("contact_forces", 0, 3),
    )
