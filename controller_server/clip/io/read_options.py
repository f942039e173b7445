"""Options of reading, and the result of a reader."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from controller_server.clip.checks.plausibility import Finding
from controller_server.clip.interaction import InteractionClip
from controller_server.core.errors import SettingsError

Sides = Literal["as-named", "exchanged", "mirrored"]


@dataclass(frozen=True)
class ReadOptions:
    """What a file does not say, or says wrongly.

    Attributes:
        format: Format by its name in `assistmimic formats`, instead of judging by the content.
        bvh_unit: Unit of a BVH or of joint positions (m, cm, mm, inch, cmu, or metres per unit) instead of judging by
            leg length.
        bvh_up: The up axis of any format (x, y, z, -x, -y or -z) instead of judging by rest pose and motion.
        joint_map: YAML table of joint names, for rigs that are not known; see docs/formats.md.
        fps: Frame rate, instead of the file's.
        keep_height: Whether to leave the floor where it is, however far from z = 0.
        swap: Whether the recipient comes first in what is read.
        supporter: Which person in what is read helps, 1 or 2, instead of judging by names and motion.
        clip: Which clip of a file that holds many, by its name.
        frames: FIRST:LAST to read only these, both counted from 0 and included (1: leaves out frame 0), or `common`
            for the frames that two files of unequal length share.
        sides: `exchanged` where joint names have left and right the wrong way round, `mirrored` where coordinates are
            left-handed (Unity, DirectX).
        seat: `auto` to put a seat under whoever sits, at the height people sit at, or that height [m].
        box: Furniture as NAME,X,Y,Z,SX,SY,SZ: middle and full edges [m], with Z up. Several may be given.
        accept: Whether to read what looks impossible with a warning, instead of refusing it.
        body_model: Folder with the licensed SMPL-X model files, to give people the proportions of their betas.
    """

    format: str | None = None
    bvh_unit: str | None = None
    bvh_up: str | None = None
    joint_map: Path | None = None
    fps: float | None = None
    keep_height: bool = False
    swap: bool = False
    supporter: int | None = None
    clip: str | None = None
    frames: str | None = None
    sides: Sides = "as-named"
    seat: str | None = None
    box: tuple[str, ...] = ()
    accept: bool = False
    body_model: Path | None = None

    def given(self) -> set[str]:
        """Return names of the options that somebody set."""
        return {f.name for f in fields(self) if getattr(self, f.name) != f.default}


ALWAYS = frozenset({"format", "swap", "supporter", "frames", "seat", "box", "accept", "body_model"})
"""Options that every format understands."""
AXES = ALWAYS | {"bvh_up", "keep_height", "fps"}
"""Options of formats that hold body parameters."""
POSITIONS = AXES | {"bvh_unit", "joint_map", "sides"}
"""Options of formats whose bodies are fitted."""

ANY = frozenset(f.name for f in fields(ReadOptions))
"""All there are, for files that are refused whatever is said about them."""


def refuse_idle(options: ReadOptions, known: frozenset[str], where: str, title: str) -> None:
    """Refuse options that cannot apply to a format. Raises AssistMimicError."""
    idle = sorted(options.given() - known)
    if idle:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in idle)
        raise SettingsError(f"{where}: {flags} cannot apply to {title}; leave it out")


@dataclass(frozen=True)
class Reading:
    """What a reader makes of files, before the scene is looked over.

    Attributes:
        clip: Two people.
        notes: What was found out and assumed, for people to read.
        findings: What was impossible or odd on the way.
        floor_known: Whether the format's heights count from the floor.
        order: What the people or their files are called, for names that tell who helps; None where nothing does.
        ordered: Whether the first person is the supporter by the format's own rule, unless names tell otherwise.
    """

    clip: InteractionClip
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    floor_known: bool = False
    order: tuple[str, str] | None = None
    ordered: bool = False


@dataclass(frozen=True)
class FrameRange:
    """Frames to read: from the first to the last, both included; None where open."""

    first: int = 0
    last: int | None = None
    common: bool = False

    @staticmethod
    def parse(text: str | None) -> FrameRange:
        """Parse FIRST:LAST or `common`. Raises AssistMimicError."""
        if text is None:
            return FrameRange()
        if text.strip().lower() == "common":
            return FrameRange(common=True)
        first, colon, last = text.partition(":")
        try:
            frames = FrameRange(int(first or 0), int(last) if last else None, common=True)
        except ValueError:
            colon = ""
            frames = FrameRange()
        if not colon or frames.first < 0 or (frames.last is not None and frames.last <= frames.first):
            raise SettingsError(
                f"--frames {text}: expected FIRST:LAST with 0 <= FIRST < LAST, as 1: or 10:120, or common"
            )
        return frames

    def slice(self, lengths: list[int], where: list[str]) -> slice:
        """Return the frames all have. Raises AssistMimicError where files of unequal length were not expected."""
        if len(set(lengths)) > 1 and not self.common:
            told = ", ".join(f"{name} has {n} frames" for name, n in zip(where, lengths, strict=True))
            raise SettingsError(
                f"{told}; cut both to the same range, or read what they share with --frames common (or FIRST:LAST)"
            )
        end = min(lengths) if self.last is None else min(*lengths, self.last + 1)
        if end - self.first < 2:
            raise SettingsError(
                f"{where[0]}: {max(0, end - self.first)} frame(s) from frame {self.first} on; a clip has at least 2"
            )
        return slice(self.first, end)
