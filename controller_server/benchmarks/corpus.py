"""A corpus of many short clips out of the project's own: cut, mirrored, turned, retimed, in every format written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.io.formats import write_clip
from controller_server.clip.io.npz import read_npz
from controller_server.clip.io.write_list import ENDINGS
from controller_server.clip.resample import resample
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, quat_rotate, rotvec_from_quat
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.core.bundled import CLIPS, TRAINING_CLIPS
from controller_server.core.errors import AssistMimicError
from controller_server.physics.recorded_frames import slice_clip

BROKEN_EVERY = 33
"""One clip of so many is broken on purpose: 3 %."""
SECONDS = (1.0, 2.0)
SPEEDS, RATES = (0.85, 1.1), (24.0, 25.0, 30.0, 50.0, 60.0)
_NEAR_PROP = 0.25  # m: whoever is so near furniture may need it
_OWN = ".npz"  # the only ending whose files hold furniture
_SWAPPED = [
    JOINT_NAMES.index(
        name.replace("left", "right") if "left" in name else name.replace("right", "left") if "right" in name else name
    )
    for name in JOINT_NAMES
]


@dataclass(frozen=True)
class _Source:
    clip: InteractionClip
    near: np.ndarray


@dataclass(frozen=True)
class Made:
    """A clip of the corpus.

    Attributes:
        name: What a batch calls it.
        source: The clip it was made of.
        ending: How its files end.
        broken: What is wrong with it; empty for a sound one.
    """

    name: str
    source: str
    ending: str
    broken: str = ""


def make_corpus(
    folder: Path, count: int, seed: int = 0, *, seconds: tuple[float, float] = SECONDS, only: Sequence[str] = ()
) -> list[Made]:
    """Write a corpus; the same for the same numbers.

    Args:
        folder: Where to; made if it is not there.
        count: Clips.
        seed: Seed of chance.
        seconds: How long clips are, least and most [s].
        only: Endings to write; all by default.

    Returns:
        What was written, in order.

    Raises:
        AssistMimicError: there are no clips to make it of (outside a clone).
    """
    clips = {path.stem: read_npz(path) for where in (CLIPS, TRAINING_CLIPS) for path in sorted(where.glob("*.npz"))}
    sources = {name: _Source(clip, _near_furniture(clip)) for name, clip in clips.items()}
    if not sources:
        raise AssistMimicError(f"bench batch: no clips in {CLIPS}")
    made, endings = [], tuple(only) or ENDINGS
    for k in range(count):
        rng = np.random.default_rng([seed, k])
        ending, name = endings[k % len(endings)], list(sources)[(k // len(endings)) % len(sources)]
        source, clip = _cut(sources, name, rng, seconds, ending)
        whole = _varied(clip, rng)
        # Each in a folder of its own kind, so that names say nothing that contents do not.
        place = folder / ending.strip(".").replace(".", "_") / f"{k:04d}_{source}{ending}"
        place.parent.mkdir(parents=True, exist_ok=True)
        files = write_clip(place, whole)
        broken = ""
        if k % BROKEN_EVERY == min(BROKEN_EVERY // 2, count - 1):
            kinds = list(_BREAKS)
            broken = kinds[(k // BROKEN_EVERY) % len(kinds)]
            _BREAKS[broken](files, rng)
        called = place.name if place.is_dir() else place.name[: -len(ending)]
        made.append(Made(f"{place.parent.name}/{called}", source, ending, broken))
    return made


def _cut(
    sources: Mapping[str, _Source], name: str, rng: np.random.Generator, seconds: tuple[float, float], ending: str
) -> tuple[str, InteractionClip]:
    """Cut a part; one that needs no furniture where none can be written, of another clip if need be."""
    bare = [n for n, source in sources.items() if not source.near.any()]
    for chosen in (name, str(rng.choice(bare))):
        source = sources[chosen]
        frames = int(source.clip.fps * rng.uniform(*seconds))
        counts = np.cumsum([0, *source.near])
        starts = np.arange(max(1, len(source.near) - frames))
        if ending != _OWN:
            starts = starts[counts[starts + frames] == counts[starts]]
        if len(starts):
            start = int(rng.choice(starts))
            return chosen, slice_clip(source.clip, slice(start, start + frames))
    raise AssertionError("a clip without furniture has no part with any")


def _near_furniture(clip: InteractionClip) -> np.ndarray:
    """Return in which frames somebody may need furniture, shape (T,)."""
    near = np.zeros(clip.n_frames, bool)
    for prop in clip.props:
        local = quat_rotate(prop.quat * [1, -1, -1, -1], clip.joints[:, :, :22] - prop.position)
        gap = np.linalg.norm(np.maximum(np.abs(local) - prop.size / 2, 0), axis=-1)
        near |= gap.min(axis=(1, 2)) < _NEAR_PROP
    return near


def _varied(clip: InteractionClip, rng: np.random.Generator) -> InteractionClip:
    """Mirror every other clip; turn, place and retime all."""
    if rng.random() < 0.5:
        clip = mirrored(clip)
    clip = turned(clip, rng.uniform(-np.pi, np.pi), rng.uniform(-1, 1, 2))
    speed = rng.uniform(*SPEEDS)
    clip = replace(resample(clip, clip.fps / speed), fps=clip.fps)
    return replace(resample(clip, float(rng.choice(RATES))), source="bench batch")


def mirrored(clip: InteractionClip) -> InteractionClip:
    """Reflect a clip at the plane x = 0: left becomes right."""

    def person(motion: SmplxMotion) -> SmplxMotion:
        pose = _reflected_turns(motion.pose)[:, [j - 1 for j in _SWAPPED[1:]]]
        rest = motion.skeleton.rest_joints
        other = None if motion.rest_joints is None else rest[_SWAPPED] * [-1, 1, 1]
        frames = len(pose)
        moved = replace(
            motion,
            root_orient=_reflected_turns(motion.root_orient),
            pose_body=pose[:, :21].reshape(frames, 63),
            left_hand_pose=pose[:, 24:39].reshape(frames, 45),
            right_hand_pose=pose[:, 39:54].reshape(frames, 45),
            rest_joints=other,
        )
        pelvis = (motion.trans + rest[0]) * [-1, 1, 1]
        return replace(moved, trans=pelvis - moved.skeleton.rest_joints[0])

    props = tuple(
        replace(prop, position=prop.position * [-1, 1, 1], quat=prop.quat * [1, 1, -1, -1]) for prop in clip.props
    )
    grips = None if clip.grips is None else clip.grips[:, :, ::-1]
    return replace(clip.with_people(person), props=props, grips=grips)


def _reflected_turns(rotvecs: np.ndarray) -> np.ndarray:
    return rotvecs * [1.0, -1.0, -1.0]


def turned(clip: InteractionClip, angle: float, to: Sequence[float] | np.ndarray = (0, 0)) -> InteractionClip:
    """Turn a clip about the vertical through the origin [rad], then move it over the floor [m]."""
    quat, shift = quat_from_rotvec(np.array([0, 0, angle])), np.array([to[0], to[1], 0.0])

    def place(points: np.ndarray) -> np.ndarray:
        return quat_rotate(quat, points) + shift

    def person(motion: SmplxMotion) -> SmplxMotion:
        rest = motion.skeleton.rest_joints[0]
        root = rotvec_from_quat(quat_mul(quat, quat_from_rotvec(motion.root_orient)))
        return replace(motion, root_orient=root, trans=place(motion.trans + rest) - rest)

    props = tuple(replace(p, position=place(p.position), quat=quat_mul(quat, p.quat)) for p in clip.props)
    return replace(clip.with_people(person), props=props)


def _truncated(files: Sequence[Path], rng: np.random.Generator) -> None:
    data = files[0].read_bytes()
    files[0].write_bytes(data[: len(data) // 3])


def _empty(files: Sequence[Path], rng: np.random.Generator) -> None:
    files[-1].write_bytes(b"")


def _noise(files: Sequence[Path], rng: np.random.Generator) -> None:
    files[0].write_bytes(rng.bytes(4096))


def _text(files: Sequence[Path], rng: np.random.Generator) -> None:
    files[-1].write_text("<html>404 Not Found</html>\n", encoding="utf-8")


_BREAKS: dict[str, Callable[[Sequence[Path], np.random.Generator], None]] = {
    "truncated": _truncated,
    "empty": _empty,
    "noise": _noise,
    "a web page": _text,
}
