"""Authoring clips: key poses in YAML become an InteractionClip by interpolation and inverse kinematics.

`docs/authoring.md` describes the file. Needs the `[fit]` extra (mink, scipy), imported when `author` is called.
"""

from __future__ import annotations

from pathlib import Path

from controller_server.clip.interaction import InteractionClip
from controller_server.core.errors import ClipError

from .parse import read_script
from .script import Script

__all__ = ["Script", "author", "read_script"]


def author(path: str | Path) -> InteractionClip:
    """Build the clip a YAML file of key poses describes.

    Args:
        path: The file; see docs/authoring.md.

    Raises:
        AssistMimicError: the file is missing or wrong (naming key, person and field), or the `[fit]` extra is missing.
    """
    script = read_script(path)
    try:
        from .build import build_clip
    except ModuleNotFoundError as error:
        raise ClipError(f"authoring needs the package {error.name!r}: pip install 'assistmimic[fit]'") from None
    return build_clip(script)
