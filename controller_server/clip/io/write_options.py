"""Options of writing."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from controller_server.clip.interaction import MAX_FPS, MIN_FPS
from controller_server.core.errors import SettingsError

from .bvh_world import UNITS

Rigs = Literal["smplx", "input"]


@dataclass(frozen=True)
class WriteOptions:
    """How to write, in formats other than this project's .npz.

    Attributes:
        out_fps: Frame rate to write at, instead of the clip's.
        out_rig: Of a BVH: SMPL-X names, or `input` for the very rigs and names of the pair of BVH files that is read.
        out_unit: Of a BVH: m, cm, mm or inch; by default cm, and of the input's rigs their own.
    """

    out_fps: float | None = None
    out_rig: Rigs = "smplx"
    out_unit: str | None = None

    def check(self, path: Path) -> None:
        """Refuse options that cannot apply to a file of this name. Raises AssistMimicError."""
        name = path.name.lower()
        given = {f.name for f in fields(self) if getattr(self, f.name) != f.default}
        if "out_fps" in given and name.endswith(".npz") and not name.endswith(".amass.npz"):
            raise SettingsError(f"{path}: --out-fps cannot apply to .npz, which keeps the clip's frames; leave it out")
        if self.out_fps is not None and not MIN_FPS <= self.out_fps <= MAX_FPS:
            raise SettingsError(f"--out-fps {self.out_fps:g} is outside {MIN_FPS:g}-{MAX_FPS:g}")
        for option in sorted(given - {"out_fps"}):
            if not name.endswith(".bvh"):
                flag = f"--{option.replace('_', '-')}"
                raise SettingsError(f"{path}: {flag} is for .bvh alone; leave it out")
        if self.out_unit is not None and self.out_unit not in UNITS:
            raise SettingsError(f"--out-unit {self.out_unit}: expected one of {', '.join(UNITS)}")
