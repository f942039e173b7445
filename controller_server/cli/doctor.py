"""The state of this installation as rows of name and value: a page to paste into a bug report."""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from controller_server.core.errors import AssistMimicError
from controller_server.core.version import __version__

PACKAGES = {
    "core": ("mujoco", "numpy", "pyzmq", "msgpack", "PyYAML", "array-api-compat"),
    "cli": ("rich",),
    "fit": ("mink", "scipy"),
    "train": ("torch", "tensorboard"),
    "formats": ("h5py", "ufbx"),
    "metrics": ("prometheus-client",),
    "cluster": ("ray",),
    "smplx": ("smplx",),
}
"""Modules that each extra installs."""
_SECONDS = 20
_ZIPS = (
    "…-PLATFORM.zip fits Blender 4.2.13 and later, also 5.x; …-python3.11.zip 4.2.0 to 4.2.12; a distribution's own "
    "build takes that of its Python"
)
_ASK_BLENDER = "import bpy, sys; print('is', bpy.app.version_string, '%d.%d' % sys.version_info[:2])"


@dataclass(frozen=True)
class Finding:
    """One row.

    Attributes:
        name: What was looked at.
        value: What was found, in words.
        ok: Whether that is well; None where it is neither.
        remedy: What to do about it, or "".
    """

    name: str
    value: str
    ok: bool | None = None
    remedy: str = ""


def examine() -> dict[str, list[Finding]]:
    """Return what was found, by section. Takes some seconds: it loads engines and draws a picture."""
    return {
        "versions": list(_versions()),
        "machine": list(_machine()),
        "engines": list(_engines()),
        "pictures": [_renderer()],
        "server": [_port(), _server()],
        "Blender": list(_blender()),
        "folders": list(_folders()),
        "settings": list(_environment()),
    }


def _versions() -> Iterator[Finding]:
    yield Finding("assistmimic", __version__)
    yield Finding("python", f"{platform.python_version()} at {sys.executable}")
    for extra, names in PACKAGES.items():
        for name in names:
            found = _version(name)
            if found is not None:
                yield Finding(name, found, True)
            elif extra == "core":
                yield Finding(name, "not installed", name == "mujoco" and _version("mujoco-core") is not None)
            else:
                yield Finding(name, "not installed", None, f"pip install 'assistmimic[{extra}]' if you need it")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _machine() -> Iterator[Finding]:
    from controller_server.service.server.processes import usable_cores

    yield Finding("system", f"{platform.platform()}, {platform.machine()}")
    cores = usable_cores()
    yield Finding("cores", f"{cores} usable of {os.cpu_count()}", True)
    if (memory := _memory_gb()) is not None:
        remedy = "" if memory >= 4 else "use fewer threads"
        yield Finding("memory", f"{memory:.1f} GB", memory >= 4, remedy)


def _memory_gb() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _engines() -> Iterator[Finding]:
    from controller_server.physics.engines import engine_names, load_engine

    for name in engine_names():
        yield _tried(name, lambda name=name: f"{load_engine(name).__module__} loads")


def _renderer() -> Finding:
    from controller_server.clip.io.formats import read_clip
    from controller_server.core.bundled import CLIPS
    from controller_server.picture.strip import render_strip

    clip = CLIPS / "pull_up.npz"
    if not clip.is_file():
        return Finding("strip", "not tried: no bundled clip here")

    def draw() -> str:
        with tempfile.TemporaryDirectory() as folder:
            render_strip(read_clip([clip]).clip, Path(folder) / "s.png", frames=1, views=("side",), width=32, height=32)
        return "draws"

    return _tried("strip", draw)


def _tried(name: str, does: Callable[[], str]) -> Finding:
    """Return what came of an attempt; an error is a finding, never the end of the page."""
    try:
        return Finding(name, does(), True)
    except AssistMimicError as error:
        return Finding(name, str(error), False)
    except Exception as error:  # whatever a broken installation does
        return Finding(name, f"{type(error).__name__}: {error}", False)


