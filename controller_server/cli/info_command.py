"""`assistmimic info` and `formats`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from controller_server.clip.interaction import InteractionClip, SmplxMotion
from controller_server.clip.io.formats import FORMATS, read_clip
from controller_server.clip.io.write_list import WRITERS
from controller_server.core.bundled import named_clip
from controller_server.core.errors import SettingsError
from controller_server.service.protocol.payload import verdict_of_scores

from .convert_arguments import Formats, Info


def run_info(arguments: Info) -> int:
    """Print what is in a clip, the scores where it is a result, or what a policy is for. Raises AssistMimicError."""
    files, options, telling = arguments.files, arguments.read, arguments.telling
    if not 1 <= len(files) <= 2:
        raise SettingsError(f"info: expected one clip or the two files of a pair, got {len(files)} file name(s)")
    files = [named_clip(path) for path in files]
    if files[0].is_dir() and _is_bundle(files[0]):
        from .bundle_info import bundle_lines, bundle_object

        telling.lines(bundle_lines(files[0]))
        if telling.json:
            telling.object({"policy": bundle_object(files[0])})
        return 0
    read, meta = read_clip(files, options), None
    if read.clip_is_own:
        from controller_server.pipeline.result import read_result_metadata

        meta = read_result_metadata(files[0])
    notes = (*read.notes, *read.clip.warnings())
    telling.lines(info_lines(read.clip))
    telling.notes(notes)
    telling.lines(() if meta is None else result_lines(meta))
    verdict = "" if meta is None else verdict_of_scores(meta["scores"])
    result = None if meta is None else {"verdict": verdict, **meta}
    telling.object({**clip_object(read.clip), "files": list(map(str, files)), "notes": list(notes), "result": result})
    return telling.exit_code(verdict)


def clip_object(clip: InteractionClip) -> dict[str, Any]:
    """Return what programs are told of a clip."""
    people = {role: _measured(motion) for role, motion in clip.people}
    props = [
        {"name": prop.name, "position": np.asarray(prop.position).tolist(), "size": np.asarray(prop.size).tolist()}
        for prop in clip.props
    ]
    return {
        "frames": clip.n_frames,
        "fps": float(clip.fps),
        "duration_s": float(clip.duration),
        "people": people,
        "props": props,
        "grips_share": None if clip.grips is None else float((clip.grips > 0.5).mean()),
        "source": clip.source,
    }


def _is_bundle(folder: Path) -> bool:
    """Return whether a folder holds, or should hold, a policy and not a clip's files."""
    from controller_server.control.policy.bundle import CARD, WEIGHTS

    return any((folder / name).exists() for name in (CARD, WEIGHTS)) or not any(
        path.is_file() for path in folder.iterdir()
    )


def info_lines(clip: InteractionClip) -> Iterable[str]:
    """Yield a clip in a few lines."""
    yield f"{clip.n_frames} frames at {clip.fps:g} fps, {clip.duration:.2f} s"
    for role, motion in clip.people:
        yield f"{role}: {_person(motion)}"
    for prop in clip.props:
        where, size = (", ".join(f"{v:.2f}" for v in values) for values in (prop.position, prop.size))
        yield f"prop {prop.name}: centre ({where}) m, edges ({size}) m"
    yield (
        "grips: none given"
        if clip.grips is None
        else f"grips: on in {(clip.grips > 0.5).mean():.0%} of hands and frames"
    )
    if clip.source:
        yield f"source: {clip.source}"


def _measured(motion: SmplxMotion) -> dict[str, Any]:
    """Sizes of a person and of the way [m]."""
    rise = motion.trans[:, 2] + motion.skeleton.rest_joints[0, 2]
    return {
        "own_proportions": motion.rest_joints is not None,
        "leg_length_m": float(motion.skeleton.leg_length),
        "pelvis_lowest_m": float(rise.min()),
        "pelvis_highest_m": float(rise.max()),
        "walks_m": float(np.linalg.norm(np.diff(motion.trans[:, :2], axis=0), axis=1).sum()),
    }


def _person(motion: SmplxMotion) -> str:
    found = _measured(motion)
    size = "own proportions" if found["own_proportions"] else "neutral proportions"
    return (
        f"{size}, legs {found['leg_length_m']:.2f} m, "
        f"pelvis {found['pelvis_lowest_m']:.2f} to {found['pelvis_highest_m']:.2f} m high, "
        f"walks {found['walks_m']:.2f} m"
    )


def result_lines(meta: dict[str, Any]) -> Iterable[str]:
    """Yield how a result came about, from its metadata."""
    scores, versions = meta["scores"], meta["versions"]
    yield f"result: {_outcome(scores)}, controller {meta['controller']}, seed {meta['settings']['seed']}"
    for criterion in scores.get("criteria", ()):
        if not criterion["passed"]:
            yield f"wrong: {criterion['sentence']}"
    limits = scores.get("other_limits")
    if limits:
        yield "judged by other limits: " + ", ".join(f"{name} {value:g}" for name, value in limits.items())
    for role in ("supporter", "recipient"):
        person = scores[role]
        yield f"{role}: MPJPE {person['mpjpe_mm']:.0f} mm, outside wrench at most {person['wrench']['max_n']:.0f} N"
    yield "made with " + ", ".join(f"{name} {version}" for name, version in versions.items())


def run_formats(arguments: Formats) -> int:
    """List the formats clips are read from and written in."""
    print("read, told by content; --format NAME overrules it:")
    width = max(len(form.name) for form in FORMATS)
    for form in FORMATS:
        print(f"  {form.name:<{width}}  {form.title}")
    print("written, told by how the name ends:")
    for writer in WRITERS:
        print(f"  {writer.ending:<{width}}  {writer.title}")
    return 0


def _outcome(scores: dict[str, Any]) -> str:
    """Return the verdict in a few words; results of older versions know one word only, with a looser meaning."""
    if "criteria" not in scores:
        lost = scores["failure_time_s"]
        failure = "failed, with too much outside help" if lost is None else f"failed at {lost:.2f} s"
        return "followed (made before success was judged by what one sees)" if scores["success"] else failure
    if scores["success"]:
        return "success"
    if not scores["success_tracking"]:
        lost = scores["failure_time_s"]
        return "failed, with too much outside help" if lost is None else f"failed at {lost:.2f} s"
    return "assisted, no success" if scores["assisted"] else "followed, not usable as it is"
