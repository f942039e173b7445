"""Benchmark of the strength presets: what each can do without help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np

from controller_server.body.compiled import compiled
from controller_server.body.layout import clip_qpos
from controller_server.body.pair import PairBody
from controller_server.body.strength import PRESETS, Strength
from controller_server.clip.interaction import InteractionClip
from controller_server.clip.skeleton import JOINT_NAMES
from controller_server.core.bundled import ALONE, CLIPS
from controller_server.core.machine import machine
from controller_server.core.progress import OnProgress, ignore_progress, labelled
from controller_server.pipeline.result import versions
from controller_server.pipeline.settings import Quality

from .conversion import Case, cases
from .help_needed import SEEDS, best_of_seeds

RISES = ("chair_rise_045", "chair_rise_035", "squat_rise", "walk_arm_in_arm")
"""The clips that are carried out; the walk without the arm it leans on."""
HOLDING, HELD_KG = "holding", 10.0
_GRAVITY = 9.81
_ARMS = ("collar", "shoulder", "elbow")


def bench_people(
    people: Sequence[str] = (),
    *,
    quality: Quality = Quality.DEFAULT,
    seeds: Sequence[int] = SEEDS,
    on_progress: OnProgress = ignore_progress,
) -> dict[str, Any]:
    """Let every preset rise from two chairs and a squat and walk, alone and by search, and hold 10 kg.

    Args:
        people: Presets; all by default.
        quality: How long the search thinks.
        seeds: Seeds of the search; the best counts.
        on_progress: Told who tries what.

    Returns:
        What `docs/bench.md` describes, ready for JSON.

    Raises:
        AssistMimicError: a preset is unknown, or there are no clips (outside a clone).
    """
    people = people or tuple(PRESETS)
    strengths = {person: Strength.parse(person) for person in people}
    chosen = cases((*RISES, HOLDING), folders=(CLIPS, ALONE), captured=False)
    loads = {case.name: case for case in chosen}
    holding = loads[HOLDING].load().clip
    return {
        "people": [
            {
                "person": person,
                "recipient_kg": PairBody.from_clip(holding, recipient=strength).recipient.mass,
                "alone": {name: _alone(loads[name], person, quality, seeds, on_progress) for name in RISES},
                "arm_load": arm_load(holding, strength, HELD_KG),
            }
            for person, strength in strengths.items()
        ],
        "held_kg": HELD_KG,
        "quality": quality.value,
        "machine": machine(),
        "versions": versions(),
    }


def _alone(case: Case, person: str, quality: Quality, seeds: Sequence[int], on_progress: OnProgress) -> dict[str, Any]:
    def progress_of(what: str) -> OnProgress:
        return labelled(f"{case.name}, {what}", on_progress)

    return best_of_seeds(lambda: case.load().clip, person, quality, seeds, progress_of, alone=True)


def arm_load(clip: InteractionClip, strength: Strength, kg: float) -> float | None:
    """Return how much of their strength the recipient's arms need to hold something still in both hands.

    Args:
        clip: Its first frame is the pose.
        strength: Of the recipient.
        kg: What is held, half in each hand.

    Returns:
        The largest share of a torque limit over the axes of collars, shoulders and elbows that muscles bear; None
        where one of them has none at all.
    """
    pair = PairBody.from_clip(clip, recipient=strength)
    found = compiled(pair)
    model, layout, data = found.model, found.layout, mujoco.MjData(found.model)
    data.qpos[:] = clip_qpos(clip, pair, layout, model.nq)[0]
    mujoco.mj_forward(model, data)
    needed = data.qfrc_bias.copy()
    for palm in layout.palm[1]:
        jacobian = np.zeros((3, model.nv))
        mujoco.mj_jacBody(model, data, jacobian, None, palm)
        needed += jacobian[2] * kg / 2 * _GRAVITY
    rows = [row for row, joint in enumerate(pair.joints[1:]) if JOINT_NAMES[joint].split("_")[-1] in _ARMS]
    torque, limits = needed[layout.joint_qvel[1, rows]], pair.torque_limits[1, rows]
    limit = np.where(torque < 0, limits[..., 0], limits[..., 1])[~pair.ligaments[1, rows]]
    if not limit.all():
        return None
    return float((np.abs(torque)[~pair.ligaments[1, rows]] / limit).max())
