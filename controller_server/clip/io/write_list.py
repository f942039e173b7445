"""The list of writable formats, told by how the file's name ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from controller_server.clip.interaction import InteractionClip
from controller_server.clip.resample import resample
from controller_server.core.errors import ClipError

from .bvh_rig import OwnRigs, write_own_rigs
from .bvh_write import bvh_paths, write_bvh_pair
from .gltf_write import write_gltf
from .npz import write_npz
from .smpl_write import amass_paths, inter_x_paths, smpl_paths, write_amass, write_inter_x, write_mcs, write_smpl
from .write_options import WriteOptions

Extra = Mapping[str, np.ndarray] | None


@dataclass(frozen=True)
class Writer:
    """A format clips are written in.

    Attributes:
        ending: How the file's name ends.
        title: What it is.
        write: Writes and returns the files.
        paths: Files that will be made of a name.
        carries: Whether it can carry further arrays, and so keeps the clip's own frame rate.
        fps: The rate everybody takes for granted who reads it; 0 where the file says it.
    """

    ending: str
    title: str
    write: Callable[[Path, InteractionClip, Extra], list[Path]]
    paths: Callable[[Path], Sequence[Path]]
    carries: bool = False
    fps: float = 0.0


def _one(path: Path) -> list[Path]:
    return [path]


def _plain(
    write: Callable[[Path, InteractionClip], list[Path]],
) -> Callable[[Path, InteractionClip, Extra], list[Path]]:
    return lambda path, clip, extra: write(path, clip)


def _own(path: Path, clip: InteractionClip, extra: Extra) -> list[Path]:
    write_npz(path, clip, extra)
    return [path]


WRITERS: tuple[Writer, ...] = (
    Writer(".npz", "this project's own, the only one that keeps everything", _own, _one, carries=True),
    Writer(".bvh", "BVH with SMPL-X names, one for each person", _plain(write_bvh_pair), bvh_paths),
    Writer(".glb", "glTF with both people skinned and animated", _plain(write_gltf), _one),
    Writer(".amass.npz", "AMASS SMPL-X, one .npz for each person", _plain(write_amass), amass_paths),
    Writer(".smpl", "Meshcapade, one for each person", _plain(write_smpl), smpl_paths),
    Writer(".mcs", "Meshcapade, both people", _plain(write_mcs), _one),
    Writer(".inter-x", "Inter-X, a folder with P1.npz and P2.npz", _plain(write_inter_x), inter_x_paths, fps=120.0),
)
"""The longest ending that fits is taken."""
ENDINGS = tuple(writer.ending for writer in WRITERS)


def writer_of(path: Path) -> Writer:
    """Return what writes a file of this name. Raises AssistMimicError."""
    name = path.name.lower()
    fits = [w for w in WRITERS if name.endswith(w.ending) and len(name) > len(w.ending)]
    if fits:
        return max(fits, key=lambda writer: len(writer.ending))
    raise ClipError(f"{path}: no format is called {path.suffix or 'nothing'!r}; use one of {', '.join(ENDINGS)}")


def written_paths(path: Path) -> list[Path]:
    """Return the files that writing a clip to this name makes. Raises AssistMimicError."""
    return list(writer_of(path).paths(path))


def write_clip(
    path: str | Path,
    clip: InteractionClip,
    extra: Extra = None,
    options: WriteOptions | None = None,
    own: OwnRigs | None = None,
) -> list[Path]:
    """Write a clip in the format its name's ending says; some make one file for each person.

    Args:
        path: Where to.
        clip: What to write.
        extra: Further named arrays, for formats that can carry them (`.npz`).
        options: How.
        own: The rigs that the clip was read from, for `out_rig` input.

    Returns:
        The files written.

    Raises:
        AssistMimicError: the ending is unknown, an option cannot apply, or the file cannot be written.
    """
    path, options = Path(path), options or WriteOptions()
    writer = writer_of(path)
    options.check(path)
    if options.out_rig == "input":
        if own is None:
            raise ClipError(f"{path}: --out-rig input needs the BVH files that the clip was read from")
        return write_own_rigs(path, clip, own, fps=options.out_fps, unit=options.out_unit)
    rate = options.out_fps or writer.fps
    if rate:
        clip = resample(clip, rate)
    if options.out_unit is not None:
        return write_bvh_pair(path, clip, unit=options.out_unit)
    return writer.write(path, clip, extra)
