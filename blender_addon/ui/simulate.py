# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulate: read the scene, hand the job to a thread, look at it now and then, write the result."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import bpy

from controller_server.core.errors import AssistMimicError, SceneError

from ..blender import takes
from ..blender.hints import failure_hints, hints_of
from ..blender.request import Request, characters, local_objects, read_request
from ..job.runner import Job, JobState
from ..report import outcome
from .core_settings import convert_settings
from .mending import button
from .preferences import preferences
from .session import Running, connection, engine, keeper, leave_running, redraw, session

TICK = 0.04
_BLOCKING_TICK = 0.02


class Cancelled(SceneError):
    """Somebody cancelled the job."""


def begin(scene: Any) -> Running:
    """Read the scene and start a job. Raises AssistMimicError.

    Where a result is in review, what is simulated again is the original under it.
    """
    if session.running is not None:
        raise SceneError("a simulation is running; cancel it first")
    settings = scene.assistmimic
    people = characters(settings, scene)
    request = _read_original(settings, scene, people)
    values, own = convert_settings(settings), not preferences().use_remote
    if request.origin:
        values["origin_sha256"] = request.origin
    if own:
        # One core stays free by default, so that Blender goes on drawing; the result does not depend on it.
        values["threads"] = preferences().cores or max(1, (os.cpu_count() or 2) - 1)
    job = Job(connection(), request.clip, values, keep=keeper(), alone=own, frames=request.clip.n_frames)
    running = _start(job, request, scene, people, engine().place if own else "")
    running.hints = hints_of(request, people)
    if running.hints:
        session.say("; ".join(hint.text for hint in running.hints), mend=button(running.hints))
    return running


def _read_original(settings: Any, scene: Any, people: list[Any]) -> Request:
    take = takes.under_review(settings, people)
    if take is None:
        return read_request(settings, scene)
    takes.show_source(take)
    try:
        bpy.context.view_layer.update()
        return read_request(settings, scene)
    finally:
        takes.show(take, settings.amount)


def resume(scene: Any) -> Running:
    """Ask again for the job this file handed in. Raises AssistMimicError."""
    if session.running is not None:
        raise SceneError("a simulation is running; cancel it first")
    settings = scene.assistmimic
    if not settings.pending:
        raise SceneError("this file waits for no simulation")
    pending = json.loads(settings.pending)
    kept = {name: getattr(settings, name) for name in pending["settings"]}
    try:
        for name, value in pending["settings"].items():
            setattr(settings, name, value)
        people = local_objects(scene, pending["people"])
        settings.supporter, settings.recipient = people
        request = read_request(settings, scene)
    finally:
        for name, value in kept.items():
            setattr(settings, name, value)
    place = pending.get("place", "")
    frames = request.clip.n_frames
    job = Job(connection(place), None, {}, job=pending["job"], keep=keeper(), frames=frames)
    return _start(job, request, scene, people, place)


_READ_AGAIN = ("ground", "grips", "frames", "frame_start", "frame_end", "pre_roll", "blend_in", "blend_out")


def _start(job: Job, request: Request, scene: Any, people: list[Any], place: str) -> Running:
    settings, names = scene.assistmimic, [obj.name for obj in people]
    span = request.span
    again = {name: getattr(settings, name) for name in _READ_AGAIN}
    again |= {"frames": "CUSTOM", "frame_start": span.start, "frame_end": span.end}
    settings.pending = json.dumps({"job": job.id, "place": place, "people": names, "settings": again})
    session.running = Running(job, request, scene.name, (names[0], names[1]))
    session.longest_tick = 0.0
    session.say("")
    job.start()
    return session.running


def finish(running: Running) -> Any:
    """Write what came of an ended job; the new take.

    Raises:
        AssistMimicError: there is nothing to write; the sentence says why.
    """
    session.running = None
    status, scene = running.job.status, bpy.data.scenes.get(running.scene)
    if scene is None:
        raise SceneError(f"scene {running.scene} is gone, and with it where the result belongs")
    settings = scene.assistmimic
    if status.state is not JobState.LOST:
        settings.pending = ""
    if status.state is JobState.CANCELLED:
        raise Cancelled("Cancelled; nothing was changed")
    if status.state is not JobState.DONE or running.job.result is None or running.request is None:
        session.detail = status.detail
        raise SceneError(status.message or status.state.value)
    people = local_objects(scene, running.people)
    review = takes.under_review(settings, people)
    if review is not None:
        takes.show_source(review)
    return takes.add_take(settings, people, running.request, running.job.result)


