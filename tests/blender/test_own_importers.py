"""Characters that came in through Blender's own BVH importer are the people the command line reads from those files."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
import pytest

from controller_server.clip.interaction import slice_motion
from controller_server.clip.io.bvh_write import bvh_text
from controller_server.clip.io.formats import ReadOptions, read_clip
from controller_server.clip.io.npz import read_npz
from controller_server.clip.rig_tables import motion_file_tables, read_joint_table

from .conftest import MODULE, ROOT
from .rigs import heads

ROKOKO = ROOT / "tests" / "helpers" / "samples" / "rokoko" / "jesse_dance.bvh"
PAIR = ROOT / "assets" / "clips" / "pull_up.npz"
FRAMES = 40


@pytest.fixture
def part() -> SimpleNamespace:
    """The extension's modules."""
    names = ("recognising", "reading", "baking", "compat")
    return SimpleNamespace(**{n: importlib.import_module(f"{MODULE}.blender.{n}") for n in names})


def imported(path: Path) -> bpy.types.Object:
    """What Blender's importer makes of a file."""
    before = set(bpy.data.objects)
    assert bpy.ops.import_anim.bvh(filepath=str(path)) == {"FINISHED"}
    return next(obj for obj in bpy.data.objects if obj not in before)


def cut(path: Path, folder: Path, frames: int) -> Path:
    """The beginning of a BVH file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    at = next(k for k, line in enumerate(lines) if line.startswith("Frames:"))
    short = folder / path.name
    short.write_text("\n".join([*lines[:at], f"Frames: {frames}", *lines[at + 1 : at + 2 + frames]]), encoding="utf-8")
    return short


def named(text: str, table: str) -> str:
    """A BVH file with the names of another rig."""
    known = read_joint_table(table)
    names = {**known.rotations, **known.joints}
    lines = []
    for line in text.splitlines():
        words = line.split()
        if words and words[0] in ("ROOT", "JOINT"):
            line = line.replace(words[1], names[words[1]][0] if words[1] in names else f"extra_{words[1]}")
        lines.append(line)
    return "\n".join(lines) + "\n"


def test_a_rest_pose_that_lies(part: SimpleNamespace, tmp_path: Path) -> None:
    """A suit's file in centimetres that rests along one axis: read as the command line does, written back exactly."""
    path = cut(ROKOKO, tmp_path, FRAMES)
    other = tmp_path / "other.bvh"
    other.write_bytes(path.read_bytes())
    core = read_clip([path, other], ReadOptions(accept=True)).clip.supporter
    obj, scene, frames = imported(path), bpy.context.scene, np.arange(1, FRAMES + 1)
    rig = part.recognising.rig_of(obj, scene)
    assert rig.kind == "Mixamo" and rig.metres == 0.01
    sampled = part.reading.sample([(obj, rig)], frames, scene)[0]
    body = rig.mapped[rig.mapped < 22]
    apart = np.linalg.norm(sampled.motion.joints[0][:, body] - core.joints[0][:, body], axis=-1)
    assert apart.mean() < 0.02 and abs(sampled.motion.skeleton.stature - core.skeleton.stature) < 0.1
    names = [rig.bones.names[row] for row in rig.rows[body]]
    played = heads(obj, names, frames) * rig.metres
    assert np.abs(played - sampled.motion.joints[0][:, body]).max() < 1e-4
    higher = replace(sampled.motion, trans=sampled.motion.trans + [0.1, 0, 0.2])
    part.compat.assign(obj, *part.baking.bake(obj, sampled, higher, "higher"))
    assert np.abs(heads(obj, names, frames) * rig.metres - played - [0.1, 0, 0.2]).max() < 1e-4


@pytest.mark.parametrize("table", [table.name for table in motion_file_tables()])
def test_rigs_by_name(part: SimpleNamespace, table: str, tmp_path: Path) -> None:
    """The rigs of the command line's table are the same rigs here, in centimetres, without a mapping of one's own."""
    motion = slice_motion(read_npz(PAIR).recipient, slice(0, 10))
    path = tmp_path / "someone.bvh"
    path.write_text(named(bvh_text(motion, 30.0, 100.0), table), encoding="utf-8")
    obj, scene, frames = imported(path), bpy.context.scene, np.arange(1, 11)
    rig = part.recognising.rig_of(obj, scene)
    assert rig.kind == importlib.import_module(f"{MODULE}.rig.mapping").called(table)
    read = part.reading.sample([(obj, rig)], frames, scene)[0].motion
    # Two that lack joints of the trunk: bones of no joint, between two that are some, turn there and move the next one.
    limit = 0.05 if table in ("biovision", "mmd") else 1e-3
    assert np.abs(read.joints[0] - motion.joints[0])[:, rig.mapped].max() < limit


def test_imported_pair_is_simulated(part: SimpleNamespace, tmp_path: Path) -> None:
    """A pair in CMU's names and unit, through Blender's importer: checked, simulated, written in its own unit."""
    scene, settings = bpy.context.scene, bpy.context.scene.assistmimic
    people = []
    for role, motion in read_npz(PAIR).people:
        path = tmp_path / f"{role}.bvh"
        path.write_text(named(bvh_text(slice_motion(motion, slice(0, 12)), 30.0, 45 / 2.54), "cmu"), encoding="utf-8")
        people.append(imported(path))
    settings.supporter, settings.recipient = people
    scene.frame_start, scene.frame_end = 1, 12
    settings.quality, settings.controller = "draft", "search"
    assert bpy.ops.assistmimic.check() == {"FINISHED"}
    message = importlib.import_module(f"{MODULE}.ui.session").session.message
    assert message.count("CMU, 22 joints") == 2 and "the recipient sits on nothing" in message
    names, frame = ["Hips", "LeftWrist"], np.array([12])
    before = heads(people[0], names, frame)
    assert bpy.ops.assistmimic.simulate() == {"FINISHED"}
    moved = np.abs(heads(people[0], names, frame) - before).max() * 2.54 / 45
    assert 1e-4 < moved < 0.3
