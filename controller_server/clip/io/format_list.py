"""The list of readable formats: how a file shows that it is one of them, and what reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from controller_server.clip.interaction import slice_motion
from controller_server.core.errors import ClipError
from controller_server.core.npz_arrays import load_arrays

from .assemble import assemble
from .bvh_clip import read_bvh_pair
from .chi3d import is_chi3d, read_chi3d
from .fbx import is_fbx, read_fbx_pair
from .gltf_people import is_gltf, read_gltf_pair
from .inter_x_h5 import is_inter_x_h5, read_inter_x_h5
from .intergen import is_intergen, read_intergen
from .joint_arrays import KEY, read_joint_arrays
from .kimodo import is_kimodo, read_kimodo
from .meshcapade import is_mcs, is_smpl, read_mcs, read_smpl
from .npz import FORMAT, read_npz
from .peek import Peek, peek
from .pickled import holds, read_duolando, read_interhuman, read_mdm, read_ponimator, read_regennet
from .read_options import ALWAYS, ANY, AXES, POSITIONS, FrameRange, Reading, ReadOptions
from .refused import REFUSED
from .slahmr import is_slahmr, read_slahmr
from .smpl_npz import is_amass, is_hy_motion, is_inter_x, read_amass, read_hy_motion, read_inter_x
from .tracks import Content
from .video_files import read_prompthmr, read_single_tracks, read_wham

Matches = Callable[[Peek], bool]
ReadContent = Callable[[Path], Content]


@dataclass(frozen=True)
class Format:
    """A file format clips are read from.

    Attributes:
        name: What `--format` calls it.
        title: What it is and what writes it.
        matches: Whether a file is of it.
        read: Reads all files of a clip.
        options: Options that can apply.
        own: Whether it is this project's own, which is taken as it is.
        people: How many are in one file; 0 where that depends on the file.
    """

    name: str
    title: str
    matches: Matches
    read: Callable[[Sequence[Path], ReadOptions], Reading]
    options: frozenset[str]
    own: bool = False
    people: int = 2


def of_content(
    name: str, title: str, matches: Matches, read: ReadContent, options: frozenset[str], people: int = 2
) -> Format:
    """Return a format whose files each hold one person or two, read one by one."""

    def read_all(files: Sequence[Path], given: ReadOptions) -> Reading:
        return assemble(files, [read(path) for path in files], given)

    return Format(name, title, matches, read_all, options, people=people)


def _read_own(files: Sequence[Path], options: ReadOptions) -> Reading:
    if len(files) != 1:
        raise ClipError(f"{', '.join(map(str, files))}: each of them holds both people; name one clip")
    clip = read_npz(files[0])
    if options.frames is not None:
        frames = FrameRange.parse(options.frames).slice([clip.n_frames], [str(files[0])])
        people = [slice_motion(motion, frames) for _, motion in clip.people]
        grips = None if clip.grips is None else clip.grips[frames]
        clip = replace(clip, supporter=people[0], recipient=people[1], grips=grips)
    return Reading(clip, floor_known=True)


def _read_bvh(files: Sequence[Path], options: ReadOptions) -> Reading:
    if len(files) != 2:
        raise ClipError(f"{', '.join(map(str, files))}: one person; a clip needs two, give SUPPORTER.bvh RECIPIENT.bvh")
    return read_bvh_pair(files[0], files[1], options)


FORMATS: tuple[Format, ...] = (
    Format(
        "assistmimic",
        "this project's own .npz, clips and results",
        lambda seen: seen.is_own,
        _read_own,
        ALWAYS,
        own=True,
    ),
    of_content(
        "intergen",
        "InterGen, in2IN, InterMask, MixerMDM, TIMotion: .npy (T, 262), (T, 524), (T, 2, 262), (T, 22, 9), (T, 672); "
        "InterHuman (T, 492); Inter-X joints (T, 64, 3)",
        is_intergen,
        read_intergen,
        POSITIONS,
        people=0,
    ),
    of_content(
        "joints",
        "joint positions: .npz with 'joints', .npy (2, T, J, 3), (T, 2, J, 3) or (T, J, 3) for each person",
        lambda seen: KEY in seen.arrays or (seen.suffix == ".npy" and seen.shape[-1:] == (3,)),
        read_joint_arrays,
        POSITIONS,
        people=0,
    ),
    Format(
        "bvh",
        "BVH, one file for each person, of any rig with a table of joint names",
        lambda seen: seen.magic == "bvh",
        _read_bvh,
        POSITIONS,
        people=1,
    ),
    Format(
        "gltf", "GLB and glTF, both people in one file or one in each", is_gltf, read_gltf_pair, POSITIONS, people=0
    ),
    Format(
        "fbx", "FBX, both people in one file or one in each (needs ufbx)", is_fbx, read_fbx_pair, POSITIONS, people=0
    ),
    of_content("inter-x", "Inter-X, P1.npz and P2.npz (or their folder)", is_inter_x, read_inter_x, AXES, people=1),
    Format(
        "inter-x-h5",
        "Inter-X's processed .h5, one of its clips (--clip NAME; needs h5py)",
        is_inter_x_h5,
        read_inter_x_h5,
        AXES | {"clip"},
    ),
    of_content("slahmr", "SLAHMR, *_world_results.npz with both people", is_slahmr, read_slahmr, AXES),
    of_content("chi3d", "CHI3D, one .json with both people", is_chi3d, read_chi3d, AXES),
    of_content("hy-motion", "HY-Motion, one .npz for each person", is_hy_motion, read_hy_motion, AXES, people=1),
    of_content(
        "amass",
        "AMASS SMPL-H and SMPL-X, Kimodo's AMASS export, one .npz for each person",
        is_amass,
        read_amass,
        AXES,
        people=1,
    ),
    of_content(
        "interhuman", "InterHuman's raw clips, one .pkl with both people", holds("interhuman"), read_interhuman, AXES
    ),
    of_content("priormdm", "priorMDM and ComMDM, results.npy with both people", holds("priormdm"), read_mdm, POSITIONS),
    of_content("mdm", "MDM, results.npy, one person in each", holds("mdm"), read_mdm, POSITIONS, people=1),
    of_content("regennet", "ReGenNet, results.npy with actor and reactor", holds("regennet"), read_regennet, AXES),
    of_content("ponimator", "Ponimator, motion_pred.pkl with both people", holds("ponimator"), read_ponimator, AXES),
    of_content(
        "duolando", "Duolando and DD100, one .npy for each person", holds("duolando"), read_duolando, AXES, people=1
    ),
    of_content("prompthmr", "PromptHMR-Vid, results.pkl with both people", holds("prompthmr"), read_prompthmr, AXES),
    Format("gvhmr", "GVHMR, one hmr4d_results.pt for each person", holds("gvhmr"), read_single_tracks, AXES, people=1),
    Format("genmo", "GENMO, one smpl_params.pt for each person", holds("genmo"), read_single_tracks, AXES, people=1),
    Format("wham", "WHAM, wham_output.pkl with both people", holds("wham"), read_wham, AXES),
    of_content(
        "kimodo",
        "Kimodo's own .npz, one for each person (22, 30 or 77 joints)",
        is_kimodo,
        read_kimodo,
        POSITIONS,
        people=1,
    ),
    of_content("smpl", "Meshcapade and PromptHMR-Vid, one .smpl for each person", is_smpl, read_smpl, AXES, people=1),
    of_content("mcs", "Meshcapade and PromptHMR-Vid, one .mcs with both people", is_mcs, read_mcs, AXES),
    *(
        Format(r.name, f"{r.title}: recognised, and refused with the way round", r.matches, r.read, ANY)
        for r in REFUSED
    ),
)


def recognise(path: Path) -> Format | None:
    """Return the format of a file, None where it is of no known one. Raises AssistMimicError where it is damaged."""
    seen = peek(path)
    return next((form for form in FORMATS if form.matches(seen)), None)


def find_format(files: Sequence[Path], name: str | None) -> Format | None:
    """Return the format that all files are of, or the one of this name; None when there is none.

    Raises:
        AssistMimicError: no format has this name, or the files are of different ones.
    """
    if not files:
        return None
    if name is not None:
        found = next((form for form in FORMATS if form.name == name), None)
        if found is None:
            names = ", ".join(form.name for form in FORMATS)
            raise ClipError(f"--format {name}: no format is called so; there are {names}")
        return found
    forms = [recognise(path) for path in files]
    if len({form.name if form else "" for form in forms}) > 1:
        kinds = [
            f"{path} is {form.name if form else 'of no known format'}" for path, form in zip(files, forms, strict=True)
        ]
        raise ClipError(f"{', '.join(kinds)}; both people must come from files of one format")
    return forms[0]


def unknown(files: Sequence[Path]) -> str:
    """Return what to say about files of no known format."""
    names = ", ".join(map(str, files)) or "no file"
    if len(files) == 1 and files[0].suffix.lower() == ".npz":
        arrays = load_arrays(files[0])  # says what is wrong with a damaged file
        known = ", ".join(sorted(arrays)[:8])
        return (
            f"{names}: not an assistmimic clip (no format = {FORMAT!r}; holds {known or 'nothing'}), nor another "
            "format; see docs/formats.md or `assistmimic formats` for what can be read"
        )
    if any(peek(path).has_objects for path in files):
        return f"{names}: holds pickled objects of no known format; save plain arrays instead"
    return f"{names}: not a clip of a known format; `assistmimic formats` lists what can be read"