def sentence(take: Any) -> str:
    """Return what came of it, for the status bar."""
    return outcome(json.loads(take.meta)["scores"])


class _Simulation:
    """What the operators that run a job share: blocking when executed, modal when pressed."""

    _timer: Any = None

    def begin(self, scene: Any) -> Running:
        raise NotImplementedError

    def execute(self, context: Any) -> set[str]:
        try:
            running = self.begin(context.scene)
            try:
                while not running.job.join(_BLOCKING_TICK):
                    pass
            except KeyboardInterrupt:
                running.job.cancel()
                running.job.join()
            return self._end(running)
        except AssistMimicError as error:
            return self._fail(error)

    def invoke(self, context: Any, _: Any) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        try:
            self.begin(context.scene)
        except AssistMimicError as error:
            return self._fail(error)
        self._timer = context.window_manager.event_timer_add(TICK, window=context.window)
        context.window_manager.modal_handler_add(self)
        context.workspace.status_text_set("Simulating: Esc cancels")
        redraw()
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[str]:
        running = session.running
        if running is None:  # the extension was switched off and on again
            self._stop(context)
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS":
            running.job.cancel()
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        began = time.perf_counter()
        if running.job.status.state.has_ended:
            self._stop(context)
            try:
                return self._end(running)
            except AssistMimicError as error:
                return self._fail(error)
            finally:
                redraw()
        line = running.job.status.line
        if line != running.state:
            running.state = line
            redraw()
        session.longest_tick = max(session.longest_tick, time.perf_counter() - began)
        return {"PASS_THROUGH"}

    def cancel(self, context: Any) -> None:
        leave_running()  # Blender ends, or opens another file
        self._stop(context)

    def _stop(self, context: Any) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
        if context.workspace:
            context.workspace.status_text_set(None)

    def _end(self, running: Running) -> set[str]:
        take = finish(running)
        hints = list(running.hints)
        if not take.success:
            hints += failure_hints(bpy.data.scenes[running.scene].assistmimic, json.loads(take.meta)["scores"])
        text = ". ".join([sentence(take), *(hint.text[:1].upper() + hint.text[1:] for hint in hints[:2])])
        session.say(text, error=not take.success, take=take.job, mend=button(hints))
        self.report({"INFO"} if take.success else {"WARNING"}, session.message)
        return {"FINISHED"}

    def _fail(self, error: AssistMimicError) -> set[str]:
        is_error = not isinstance(error, Cancelled)
        session.say(str(error), error=is_error, detail=session.detail)
        self.report({"ERROR"} if is_error else {"INFO"}, str(error))
        return {"CANCELLED"}


class ASSISTMIMIC_OT_simulate(_Simulation, bpy.types.Operator):
    """Simulate both characters and show the result as new actions; the originals are kept"""

    bl_idname = "assistmimic.simulate"
    bl_label = "Simulate"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        settings = context.scene.assistmimic
        if session.running is not None:
            cls.poll_message_set("A simulation is running")
            return False
        if settings.supporter is None or settings.recipient is None:
            cls.poll_message_set("Pick two armatures first")
            return False
        return True

    def begin(self, scene: Any) -> Running:
        return begin(scene)


class ASSISTMIMIC_OT_again(_Simulation, bpy.types.Operator):
    """Simulate the original once more with the next seed: another way to carry it out"""

    bl_idname = "assistmimic.again"
    bl_label = "Again with Next Seed"
    bl_options = {"REGISTER", "UNDO"}

    poll = ASSISTMIMIC_OT_simulate.poll

    def begin(self, scene: Any) -> Running:
        scene.assistmimic.seed += 1
        return begin(scene)


class ASSISTMIMIC_OT_resume(_Simulation, bpy.types.Operator):
    """Fetch the result of the simulation this file was waiting for"""

    bl_idname = "assistmimic.resume"
    bl_label = "Resume"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        return session.running is None and bool(context.scene.assistmimic.pending)

    def begin(self, scene: Any) -> Running:
        return resume(scene)


class ASSISTMIMIC_OT_cancel(bpy.types.Operator):
    """Cancel the simulation; nothing is changed"""

    bl_idname = "assistmimic.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, _: Any) -> bool:
        return session.running is not None

    def execute(self, _: Any) -> set[str]:
        session.running.job.cancel()
        redraw()
        return {"FINISHED"}


CLASSES = (ASSISTMIMIC_OT_simulate, ASSISTMIMIC_OT_again, ASSISTMIMIC_OT_resume, ASSISTMIMIC_OT_cancel)
