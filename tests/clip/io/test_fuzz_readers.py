"""Damaged files of every format of our own: nothing but the project's own error, no hang, no file outside.

`make fuzz` sets ASSISTMIMIC_FUZZ to the number of damaged files for each format; every one has its own seed, which a
failure names.
"""

from __future__ import annotations

import io
import os
import pickle
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import foreign_files as foreign
from helpers.motion_cases import as_rig, squatting_pair

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.io.formats import ReadOptions, read_clip, write_clip
from controller_server.clip.io.safe_pickle import forget
from controller_server.core.errors import AssistMimicError

COUNT = int(os.environ.get("ASSISTMIMIC_FUZZ", "15"))
LONGEST = 5.0  # s of CPU for one file
CLIP = squatting_pair(4)


def array(values: object) -> bytes:
    """The bytes of an `.npy`."""
    file = io.BytesIO()
    np.save(file, np.asarray(values), allow_pickle=True)
    return file.getvalue()


def arrays(values: dict[str, Any]) -> bytes:
    """The bytes of an `.npz` that is not packed, so that damage reaches the arrays."""
    file = io.BytesIO()
    np.savez(file, **values)
    return file.getvalue()


def written(ending: str) -> Callable[[InteractionClip, Path], list[bytes]]:
    """The files this project writes."""
    return lambda clip, folder: [path.read_bytes() for path in write_clip(folder / f"seed{ending}", clip)]


def each(write: Callable[..., object], pack: Callable[..., bytes]) -> Callable[[InteractionClip, Path], list[bytes]]:
    """One file for each person."""
    return lambda clip, folder: [pack(write(motion)) for _, motion in clip.people]


SEEDS: dict[str, tuple[str, Callable[[InteractionClip, Path], list[bytes]]]] = {
    "own": (".npz", written(".npz")),
    "bvh": (".bvh", written(".bvh")),
    "rig": (".bvh", lambda clip, _: [as_rig(motion, "mixamo").encode() for _, motion in clip.people]),
    "glb": (".glb", written(".glb")),
    "mcs": (".mcs", written(".mcs")),
    "smpl": (".smpl", each(foreign.smpl_bytes, bytes)),
    "inter-x": (".npz", each(foreign.inter_x, arrays)),
    "amass": (".npz", each(foreign.amass_smplx, arrays)),
    "262": (".npy", each(foreign.intergen, array)),
    "672": (".npy", lambda clip, _: [array(np.concatenate([foreign.inter_x_six(m) for _, m in clip.people], -1))]),
    "interhuman": (".pkl", lambda clip, _: [pickle.dumps(foreign.interhuman_raw(clip))]),
    "regennet": (".npy", lambda clip, _: [array(foreign.regennet(clip))]),
    "wham": (".pkl", lambda clip, _: [pickle.dumps(foreign.wham(clip, [np.arange(4)] * 2), protocol=2)]),
    "gvhmr": (".pt", lambda clip, _: [pickle.dumps(foreign.gvhmr(m, 0.1, np.zeros(3))) for _, m in clip.people]),
}


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """The bytes with some changed, cut, doubled or put elsewhere."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        at, size = int(rng.integers(0, len(data))), int(rng.integers(1, 40))
        match rng.integers(0, 5):
            case 0:
                data[at : at + size] = rng.integers(0, 256, size, dtype=np.uint8).tobytes()
            case 1:
                del data[at : at + size]
            case 2:
                data[at:at] = data[at : at + size]
            case 3:
                data[at : at + 4] = [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b" NaN"][rng.integers(0, 4)]
            case _:
                del data[max(at, len(data) // 2) :]
        data = data or bytearray(b"\0")
    return bytes(data)


def rezipped(content: bytes, rng: np.random.Generator) -> bytes:
    """An archive whose entries are damaged, its own structure sound."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(out, "w") as into:
        names = archive.namelist()
        chosen = names[int(rng.integers(0, len(names)))]
        for name in names:
            data = archive.read(name)
            into.writestr(name, damaged(data, rng) if name == chosen else data)
    return out.getvalue()


@pytest.mark.parametrize("name", SEEDS)
def test_damaged_files(name, tmp_path):
    """Read, or refuse with one sentence, in time, and leave nothing behind."""
    suffix, make = SEEDS[name]
    seeds = make(CLIP, tmp_path)
    options = ReadOptions(supporter=1, accept=True, fps=None if name == "own" else 30.0)
    files = [tmp_path / f"in{k}{suffix}" for k in range(len(seeds))]
    before = {path.name for path in tmp_path.iterdir()} | {path.name for path in files}
    for number in range(COUNT):
        rng = np.random.default_rng([len(name), *name.encode(), number])
        content = [bytes(seed) for seed in seeds]
        which = int(rng.integers(0, len(content)))
        inside = zipfile.is_zipfile(io.BytesIO(content[which])) and rng.random() < 0.7
        content[which] = (rezipped if inside else damaged)(content[which], rng)
        for path, data in zip(files, content, strict=True):
            path.write_bytes(data)
        forget()
        started = time.process_time()
        try:
            read_clip(files, options)
        except AssistMimicError as error:
            assert "\n" not in str(error), (name, number)
        except Exception as error:
            raise AssertionError(f"{name}, damaged file {number}: {type(error).__name__}: {error}") from error
        assert time.process_time() - started < LONGEST, (name, number)
    assert {path.name for path in tmp_path.iterdir()} <= before
