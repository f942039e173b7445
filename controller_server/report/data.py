"""The data of a report, and its motions as compact arrays a browser can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from controller_server.body.layout import clip_local_quats, clip_root_positions
from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.metrics.geometry import body_of_clip
from controller_server.metrics.scores import Scores
from controller_server.metrics.tracking import deviation
from controller_server.physics.recorded_frames import contacts_per_frame, frame_times, per_frame
from controller_server.physics.recording import Recording

from .figures import figure_name, packed, shown_figures

MAX_FRAMES = 1800
"""Frames a report shows; longer clips are thinned out evenly, so that the page stays a few megabytes."""
MIN_SHOWN_FORCE = 2.0
"""Contacts weaker than this get a point but no arrow [N]."""


@dataclass(frozen=True)
class ReportData:
    """Everything a report shows.

    Attributes:
        title: Name of the clip.
        input_clip: The raw clip.
        prepared_clip: The clip that the simulation was to follow.
        simulated_clip: What it did.
        recording: The simulation step by step.
        pair: The simulated bodies.
        scores: Scores of this conversion, from `measure`.
        attempts: What each attempt did, in order: name, success, reason, seconds.
        prepare: What preparing changed: sentences, or name to value, which may be nested.
        settings: Settings of the conversion with the seed; may be nested.
        versions: Versions of what computed it.
        warnings: What the reader must know.
        notes: What may help the reader.
    """

    title: str
    input_clip: InteractionClip
    prepared_clip: InteractionClip
    simulated_clip: InteractionClip
    recording: Recording
    pair: PairBody
    scores: Scores
    attempts: Sequence[Mapping[str, Any]] = ()
    prepare: Mapping[str, Any] | Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def frames(self) -> np.ndarray:
        """Clip frames the report shows: all of them, or evenly thinned out."""
        n = self.input_clip.n_frames
        stride = -(-n // MAX_FRAMES)
        return np.arange(0, n, stride)


def animation(data: ReportData) -> dict[str, Any]:
    """Bodies, motions, contacts, grips and wrenches of the shown frames, for the viewer."""
    frames = data.frames
    times = frame_times(data.input_clip)[frames]
    clips = (("input", data.input_clip), ("prepared", data.prepared_clip), ("simulated", data.simulated_clip))
    recording = data.recording
    return {
        "times": packed(times),
        "frameNumbers": packed(frames, "<i4"),
        "parents": list(data.pair.supporter.parents),
        **shown_figures([clip for _, clip in clips], data.pair.joints),
        "motions": {key: _motion(clip, data.pair, frames) for key, clip in clips},
        "contacts": _contacts(data, times),
        "grips": packed(per_frame(recording.time, recording.grips, times)),
        "wrench": packed(per_frame(recording.time, recording.wrench, times)),
        "deviation": packed(_deviation(data)),
        "worst": int(np.argmin(np.abs(frames - data.scores.worst_frame))),
    }


def _deviation(data: ReportData) -> np.ndarray:
    """Larger deviation of the two people at each shown frame [m], shape (F,)."""
    return deviation(data.simulated_clip.joints, data.prepared_clip.joints)[data.frames].max(axis=1)


def _motion(clip: InteractionClip, pair: PairBody, frames: np.ndarray) -> dict[str, Any]:
    people = body_of_clip(clip, pair).people
    quats = clip_local_quats(clip, pair.joints)[frames]
    return {
        "root": packed(clip_root_positions(clip)[frames]),
        "quats": packed(np.round(quats * 32767), "<i2"),
        "people": [
            {
                "offsets": _rounded(person.skeleton.offsets[list(pair.joints)]),
                "hands": list(pair.hand_rows),
                "figure": figure_name(person.skeleton),
            }
            for person in people
        ],
        "props": [
            {"position": _rounded(p.position), "quat": _rounded(p.quat), "size": _rounded(p.size)} for p in clip.props
        ],
    }


def _rounded(array: np.ndarray) -> list[Any]:
    return np.round(array, 5).tolist()


def _contacts(data: ReportData, times: np.ndarray) -> dict[str, Any]:
    """Contacts by shown frame. Forces between the people are given as what the recipient gets."""
    found = contacts_per_frame(data.recording, times)
    n_bodies = len(data.pair.joints)
    bodies, forces = found.bodies, found.forces
    between = (bodies >= 0).all(axis=1)
    flip = between & (bodies[:, 0] < n_bodies)
    forces = np.where(flip[:, None], -forces, forces)
    person = np.where(between, 1, bodies[:, 0] // n_bodies)
    return {
        "start": packed(np.searchsorted(found.frame, np.arange(len(times) + 1)), "<i4"),
        "between": packed(np.asarray(between), "<i2"),
        "person": packed(person, "<i2"),
        "position": packed(found.positions),
        "force": packed(np.where(np.linalg.norm(forces, axis=-1, keepdims=True) < MIN_SHOWN_FORCE, 0, forces)),
    }
