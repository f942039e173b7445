"""Pickled motion files, told by their keys: InterHuman, MDM's family, ReGenNet.

Layouts: InterGen `datasets/interhuman.py`, motion-diffusion-model `sample/generate.py`, priorMDM
`sample/two_person_text2motion.py`, ReGenNet `sample/cgenerate.py`, Duolando; see docs/formats.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.clip.rotation import rotvec_from_quat
from controller_server.core.errors import ClipError

from .joint_arrays import BODY
from .peek import Peek
from .safe_pickle import load_pickle
from .sixd import quat_from_sixd
from .smpl_npz import amass_track, betas_of, gender_of, joints_of, smpl_track
from .tracks import Content, JointTrack, SmplTrack, Track, numbers

_SUFFIXES = (".pkl", ".pickle", ".joblib", ".pt", ".pth")
_KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("interhuman", ("person1", "person2")),
    ("prompthmr", ("people", "camera_world")),
    ("gvhmr", ("smpl_params_global", "smpl_params_incam")),
    ("genmo", ("body_params_global", "body_params_incam")),
    ("ponimator", ("motion_pred", "trans_pred")),
    ("regennet", ("output", "cmotion")),
    ("priormdm", ("motion", "other_motion")),
    ("mdm", ("motion", "lengths")),
    ("buddi", ("humans", "cam")),
    ("aist", ("smpl_poses", "smpl_scaling")),
    ("aioz", ("smpl_poses", "root_trans")),
    ("duolando", ("poses", "transl")),
    ("tram", ("pred_rotmat", "pred_trans")),
)


def holds(kind: str) -> Any:
    """Return the test whether a file is a pickle of a kind."""

    def matches(seen: Peek) -> bool:
        return is_pickled(seen) and kind_of(load_pickle(seen.path)) == kind

    return matches


def is_pickled(seen: Peek) -> bool:
    """Return whether a file may be a pickle of some sort."""
    if seen.suffix == ".npy":
        return seen.has_objects
    return seen.magic in ("pickle", "torch") or (seen.suffix in _SUFFIXES and seen.magic == "")


def kind_of(content: Any) -> str:
    """Return the kind of a pickle's content, "" for none that is known."""
    if not isinstance(content, Mapping):
        return ""
    for kind, keys in _KINDS:
        if all(key in content for key in keys):
            return kind
    first = next(iter(content.values()), None)
    if isinstance(first, Mapping):
        if "pose_world" in first:
            return "wham"
        if "tid" in first and "smpl" in first:
            return "phalp"
        if "pose_aa" in first:
            return "multiphys"
    return ""


def read_interhuman(path: Path) -> Content:
    """Read both people of InterHuman's raw clips: Z up, SMPL-H, no hands. Raises AssistMimicError."""
    content = load_pickle(path)
    people = []
    for key in ("person1", "person2"):
        person = mapping(path, key, content[key])
        people.append(amass_track(f"{path}: {key}", {name: np.asarray(person[name]) for name in person}))
    tracks = tuple(
        SmplTrack(t.trans, t.root_orient, t.pose_body, None, None, t.betas, t.gender, "smplh") for t in people
    )
    fps = float(np.asarray(content.get("mocap_framerate", 60.0)).reshape(-1)[0])
    return _pair(path, tracks, fps, "z", "InterHuman", assumed="mocap_framerate" not in content)


def read_mdm(path: Path) -> Content:
    """Read MDM's results, one person or priorMDM's two: joints, Y up, 20 fps. Raises AssistMimicError."""
    content = load_pickle(path)
    found = [_samples(path, content, key) for key in ("motion", "other_motion") if key in content]
    length = _length(content, found[0].shape[3])
    length -= int(len(found) == 2)  # priorMDM's lengths count a canonical first frame
    tracks = tuple(JointTrack(motion[0].transpose(2, 0, 1)[:length], BODY) for motion in found)
    source = "priorMDM" if len(tracks) == 2 else "MDM"
    return _pair(path, tracks, 20.0, "y", source, samples=len(found[0]))


def _samples(path: Path, content: Mapping[str, Any], key: str) -> np.ndarray:
    return numbers(str(path), key, np.asarray(content[key]), (None, 22, 3, None))