def _port() -> Finding:
    def bind() -> str:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            with socket.create_connection(listener.getsockname(), timeout=2):
                return "can listen and connect"

    return _tried("loopback", bind)


def _server() -> Finding:
    from controller_server.service.client.client import connect
    from controller_server.service.client.location import ENVIRONMENT
    from controller_server.service.protocol.port_file import NAME, state_folder

    if not os.environ.get(ENVIRONMENT) and not (state_folder() / NAME).is_file():
        return Finding("running", "none; start one: assistmimic serve")

    def ask() -> str:
        with connect(lost_s=2.0) as client:
            return f"version {client.hello()['server']} at {client.location.endpoint}, this client is {client.name}"

    return _tried("running", ask)


def _blender() -> Iterator[Finding]:
    yield Finding("zips", _ZIPS)
    found = shutil.which("blender")
    if found is None:
        yield Finding("blender", "none on the path")
        return
    try:
        command = [found, "--background", "--factory-startup", "--python-expr", _ASK_BLENDER]
        said = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Finding(found, f"does not answer ({type(error).__name__})", False)
        return
    answer = re.search(r"^is (\d+)\.(\d+)\.(\d+)\S* (3\.\d+)$", said, re.M)
    if answer is None:
        yield Finding(found, "does not say which it is", False)
        return
    numbers, python = tuple(int(answer[k]) for k in (1, 2, 3)), answer[4]
    fits = zip_for(numbers, python)
    yield Finding(found, f"{'.'.join(map(str, numbers))} with Python {python}: {fits}", fits.endswith(".zip"))


def zip_for(blender: tuple[int, ...], python: str) -> str:
    """Return which of the extension's zips a Blender takes.

    Args:
        blender: Its version, three numbers.
        python: The version of its Python, as "3.11".
    """
    name = f"assistmimic-{__version__}-{_platform()}"
    if blender < (4, 2, 0):
        return "too old: the extension needs 4.2 or later"
    usual = "3.11" if blender < (5, 1, 0) else "3.13"
    if python != usual:
        return f"{name}-python{python}.zip"  # a distribution's own build
    return f"{name}-python3.11.zip" if blender < (4, 2, 13) else f"{name}.zip"


def _platform() -> str:
    system = {"Linux": "linux", "Windows": "windows", "Darwin": "macos"}.get(platform.system(), platform.system())
    machine = {"x86_64": "x64", "AMD64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{system}-{machine}"


def _folders() -> Iterator[Finding]:
    from controller_server.service.protocol.port_file import state_folder

    for name, folder in (
        ("here", Path.cwd()),
        ("state", state_folder()),
        ("temporary", Path(tempfile.gettempdir())),
    ):
        yield _writable(name, folder)


def _writable(name: str, folder: Path) -> Finding:
    """Return whether a folder, or the nearest above it that is there, can be written to, and its free space."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
        free = shutil.disk_usage(there).free / 1e9
    except OSError as error:
        return Finding(name, f"{folder}: {error.strerror or error}", False, "choose a folder you may write to")
    return Finding(name, f"{folder}: can be written to, {free:.1f} GB free", free > 0.5)


def _environment() -> Iterator[Finding]:
    for name in sorted(os.environ):
        if name.startswith("ASSISTMIMIC_") or name in ("OMP_NUM_THREADS", "WORLD_SIZE"):
            secret = name.endswith(("TOKEN", "KEY"))
            yield Finding(name, "(not shown)" if secret else os.environ[name])


def plain(found: Mapping[str, list[Finding]]) -> str:
    """Return the page: sections of lines, marked where something is not well."""
    lines = []
    for section, findings in found.items():
        lines.append(f"{section}:")
        for finding in findings:
            mark = "!" if finding.ok is False else " "
            remedy = f" ({finding.remedy})" if finding.remedy else ""
            lines.append(f" {mark} {finding.name}: {finding.value}{remedy}")
    return "\n".join(lines)
