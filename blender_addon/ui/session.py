# SPDX-License-Identifier: GPL-3.0-or-later
"""State that lives as long as Blender does and is never saved: the engine, the running job, results at hand."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np

import controller_server
from controller_server.clip.io.npz import save_arrays
from controller_server.core.errors import AssistMimicError, SceneError
from controller_server.core.npz_arrays import load_arrays
from controller_server.service.client.client import Client, JobResult, connect
from controller_server.service.client.location import is_loopback

from ..blender.hints import Hint
from ..blender.request import Request
from ..job.engine import Engine
from ..job.runner import Connect, Job, remote_connection
from .preferences import PACKAGE, preferences

_KEPT_RESULTS = 8
POLICIES = Path(__file__).parents[1] / "assets" / "policies"


@dataclass
class Running:
    """A job, and what is needed to write its result. Objects are kept by name: undo makes references stale."""

    job: Job
    request: Request | None
    scene: str
    people: tuple[str, str]
    state: str = ""
    hints: list[Hint] = field(default_factory=list)


@dataclass(frozen=True)
class Mend:
    """A button beside a message.

    Attributes:
        operator: What it does, such as "assistmimic.make_seat".
        label: What it says.
        properties: Properties of the operator.
    """

    operator: str
    label: str
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Session:
    """Live state; there is one."""

    engine: Engine | None = None
    running: Running | None = None
    message: str = ""
    detail: str = ""
    is_error: bool = False
    about: tuple[str, str | None] = ("", None)
    mend: Mend | None = None
    last_error: str = ""
    longest_tick: float = 0.0
    results: OrderedDict[str, dict[str, np.ndarray]] = field(default_factory=OrderedDict)

    def say(
        self, message: str, *, error: bool = False, detail: str = "", take: str | None = None, mend: Mend | None = None
    ) -> None:
        """Set what the panel shows until something else is said, in this file and scene.

        Args:
            message: For people.
            error: Whether something went wrong.
            detail: More, for a bug report.
            take: Id of the result it speaks of: shown while that result is. Empty for the original, None for any.
            mend: A button that mends it.
        """
        scene = bpy.context.scene
        self.message, self.is_error, self.detail = message, error, detail
        self.about, self.mend = (scene.name if scene else "", take), mend
        if error:
            self.last_error = message

    def message_for(self, scene: Any) -> str:
        """Return the message, where it is about this scene and what is shown in it; empty otherwise."""
        name, take = self.about
        if not self.message or name != scene.name:
            return ""
        if take is not None:
            shown = scene.assistmimic.shown_take
            if take != (shown.job if shown is not None else ""):
                return ""
        return self.message


session = Session()


def user_folder(name: str) -> Path:
    """Return a folder for jobs or results.

    Where the preferences say, else one of the extension's own outside its code.
    """
    chosen = preferences().folder
    if not chosen:
        return Path(bpy.utils.extension_path_user(PACKAGE, path=name, create=True))
    folder = Path(bpy.path.abspath(chosen)) / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SceneError(
            f"{folder}: cannot be made ({error.strerror}); choose another folder in the preferences"
        ) from None
    return folder


def engine() -> Engine:
    """Return the embedded server; not started yet, perhaps. One that the preferences have changed is made anew."""
    folder, memory = user_folder("engine"), preferences().memory_gb << 30
    old = session.engine
    if old is not None and session.running is None and (old.root, old.memory) != (folder, memory):
        old.stop()
        session.engine = None
    if session.engine is None:
        packages = Path(controller_server.__file__).parents[1]
        session.engine = Engine(folder, packages, policies=POLICIES, memory=memory)
    return session.engine


def warm_up() -> None:
    """Start the embedded server where it is going to be used, and somebody sits there who would wait for it."""
    if not (bpy.app.background or preferences().use_remote or engine().is_running):
        engine().warm_up()


def connection(place: str = "") -> Connect:
    """Return how to reach the server the preferences name. The result may be called on any thread.

    Args:
        place: Of the embedded server: where the job lies that is asked for.

    Raises:
        AssistMimicError: Blender is set to stay offline.
    """
    prefs = preferences()
    if prefs.use_remote:
        if not (is_loopback(prefs.endpoint) or bpy.app.online_access):
            raise SceneError(
                f"{prefs.endpoint}: Blender is set to stay offline; allow online access in Preferences > System"
            )
        return remote_connection(prefs.endpoint, bpy.path.abspath(prefs.key) if prefs.key else "")
    own = engine()

    def reach() -> Client:
        return connect(port_file=own.ensure_for(place) if place else own.ensure(), name="Blender")

    return reach


def keeper() -> Callable[[JobResult], None]:
    """Keep the arrays the overlay draws, on disk as well. The result may be called on any thread."""
    folder, kept = user_folder("results"), preferences().kept

    def keep(result: JobResult) -> None:
        arrays = {name: np.asarray(array) for name, array in result.arrays.items() if name.startswith("result_")}
        with contextlib.suppress(AssistMimicError):  # a full disk costs the overlay after a restart, not the result
            save_arrays(folder / f"{result.job}.npz", arrays)
            _prune(folder, kept)
        _remember(result.job, arrays)

    return keep


def _prune(folder: Path, kept: int) -> None:
    """Leave the newest results; older ones keep their actions and measures in their files and lose the overlay."""
    newest_first = sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest_first[kept:]:
        path.unlink(missing_ok=True)


def result_arrays(job: str) -> dict[str, np.ndarray] | None:
    """Arrays of a result, or None where this machine does not have them."""
    if job not in session.results:
        path = user_folder("results") / f"{job}.npz"
        if not path.exists():
            return None
        try:
            _remember(job, load_arrays(path))
        except AssistMimicError:
            return None
    return session.results.get(job)


def _remember(job: str, arrays: dict[str, np.ndarray]) -> None:
    session.results[job] = arrays
    session.results.move_to_end(job)
    while len(session.results) > _KEPT_RESULTS:
        session.results.popitem(last=False)


@bpy.app.handlers.persistent
def leave_running(*_: Any) -> None:
    """Let go of the job at work; called before another file is opened.

    The job itself is not cancelled: a file that was saved meanwhile can ask for it again.
    """
    running, session.running = session.running, None
    if running is not None:
        running.job.leave()
        running.job.join(1.0)


@bpy.app.handlers.persistent
def forget_message(*_: Any) -> None:
    """Say nothing more; called after another file was opened, and after undo and redo: the message spoke of before."""
    session.say("")


def shut_down() -> None:
    """End the job's thread and the engine; called when the extension is switched off and when Blender ends."""
    leave_running()
    if session.engine is not None:
        session.engine.stop()
        session.engine = None


def redraw() -> None:
    """Draw the 3D views and their sidebars anew."""
    manager: Any = bpy.context.window_manager
    for window in manager.windows if manager else ():
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()
