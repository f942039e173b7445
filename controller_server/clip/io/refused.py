"""Files that are recognised but hold no pair in one world: what they lack, and the way round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from controller_server.core.errors import ClipError

from .peek import Peek
from .pickled import is_pickled, kind_of
from .read_options import Reading, ReadOptions
from .safe_pickle import load_pickle


@dataclass(frozen=True)
class Refused:
    """A kind of file that cannot become a clip.

    Attributes:
        name: What `--format` calls it.
        title: What it is.
        reason: What it lacks and the way round.
        arrays: Arrays of an `.npz` that tell it.
        columns: Columns of an `.npy` that tell it.
        kind: Kind of pickle that tells it.
    """

    name: str
    title: str
    reason: str
    arrays: frozenset[str] = frozenset()
    columns: int = 0
    kind: str = ""

    def matches(self, seen: Peek) -> bool:
        """Return whether a file is of this kind."""
        if self.arrays:
            return self.arrays <= set(seen.arrays)
        if self.columns:
            return seen.suffix == ".npy" and not seen.has_objects and seen.shape[1:] == (self.columns,)
        return is_pickled(seen) and kind_of(load_pickle(seen.path)) == self.kind

    def read(self, files: Sequence[Path], options: ReadOptions) -> Reading:
        """Refuse. Raises AssistMimicError."""
        raise ClipError(f"{', '.join(map(str, files))}: {self.title}: {self.reason}")


_CAMERA = "poses of single pictures in the camera's frame, without ground and without who is who over time"
_TRACKED = "PromptHMR-Vid gives both people in one world with a floor"
REFUSED = (
    Refused("bev", "BEV or ROMP", f"{_CAMERA}; {_TRACKED}", frozenset({"results"})),
    Refused(
        "sam3d-body",
        "SAM 3D Body",
        f"one person of one picture, on the MHR body in the camera's frame; {_TRACKED}",
        frozenset({"mhr_model_params", "pred_cam_t"}),
    ),
    Refused(
        "humanml3d",
        "HumanML3D's 263 numbers",
        "each person about an own origin and heading, so two of them have no common place; generate with a two-person "
        "model (InterGen, InterMask, priorMDM), or recover joints and place them yourself",
        columns=263,
    ),
    Refused("buddi", "BUDDI", "one pose of one picture, no motion", kind="buddi"),
    Refused("phalp", "PHALP or 4D-Humans", f"{_CAMERA}, of unknown depth; {_TRACKED}", kind="phalp"),
    Refused(
        "tram",
        "TRAM",
        "people in the camera's frame, its own motion in another file (camera.npy); apply that first and save "
        "positions as an array 'joints' (2, T, 24, 3)",
        kind="tram",
    ),
    Refused("aist", "AIST++", "one dancer alone", kind="aist"),
    Refused(
        "aioz",
        "AIOZ-GDANCE",
        "a group without frame rate and roles; save two of its people as AMASS .npz, with trans from root_trans",
        kind="aioz",
    ),
    Refused(
        "multiphys",
        "MultiPhys",
        "one sequence of one person; save pose_aa and trans of both as AMASS .npz",
        kind="multiphys",
    ),
)
