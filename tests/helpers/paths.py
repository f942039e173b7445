"""Places in the repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLIPS = ROOT / "assets" / "clips"
SAMPLES = Path(__file__).with_name("samples")
"""Small real files of other tools, each with its origin."""
