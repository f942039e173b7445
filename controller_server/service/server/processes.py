"""Questions to the operating system about other processes, on Linux, macOS and Windows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""Creation flag that keeps Windows from opening a console for a child."""
NEW_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
"""Creation flag that keeps Windows from handing Ctrl-C on to a child."""


def usable_cores() -> int:
    """Cores this process may use: fewer than there are where a cluster's scheduler gives a part of a machine."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def is_alive(pid: int) -> bool:
    """Return whether a process is running; one that ended and was not collected is not."""
    if sys.platform == "win32":
        return _windows_is_alive(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text(errors="replace").rpartition(")")[2].split()[0] not in ("Z", "X")
    except (OSError, IndexError):
        return True


def resident_bytes(pid: int) -> int:
    """Memory of a process; 0 where it cannot be told."""
    if sys.platform == "win32":
        return _windows_resident(pid)
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        pass
    if sys.platform != "darwin":
        return 0
    asked = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return 1024 * int(asked.stdout.strip() or 0)


def _windows_is_alive(pid: int) -> bool:
    import ctypes

    kernel = ctypes.windll.kernel32  # pyright: ignore[reportAttributeAccessIssue]
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return False
    code = ctypes.c_ulong()
    known = kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return not known or code.value == 259  # STILL_ACTIVE


def _windows_resident(pid: int) -> int:
    import ctypes

    class Counters(ctypes.Structure):
        _fields_ = [
            ("cb", ctypes.c_ulong),
            ("faults", ctypes.c_ulong),
            *((name, ctypes.c_size_t) for name in ("peak", "resident", "q1", "q2", "q3", "q4", "page", "peak_page")),
        ]

    windll = ctypes.windll  # pyright: ignore[reportAttributeAccessIssue]
    handle = windll.kernel32.OpenProcess(0x1000 | 0x0010, False, pid)  # and PROCESS_VM_READ
    if not handle:
        return 0
    counters = Counters(cb=ctypes.sizeof(Counters))
    known = windll.psapi.GetProcessMemoryInfo(handle, ctypes.byref(counters), counters.cb)
    windll.kernel32.CloseHandle(handle)
    return counters.resident if known else 0


def lower_priority() -> None:
    """Let whoever answers people go before this process, which computes."""
    try:
        if sys.platform == "win32":
            import ctypes

            kernel = ctypes.windll.kernel32  # pyright: ignore[reportAttributeAccessIssue]
            kernel.SetPriorityClass(kernel.GetCurrentProcess(), 0x4000)  # BELOW_NORMAL_PRIORITY_CLASS
        else:
            os.nice(5)
    except OSError:
        pass  # it works at any priority
