"""Check for oddities of a scene: a floor at the wrong height, a jump in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.skeleton import L_FOOT, PELVIS, R_FOOT

FLOOR_BOUND = 0.2
"""How far from z = 0 [m] reading leaves a floor alone, and preparing must be able to mend it."""
_FLOOR_TOLD = 0.03
_STANDING = 0.9  # of the leg's length, from sole to pelvis
_FLESH = 0.05  # m between a joint that lies on the floor and the floor, at the most
_JUMP_SPEED = 12.0  # m/s; no one is faster


def sole_heights(clip: InteractionClip) -> np.ndarray:
    """Lowest height of each person's soles, the lowest hundredth of frames left out [m], shape (2,)."""
    soles = [
        motion.joints[0][:, [L_FOOT, R_FOOT], 2].min(axis=1)
        - (motion.skeleton.rest_joints[[L_FOOT, R_FOOT], 1].min() - motion.skeleton.sole_height)
        for _, motion in clip.people
    ]
    return np.percentile(np.stack(soles), 1, axis=1)


def stood_on_floor(clip: InteractionClip, bound: float = FLOOR_BOUND) -> tuple[InteractionClip, list[str]]:
    """Return the clip moved vertically, both people by the same, if its floor is clearly not at z = 0.

    Many captures and generators count heights from the pelvis or from a camera. Less than `bound` is left alone: it
    may be a person on a step, and what is small is the preparation's business.
    """
    lowest = float(sole_heights(clip).min())
    if abs(lowest) <= bound:
        return clip, []

    def moved(motion: SmplxMotion) -> SmplxMotion:
        return replace(motion, trans=motion.trans - [0, 0, lowest])

    note = (
        f"floor: the lowest sole was at {lowest:.2f} m, both people moved so that it is at 0 (--keep-height leaves it)"
    )
    return clip.with_people(moved), [note]


def sized_by_floor(motion: SmplxMotion) -> tuple[SmplxMotion, float]:
    """Return a person of unknown shape in the size in which the feet reach a known floor, and that size.

    The pelvis stays where it is; the skeleton is the neutral one, scaled. Whoever never stands keeps the neutral size.

    Returns:
        The motion and the factor on the neutral skeleton, 0.8 to 1.25.
    """
    joints = motion.joints[0]
    soles = joints[:, [L_FOOT, R_FOOT], 2].min(axis=1)
    pelvis = joints[:, PELVIS, 2]
    standing = (soles <= np.percentile(soles, 20)) & (pelvis - soles > _STANDING * motion.skeleton.leg_length)
    if not standing.any():
        return motion, 1.0
    flesh = motion.skeleton.rest_joints[[L_FOOT, R_FOOT], 1].min() - motion.skeleton.sole_height
    size = float(np.median(pelvis[standing] / (pelvis - soles + flesh)[standing]))
    size = min(max(size, 0.8), 1.25)
    rest = motion.skeleton.rest_joints
    trans = motion.trans + rest[0] * (1 - size)
    return replace(motion, trans=trans, rest_joints=rest * size), size


def off_floor(clip: InteractionClip) -> list[str]:
    """Return a sentence for each person whose lowest sole is off the floor by more than preparing overlooks.

    Whoever lies or sits with the feet up, on a prop or on the partner, has every right to.
    """
    found = []
    for (role, motion), height in zip(clip.people, sole_heights(clip), strict=True):
        body = float(np.percentile(motion.joints[0][..., 2].min(axis=1), 5))
        if height < -_FLOOR_TOLD:
            found.append(f"{role}: the lowest sole is {-height:.2f} m under the floor; preparing lifts it")
        elif min(height, body) > _FLOOR_TOLD + _FLESH and not clip.props:
            found.append(
                f"{role}: never comes nearer to the floor than {min(height, body):.2f} m; if the seat or bed is "
                "missing, give it with --seat or --box"
            )
    return found


def jumps(clip: InteractionClip) -> list[str]:
    """Return a sentence for each person who is somewhere else in the next frame, as after a rest pose in frame 0."""
    found = []
    for role, motion in clip.people:
        speed = np.linalg.norm(np.diff(motion.trans, axis=0), axis=-1) * clip.fps
        frame = int(speed.argmax())
        if speed[frame] > _JUMP_SPEED:
            hint = (
                "frame 0 looks like a rest pose, cut it off with --frames 1:"
                if frame == 0
                else "cut the clip there (--frames)"
            )
            found.append(
                f"{role}: jumps {speed[frame] / clip.fps:.2f} m from frame {frame} to frame {frame + 1}; {hint}"
            )
    return found