def _length(content: Mapping[str, Any], most: int) -> int:
    lengths = np.asarray(content.get("lengths", most)).reshape(-1)
    first = int(lengths[0]) if lengths.size and lengths.dtype.kind in "iuf" else most
    return min(max(first, 0), most)


def read_regennet(path: Path) -> Content:
    """Read ReGenNet's results: who acts is given, who reacts was generated. Raises AssistMimicError."""
    content = load_pickle(path)
    people, samples = [], 1
    for key in ("cmotion", "output"):
        array = np.asarray(content[key])
        if array.ndim != 4 or array.shape[1] not in (25, 56) or array.shape[2] != 6:
            raise ClipError(f"{path}: {key} must have shape (samples, 25 or 56, 6, T), got {array.shape}")
        samples = len(array)
        six = numbers(str(path), key, array, array.shape)[0].transpose(2, 0, 1)[: _length(content, array.shape[3])]
        rotvecs = rotvec_from_quat(quat_from_sixd(six[:, :-1], "rows"))
        model = "smplx" if array.shape[1] == 56 else "smpl"
        people.append(smpl_track(six[:, -1, :3], rotvecs, model, None, "neutral"))
    content = _pair(path, tuple(people), 30.0, "y", "ReGenNet", samples=samples)
    labels = tuple(f"{path.name} {role}" for role in ("actor", "reactor"))
    return Content(content.tracks, labels, 30.0, True, "y", source=content.source, notes=content.notes)


def read_ponimator(path: Path) -> Content:
    """Read Ponimator's results: SMPL-X, 6D rotations of 22 joints, 10 fps. Raises AssistMimicError."""
    content = load_pickle(path)
    motion = numbers(str(path), "motion_pred", np.asarray(content["motion_pred"]), (2, None, 132))
    trans = numbers(str(path), "trans_pred", np.asarray(content["trans_pred"]), (2, motion.shape[1], 3))
    betas = np.asarray(content.get("betas", content.get("betas_pred", np.zeros((2, 10)))), dtype=float).reshape(2, -1)
    rotvecs = rotvec_from_quat(quat_from_sixd(motion.reshape(2, -1, 22, 6), "interleaved"))
    tracks = tuple(
        SmplTrack(trans[k], rotvecs[k, :, 0], rotvecs[k, :, 1:], betas=betas[k]) for k in range(2)
    )  # fmt: skip
    return Content(tracks, _labels(path, 2), 10.0, True, None, source=f"Ponimator: {path.name}")


def read_duolando(path: Path) -> Content:
    """Read one dancer of Duolando or DD100: SMPL-X, flat hands, Y up, 30 fps. Raises AssistMimicError."""
    content = load_pickle(path)
    poses = joints_of(str(path), "poses", np.asarray(content["poses"]), 55)
    trans = numbers(str(path), "transl", np.asarray(content["transl"]), (len(poses), 3))
    arrays = {key: np.asarray(content[key]) for key in ("betas", "gender") if key in content}
    track = smpl_track(trans, poses, "smplx", betas_of(str(path), arrays), gender_of(arrays))
    return Content((track,), (path.name,), 30.0, True, "y", source=f"Duolando: {path.name}")


def mapping(path: Path, name: str, value: Any) -> Mapping[str, Any]:
    """Return a value that has to be names and values. Raises AssistMimicError."""
    if not isinstance(value, Mapping):
        raise ClipError(f"{path}: {name} must hold names and values, got {type(value).__name__}")
    return value


def _labels(path: Path, count: int) -> tuple[str, ...]:
    return (path.name,) if count == 1 else tuple(f"{path.name} person {k + 1}" for k in range(count))


def _pair(
    path: Path,
    tracks: tuple[Track, ...],
    fps: float,
    up: str,
    source: str,
    *,
    assumed: bool = True,
    samples: int = 1,
) -> Content:
    notes = () if samples < 2 else (f"{path.name}: {samples} samples, the first was read",)
    return Content(tracks, _labels(path, len(tracks)), fps, assumed, up, source=f"{source}: {path.name}", notes=notes)
