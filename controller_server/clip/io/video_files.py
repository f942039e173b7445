"""Results of motion capture from video: PromptHMR-Vid, GVHMR, GENMO, WHAM.

Layouts: PromptHMR `pipeline/`, GVHMR `tools/demo/demo.py`, GENMO `scripts/demo`, WHAM `demo.py`; see docs/formats.md.
GVHMR, GENMO and WHAM track people one by one; two of them are put into one world by their shared camera.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.core.errors import ClipError

from .assemble import assemble
from .pickled import mapping
from .read_options import Reading, ReadOptions
from .safe_pickle import load_pickle
from .shared_world import in_first_world
from .smpl_npz import betas_of, joints_of, smpl_track
from .tracks import Content, SmplTrack, numbers

_FPS = 30.0


def read_prompthmr(path: Path) -> Content:
    """Read the people of PromptHMR-Vid in the frames all share; the rate is in a `.smpl` beside it.

    Raises:
        AssistMimicError: naming what is not as it should be.
    """
    people = mapping(path, "people", load_pickle(path)["people"])
    tracks, frames = [], []
    for key, person in people.items():
        world = mapping(path, f"people[{key}]['smplx_world']", mapping(path, f"people[{key}]", person)["smplx_world"])
        pose = joints_of(str(path), "pose", np.asarray(world["pose"]), 55)
        trans = numbers(str(path), "trans", np.asarray(world["trans"]), (len(pose), 3))
        betas = betas_of(str(path), {"betas": np.asarray(world["shape"])} if "shape" in world else {})
        tracks.append(smpl_track(trans, pose, "smplx", betas, "neutral"))
        frames.append(np.asarray(person.get("frames", np.arange(len(pose)))).reshape(-1))
    tracks, note = in_shared_frames(path, tracks, frames)
    labels = tuple(f"{path.name} person {key}" for key in people)
    return Content(
        tuple(tracks),
        labels,
        _rate_beside(path),
        up="y",
        floor_known=True,
        source=f"PromptHMR: {path.name}",
        notes=note,
    )


def _rate_beside(path: Path) -> float | None:
    from .meshcapade import read_smpl

    beside = sorted(path.parent.glob("subject-*.smpl"))
    return read_smpl(beside[0]).fps if beside else None


def in_shared_frames(
    path: Path, tracks: Sequence[SmplTrack], frames: Sequence[np.ndarray]
) -> tuple[list[SmplTrack], tuple[str, ...]]:
    """Return people over the frames in which all were seen; gaps are filled by the frame before.

    Args:
        path: File to name.
        tracks: The people.
        frames: Number in the video of each of their frames, ascending, each (T,).

    Raises:
        AssistMimicError: they were never seen together, or numbers and frames do not fit.
    """
    for track, numbers_of in zip(tracks, frames, strict=True):
        if len(numbers_of) != track.n_frames or np.any(np.diff(numbers_of.astype(float)) <= 0):
            raise ClipError(f"{path}: frame numbers do not fit the frames")
    first = int(max((n[0] for n in frames if len(n)), default=0))
    last = int(min((n[-1] for n in frames if len(n)), default=0))
    if len(tracks) > 1 and last - first < 1:
        raise ClipError(f"{path}: the two people are never seen at the same time")
    wanted = np.arange(first, last + 1)
    cut, gaps = [], 0
    for track, numbers_of in zip(tracks, frames, strict=True):
        rows = np.searchsorted(numbers_of, wanted, side="right") - 1
        gaps += int(np.sum(numbers_of[rows] != wanted))
        cut.append(track.at(rows))
    notes = (f"frames: {first} to {last} of the video, in which everybody is seen",) if len(tracks) > 1 else ()
    return cut, (*notes, *((f"frames: {gaps} gaps filled by the frame before",) if gaps else ()))


def read_single_tracks(files: Sequence[Path], options: ReadOptions) -> Reading:
    """Read one result of GVHMR or GENMO for each person, of one video. Raises AssistMimicError."""
    world, camera = [], []
    for path in files:
        content = load_pickle(path)
        keys = ("smpl_params_global", "smpl_params_incam")
        keys = keys if keys[0] in content else ("body_params_global", "body_params_incam")
        for key, found in zip(keys, (world, camera), strict=True):
            found.append(_parameters(path, key, mapping(path, key, content.get(key))))
    labels = [path.name for path in files]
    return _together(files, labels, world, camera, options, "smplx", ())


def read_wham(files: Sequence[Path], options: ReadOptions) -> Reading:
    """Read the people of a result of WHAM. Raises AssistMimicError."""
    if len(files) != 1:
        raise ClipError(f"{', '.join(map(str, files))}: WHAM's people are all in one file; name one")
    path, world, camera, frames, labels = files[0], [], [], [], []
    for key, person in load_pickle(path).items():
        person = mapping(path, f"person {key}", person)
        for names, found in ((("pose_world", "trans_world"), world), (("pose", "trans"), camera)):
            found.append(_smpl(path, person, *names))
        frames.append(np.asarray(person.get("frame_ids", np.arange(world[-1].n_frames))).reshape(-1))
        labels.append(f"{path.name} person {key}")
    world, notes = in_shared_frames(path, world, frames)
    camera, _ = in_shared_frames(path, camera, frames)
    return _together(files, labels, world, camera, options, "smpl", notes)


def _smpl(path: Path, person: Mapping[str, Any], pose: str, trans: str) -> SmplTrack:
    values = joints_of(str(path), pose, np.asarray(person.get(pose)), 24)
    place = numbers(str(path), trans, np.asarray(person.get(trans)), (len(values), 3))
    betas = betas_of(str(path), {"betas": np.asarray(person["betas"])} if "betas" in person else {})
    return smpl_track(place, values, "smpl", betas, "neutral")


def _parameters(path: Path, key: str, values: Mapping[str, Any]) -> SmplTrack:
    root = numbers(str(path), f"{key} global_orient", np.asarray(values.get("global_orient")), (None, 3))
    trans = numbers(str(path), f"{key} transl", np.asarray(values.get("transl")), (len(root), 3))
    body = joints_of(str(path), f"{key} body_pose", np.asarray(values.get("body_pose")), 21)
    betas = betas_of(str(path), {"betas": np.asarray(values["betas"])} if "betas" in values else {})
    return SmplTrack(trans, root, body, betas=betas)


def _together(
    files: Sequence[Path],
    labels: Sequence[str],
    world: list[SmplTrack],
    camera: list[SmplTrack],
    options: ReadOptions,
    source: str,
    notes: tuple[str, ...],
) -> Reading:
    """Return what becomes of people whose worlds differ: the second is put into the first one's."""
    if len(world) == 2:
        lengths = [track.n_frames for track in world]
        if lengths[0] != lengths[1]:
            raise ClipError(
                f"{labels[0]} has {lengths[0]} frames, {labels[1]} {lengths[1]}: both must be of the whole video, as "
                "the camera is compared frame by frame"
            )
        world[1], note = in_first_world(world[0], camera[0], camera[1], options.fps or _FPS)
        notes = (*notes, note)
    content = Content(
        tuple(world), tuple(labels), _FPS, True, "y", source=f"{source} from video: {files[0].name}", notes=notes
    )
    return assemble(files, [content], options)
