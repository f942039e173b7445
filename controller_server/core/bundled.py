"""Bundled example clips and trained policies, wherever the program is installed."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parents[1]
_IN_CLONE, _IN_WHEEL = _HERE.parent / "assets", _HERE / "assets"
ASSETS = _IN_CLONE if _IN_CLONE.is_dir() else _IN_WHEEL
"""`assets/` of a clone; in an installed package what the wheel holds of it."""
CLIPS = ASSETS / "clips"
"""The example clips."""
POLICIES = ASSETS / "policies"
"""The trained policies."""
ALONE = ASSETS / "alone"
"""Clips in which the recipient does something alone."""
TRAINING_CLIPS = _HERE.parent / "training" / "clips"
"""Clips that only training and measurements use."""


def bundled_clips() -> list[str]:
    """Return the names of the example clips."""
    return sorted(path.stem for path in CLIPS.glob("*.npz"))


def shipped(path: Path) -> Path:
    """Return what comes along for a path that is not there and begins with `assets/` or `training/`; else the path.

    So what documentation says of a clone works wherever the program is installed.
    """
    if path.is_absolute() or len(path.parts) < 2 or ".." in path.parts or path.exists():
        return path
    roots = {"assets": ASSETS, "training": _HERE.parent / "training"}
    root = roots.get(path.parts[0])
    found = path if root is None else root.joinpath(*path.parts[1:])
    return found if found.exists() else path


def named_clip(path: Path) -> Path:
    """Return the file of a clip that comes along, called by its name alone, such as `pull_up`, or as `shipped` has it.

    A file of that name comes first.
    """
    if path.exists() or path.suffix or len(path.parts) != 1:
        return shipped(path)
    found = CLIPS / f"{path.name}.npz"
    return found if found.is_file() else path
