"""Dirt as captured and generated clips have it, put onto clean ones, so that what is made of them has a known truth."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.resample import resample
from controller_server.clip.rotation import quat_from_rotvec, quat_mul, rotvec_from_quat
from controller_server.core.errors import AssistMimicError
from controller_server.physics.recorded_frames import take_frames

JITTER_HZ = 8.0
"""Pose noise has nothing above this [Hz]."""
FLOAT_SECONDS = 4.0
"""Period of the float [s]."""
REPEATED = 0.05
"""Share of frames that are dropped, the one before shown again."""


@dataclass(frozen=True)
class DirtyClip:
    """A clip and what it would be without its dirt.

    Attributes:
        clip: Dirty.
        truth: Clean, at the frames of `clip`.
    """

    clip: InteractionClip
    truth: InteractionClip


Dirt = Callable[[DirtyClip, np.random.Generator], DirtyClip]


def jitter(dirty: DirtyClip, rng: np.random.Generator, *, degrees: float, root: float) -> DirtyClip:
    """Add Gaussian noise below 8 Hz to every pose.

    Args:
        dirty: To make dirtier.
        rng: Where chance comes from.
        degrees: RMS angle by which each of pelvis and 21 joints is turned, about any axis [deg].
        root: RMS distance by which the pelvis is moved [m].
    """

    def shaken(motion: SmplxMotion) -> SmplxMotion:
        pose = np.concatenate([motion.root_orient[:, None], motion.pose_body.reshape(-1, 21, 3)], axis=1)
        turns = np.radians(degrees / np.sqrt(3)) * _band_noise(rng, pose.shape, dirty.clip.fps)
        pose = rotvec_from_quat(quat_mul(quat_from_rotvec(pose), quat_from_rotvec(turns)))
        shift = root / np.sqrt(3) * _band_noise(rng, motion.trans.shape, dirty.clip.fps)
        return replace(
            motion,
            trans=motion.trans + shift,
            root_orient=pose[:, 0],
            pose_body=pose[:, 1:].reshape(motion.n_frames, 63),
        )

    return replace(dirty, clip=dirty.clip.with_people(shaken))


def _band_noise(rng: np.random.Generator, shape: tuple[int, ...], fps: float) -> np.ndarray:
    """Gaussian noise of unit variance without anything above 8 Hz, along the first axis."""
    n = shape[0] + 2 * int(np.ceil(fps))  # the transform closes on itself: cut well inside
    spectrum = np.fft.rfft(rng.standard_normal((n, *shape[1:])), axis=0)
    kept = np.fft.rfftfreq(n, 1 / fps) <= JITTER_HZ
    spectrum[~kept] = 0
    power = np.where(np.arange(len(kept)) % (n / 2) == 0, 1, 2)  # mean and Nyquist have no mirror image
    return np.fft.irfft(spectrum, n, axis=0)[: shape[0]] / np.sqrt(power[kept].sum() / n)


def float_height(dirty: DirtyClip, rng: np.random.Generator, *, height: float) -> DirtyClip:
    """Let both people rise and sink by `height` [m] every 4 s, each in a phase of their own."""
    time = np.arange(dirty.clip.n_frames) / dirty.clip.fps

    def floating(motion: SmplxMotion) -> SmplxMotion:
        phase = rng.uniform(0, 2 * np.pi)
        rise = height * np.sin(2 * np.pi * time / FLOAT_SECONDS + phase)
        return _moved(motion, rise[:, None] * [0.0, 0.0, 1.0])

    return replace(dirty, clip=dirty.clip.with_people(floating))


def drift(dirty: DirtyClip, rng: np.random.Generator, *, distance: float) -> DirtyClip:
    """Let each person drift over the floor by `distance` [m] from first to last frame, in a direction of their own."""
    share = np.linspace(0, 1, dirty.clip.n_frames)

    def drifting(motion: SmplxMotion) -> SmplxMotion:
        angle = rng.uniform(0, 2 * np.pi)
        return _moved(motion, distance * share[:, None] * [np.cos(angle), np.sin(angle), 0.0])

    return replace(dirty, clip=dirty.clip.with_people(drifting))


def apart(dirty: DirtyClip, _: np.random.Generator, *, distance: float) -> DirtyClip:
    """Put the recipient farther from the supporter by `distance` [m; negative: nearer]; the grips are lost.

    Along the horizontal line between the pelvises, in its mean direction over the clip, so that feet stay as they are.
    """
    pelvis = dirty.clip.joints[:, :, 0, :2]
    line = pelvis[:, 1] - pelvis[:, 0]
    line = (line / np.linalg.norm(line, axis=-1, keepdims=True)).mean(axis=0)
    shift = distance * np.array([*(line / np.linalg.norm(line)), 0.0])
    return replace(dirty, clip=replace(dirty.clip, recipient=_moved(dirty.clip.recipient, shift), grips=None))


def faster(dirty: DirtyClip, _: np.random.Generator, *, times: float) -> DirtyClip:
    """Play clip and truth `times` as fast, at the same frame rate."""

    def hurried(clip: InteractionClip) -> InteractionClip:
        return replace(resample(clip, clip.fps / times), fps=clip.fps)

    return DirtyClip(hurried(dirty.clip), hurried(dirty.truth))


def dropped(dirty: DirtyClip, rng: np.random.Generator, *, fps: float, share: float = REPEATED) -> DirtyClip:
    """Bring clip and truth to another rate [Hz]; in the clip a share of frames is the one before once more."""
    clip, truth = resample(dirty.clip, fps), resample(dirty.truth, fps)
    shown = np.arange(clip.n_frames)
    lost = np.sort(rng.choice(shown[1:], max(round(share * clip.n_frames), 1), replace=False))
    for frame in lost:  # ascending: two in a row both show the last one that arrived
        shown[frame] = shown[frame - 1]
    return DirtyClip(take_frames(clip, shown), truth)


def _moved(motion: SmplxMotion, shift: np.ndarray) -> SmplxMotion:
    return replace(motion, trans=motion.trans + shift)


def _all_mild(dirty: DirtyClip, rng: np.random.Generator) -> DirtyClip:
    dirty = faster(dirty, rng, times=1.15)
    dirty = jitter(dirty, rng, degrees=2, root=0.01)
    dirty = float_height(dirty, rng, height=0.03)
    dirty = drift(dirty, rng, distance=0.08)
    dirty = apart(dirty, rng, distance=0.04)
    return dropped(dirty, rng, fps=25)


KINDS: dict[str, Dirt] = {
    "jitter_2deg": lambda dirty, rng: jitter(dirty, rng, degrees=2, root=0.01),
    "jitter_4deg": lambda dirty, rng: jitter(dirty, rng, degrees=4, root=0.02),
    "float_6cm": lambda dirty, rng: float_height(dirty, rng, height=0.06),
    "drift_15cm": lambda dirty, rng: drift(dirty, rng, distance=0.15),
    "nearer_8cm": lambda dirty, rng: apart(dirty, rng, distance=-0.08),
    "farther_8cm": lambda dirty, rng: apart(dirty, rng, distance=0.08),
    "faster": lambda dirty, rng: faster(dirty, rng, times=1.5),
    "fps_20": lambda dirty, rng: dropped(dirty, rng, fps=20),
    "fps_12.5": lambda dirty, rng: dropped(dirty, rng, fps=12.5),
    "all_mild": _all_mild,
}
"""Disturbances that a clip can be given, by name; `docs/bench.md` describes each."""


def make_dirty(clip: InteractionClip, kind: str, seed: int = 0) -> DirtyClip:
    """Give a clean clip one kind of dirt; the same for the same clip, kind and seed.

    Args:
        clip: Clean.
        kind: A name of KINDS.
        seed: Seed of chance.

    Raises:
        AssistMimicError: there is no such kind.
    """
    if kind not in KINDS:
        raise AssistMimicError(f"no kind of dirt {kind!r}; there are {', '.join(KINDS)}")
    return KINDS[kind](DirtyClip(clip, clip), np.random.default_rng([seed, zlib.crc32(kind.encode())]))
