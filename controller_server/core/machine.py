"""Description of the machine measurements were made on."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> str:
    """Return what this was measured on, in words."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    return f"{name}, {os.cpu_count()} cores, {platform.system()}, load {os.getloadavg()[0]:.1f}"
