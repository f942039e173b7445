"""Benchmark of policies beside the search: the same clips and people, one controller after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from controller_server.control.fallback.policy_choice import choose_policy
from controller_server.control.fallback.settings import ControlSettings
from controller_server.core.errors import AssistMimicError
from controller_server.core.machine import machine
from controller_server.core.progress import OnProgress, ignore_progress
from controller_server.pipeline.convert import convert, pair_of
from controller_server.pipeline.result import clip_sha256, versions
from controller_server.pipeline.settings import Controller, ConvertSettings, Quality
from controller_server.prepare import prepare

from .conversion import Case, cases

CONTROLLERS = (Controller.POLICY, Controller.SEARCH_POLICY, Controller.SEARCH)


def bench_policies(
    names: Sequence[str] = (),
    *,
    policy: str = "",
    recipient: str = "weak",
    quality: Quality = Quality.DEFAULT,
    on_progress: OnProgress = ignore_progress,
) -> dict[str, Any]:
    """Convert clips with a policy, with the search around it and with the search alone.

    Args:
        names: Only these clips; all by default.
        policy: Bundle to use on every clip; the one that fits best by default, and clips without one are left out.
        recipient: Strength of the recipient.
        quality: How long the searches think.
        on_progress: Told which clip is at which stage.

    Returns:
        `clips`, one entry for each clip and controller, and a `summary` for each controller, ready for JSON.

    Raises:
        AssistMimicError: a name is unknown, the policy cannot be used, or none fits any clip.
    """
    settings = ConvertSettings(recipient_strength=recipient, quality=quality, policy=policy)
    entries: list[dict[str, Any]] = []
    left_out: list[str] = []
    for case in cases(names):
        found = _entries(case, settings, on_progress)
        if isinstance(found, str):
            left_out.append(found)
        else:
            entries.extend(found)
    if not entries:
        raise AssistMimicError(f"bench: no policy fits any of the clips; {left_out[0]}")
    return {
        "clips": entries,
        "left_out": left_out,
        "summary": {controller.value: summary(entries, controller.value) for controller in CONTROLLERS},
        "recipient": recipient,
        "quality": quality.value,
        "machine": machine(),
        "versions": versions(),
    }


def _entries(case: Case, settings: ConvertSettings, on_progress: OnProgress) -> list[dict[str, Any]] | str:
    """Return one clip with every controller, or why no policy fits it."""
    read, entries = case.load(), []
    try:
        choose_policy(
            pair_of(prepare(read.clip, settings.prepare).clip, settings),
            ControlSettings("policy", policy=settings.policy, sha256=clip_sha256(read.clip)),
        )
    except AssistMimicError as error:
        if settings.policy:
            raise
        return f"{case.name}: {error}"
    for controller in CONTROLLERS:
        label = f"{case.name}: {controller.value}"
        chosen = replace(settings, controller=controller)
        result = convert(
            read.clip,
            chosen,
            on_progress=lambda progress, label=label: on_progress(replace(progress, stage=label)),
            notes=read.notes,
        )
        scores, took = result.scores, sum(attempt.seconds for attempt in result.attempts)
        steps = sum(attempt.control_steps for attempt in result.attempts)
        entries.append(
            {
                "clip": case.name,
                "controller": controller.value,
                "policy": result.policy,
                "success": scores.success,
                "success_tracking": scores.success_tracking,
                "failed_criteria": list(scores.failed_criteria),
                "failure_time_s": scores.failure_time_s,
                "mpjpe_mm": float(np.mean([person.mpjpe_mm for _, person in scores.people])),
                "deviation_max_mm": max(1000 * person.deviation_max_m for _, person in scores.people),
                "foot_skate_cm_s": scores.foot_skate_cm_s.output,
                "control_steps": steps,
                "control_seconds_per_clip_second": took / result.simulated_clip.duration,
                "seconds_per_clip_second": result.seconds_per_clip_second,
            }
        )
    return entries


def summary(entries: Sequence[dict[str, Any]], controller: str) -> dict[str, Any]:
    """Return one controller in a few numbers; errors over the clips that all controllers followed."""
    own = [entry for entry in entries if entry["controller"] == controller]
    clips = {entry["clip"] for entry in own}
    common = clips - {entry["clip"] for entry in entries if not entry["success_tracking"]}
    errors = [entry["mpjpe_mm"] for entry in own if entry["clip"] in common]
    return {
        "clips": len(own),
        "success": sum(entry["success"] for entry in own),
        "success_tracking": sum(entry["success_tracking"] for entry in own),
        "common_successes": len(common),
        "mpjpe_mm_common": float(np.mean(errors)) if errors else None,
        "control_seconds_per_clip_second": float(np.mean([e["control_seconds_per_clip_second"] for e in own])),
    }
