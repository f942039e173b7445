"""The worlds of a run: physics, episodes, what policies remember in each; every world may follow another clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from controller_server.clip.interaction import ROLES
from controller_server.control.policy.observation import ObservedState, observe_state
from controller_server.control.policy.policy_step import PolicyStep
from controller_server.control.policy.retarget import RetargetState, with_hands_moved
from controller_server.control.reference.reference_trajectory import Bodies
from controller_server.core.errors import TrainingError
from controller_server.physics.backend import Backend, EngineOptions, MovesPerson
from controller_server.physics.engines import make_backend

from .clip_sampler import ClipSampler
from .corpus import Corpus
from .motion import motion
from .physical_state_initialisation import StartStates, Trail
from .prefix import under
from .step_context import StepContext, deviation
from .task import Episode, Step, Task
from .term_memory import TermMemory
from .world_events import WorldEvents

Array = np.ndarray

_COARSE_IMPRATIO = 1.0
_NEEDS = ("contact_split", "exact_restore", "per_world_model")
_KEPT = ("frames", "action", "balance", "lost")


class Worlds:
    """The n worlds of a run, each of which follows one of its clips and takes another when its episode ends.

    Attributes:
        clip: Number of the clip that each world follows, shape (n,).
        frames: Control frame of that clip which it is at, shape (n,).

    Args:
        corpus: The clips.
        n: Number of worlds.
        task: What is to be done there.
    """

    def __init__(self, corpus: Corpus, n: int, task: Task) -> None:
        self.corpus, self.n, self._task = corpus, n, task
        config, pair = task.config, corpus.scenes[0].pair
        family = np.arange(n) // config.ppo.group_size  # worlds of a group must be alike
        self.clip = np.repeat(corpus.deal(n // config.ppo.group_size, task.rng), config.ppo.group_size)
        self.events = WorldEvents(config.events, [s.pair for s in corpus.scenes], self.clip, family, task.rng)
        self.backend = self._make_backend(coarse=False)
        self.starts = [StartStates(scene, config.start) for scene in corpus.scenes]
        self.trail = Trail(corpus.states, config.start, n, int(corpus.last.max()))
        self.sampler = ClipSampler(config.sampler, corpus.last, pair.control_hz)
        settings = replace(config.retarget, enabled=config.retarget.enabled and not task.alone)
        whole = corpus.joined
        self.policy = PolicyStep(
            pair, whole.dealt(self.clip), whole.targets, config.action, settings, apart=whole.apart
        )
        self._pair, self._retarget = pair, settings
        self._memory = {
            "reward": TermMemory(task.rewards.bound, n),
            "termination": TermMemory({term.name: term for term in task.terminations}, n),
        }
        joints = whole.targets.shape[2]
        self.frames = np.zeros(n, int)
        self.retarget = RetargetState.fresh(n)
        self.action = np.zeros((n, 2, 3 * joints), np.float32)
        self.balance = np.zeros((n, 2, 2, 3), np.float32)  # as last seen
        self.lost = np.zeros((n, 2, joints), bool)  # holds, as last seen
        self.recent = np.zeros((n, 2, 0, 0), np.float32)  # motion of the last frames, if style is judged
        self.controls = (np.zeros((n, 2, joints, 3)), np.zeros((n, 2, 2)))  # what the engine was told last
        self.started, self.steps = np.zeros(n, int), np.zeros(n, int)
        self.error = np.zeros(n)
        self.sums = {name: np.zeros((n, 2)) for name in task.rewards.weights}

    # -- physics ---------------------------------------------------------------------------------------------------

    def _make_backend(self, *, coarse: bool) -> Backend:
        options = EngineOptions(self._task.threads, planning=True, impratio=_COARSE_IMPRATIO if coarse else None)
        needs = (*_NEEDS, "per_world_pair") if self.corpus.n > 1 else _NEEDS
        backend = make_backend(self._task.config.engine, self.corpus.scenes[0].pair, self.n, options, needs=needs)
        self.events.begin(backend)
        return backend

    def use_physics(self, *, coarse: bool) -> None:
        """Go on in other physics from where everybody is."""
        state = self.backend.state()
        self.backend = self._make_backend(coarse=coarse)
        self.backend.set_state(state)

    def copy(self, source: Array) -> None:
        """Put every world into the state of another one, shape (n,)."""
        self.events.copy(self.backend, source)
        self.backend.restore(self.backend.save()[source])
        self.trail.copy(source)
        for memory in self._memory.values():
            memory.copy(source)
        for name in ("clip", "frames", "action", "balance", "lost", "recent", "started", "steps", "error"):
            setattr(self, name, getattr(self, name)[source])
        self.policy.track = self.corpus.joined.dealt(self.clip)
        self.retarget = self.retarget.picked(source)
        self.sums = {name: sums[source] for name, sums in self.sums.items()}

    def view(self) -> ObservedState:
        """Return what there is to see."""
        return observe_state(self.backend, self.policy.track, self.frames, self.action)

    # -- episodes --------------------------------------------------------------------------------------------------

    def reset(self) -> Array:
        """Start every episode anew, of the clip that a world has; returns the observation, shape (n, 2, D)."""
        self._restart(np.arange(self.n))
        self.action, self.retarget = np.zeros_like(self.action), RetargetState.fresh(self.n)
        return self._observe(self.view())

    def step(self, actions: Array) -> Step:
        """Carry out actions, shape (n, 2, A), and start episodes anew that ended."""
        self._act(actions)
        # The goal looked at before the step is the reference of the frame now reached.
        reference = self.policy.track.bodies(self.frames)
        last_action, self.action = self.action, np.asarray(actions, np.float32)
        view, state = self.view(), self.backend.state()
        broken = self.backend.diverged()
        c = self._context(view, reference, state.joint_velocity, last_action, broken)
        reward, values = self._task.rewards(c, self._memory["reward"], broken)
        failed = self._failed(c, broken)
        lost = np.asarray(failed.any(axis=1))
        done = lost | (self.frames >= self.corpus.last[self.clip])
        for name, value in values.items():
            self.sums[name] += value
        self.error += np.where(broken, 0.0, deviation(view.now, reference).mean(axis=1))
        self.steps += 1
        self.trail.record(self.frames, state)
        cut = np.flatnonzero(done & ~failed.all(axis=1))
        seen = self._observe(view)  # moves the retargeting on; finished worlds start afresh below
        final, finished = seen[cut], ()
        if done.any():
            ended = np.flatnonzero(done)
            finished = self._finish(ended, lost)
            self._take_clips(ended)
            self._restart(ended)
            self.action = np.where(done[:, None, None], np.float32(0), self.action)
            seen = self._observe_new(seen, done)
        return Step(seen, reward, done, failed, cut, final, finished)

    def _act(self, actions: Array) -> None:
        backend, track = self.backend, self.policy.track
        base = self.policy.base_targets(self.frames, self.balance, self.lost)
        targets, grips = self.controls = self.policy.act(actions, base), track.grips_at(self.frames)
        backend.set_targets(targets)
        backend.set_grips(grips)
        self.events.step(backend, self.frames)
        backend.step_unchecked(backend.pair.substeps)
        self.frames = self.frames + 1
        if self._task.replayed is not None:
            # After the step, which the partner felt: put there before, it would be felt nowhere.
            if not backend.capabilities.move_person:
                engine = self._task.config.engine
                raise TrainingError(f"mode: engine {engine} cannot replay a person; train jointly")
            assert isinstance(backend, MovesPerson)
            backend.set_person(self._task.replayed, self.corpus.states[track.rows(self.frames)])

    def _context(
        self, view: ObservedState, reference: Bodies, joint_velocity: Array, last_action: Array, broken: Array
    ) -> StepContext:
        config, goal = self._task.config, reference
        if self._retarget.enabled and self._retarget.reward:
            goal = with_hands_moved(reference, self.retarget.shift, self._pair)
        return StepContext(
            now=view.now,
            reference=reference,
            goal=goal,
            shift=self.retarget.shift,
            grips=view.grips,
            balance=view.balance,
            forces=view.forces,
            torques=self.backend.torques(),
            joint_velocity=joint_velocity,
            action=view.action,
            last_action=last_action,
            hands=self._pair.hand_rows,
            gate=config.reward.gate,
            contact=self._task.rewards.has("contact"),
            style=self._style(view.now, broken),
            retarget=self._retarget,
        )

    def _failed(self, c: StepContext, broken: Array) -> Array:
        """People whose episode ends as a failure, shape (n, 2); who has a partner takes them along."""
        failed = np.zeros((self.n, 2), bool)
        for term in self._task.terminations:
            out = term(c, *self._memory["termination"].of(term.name))
            term.check(out, failed.shape)
            failed |= np.asarray(out, bool)
        if self._task.replayed is not None:
            failed[:, self._task.replayed] = False
        if not self._task.alone:
            failed[:] = failed.any(axis=1, keepdims=True)
        return failed | broken[:, None]

    def judged_by_style(self) -> None:
        """Begin to keep the motion of the last frames."""
        size = motion(self.policy.track.bodies(np.zeros(self.n, int))).shape[-1]
        self.recent = np.zeros((self.n, 2, self._task.config.style.frames, size), np.float32)

    def _style(self, now: Bodies, broken: Array) -> Array:
        """Return what the judge makes of everybody's last frames; 0 while an episode has not lasted for so many."""
        marks = np.zeros((self.n, 2), np.float32)
        if self._task.judge is None:
            return marks
        self.recent = np.concatenate([self.recent[:, :, 1:], motion(now)[:, :, None]], axis=2)
        whole = (self.steps + 1 >= self.recent.shape[2]) & ~broken
        marks[whole] = self._task.judge(self.recent[whole])
        return marks

    def _observe(self, view: ObservedState) -> Array:
        self.balance, self.lost = view.balance, self.policy.lost(view)
        view, self.retarget = self.policy.retarget(view, self.retarget)
        return self.policy.observe(view, self._task.observed)

    def _observe_new(self, seen: Array, done: Array) -> Array:
        """Observations with those of restarted worlds put in; the others keep theirs and their retargeting."""
        kept = self.retarget
        self.retarget = kept.restarted(done)
        new = self._observe(self.view())
        state = {
            name: np.where(done.reshape(-1, *[1] * (old.ndim - 1)), getattr(self.retarget, name), old)
            for name, old in vars(kept).items()
        }
        self.retarget = RetargetState(**state)
        return np.where(done[:, None, None], new, seen)

    def _take_clips(self, ids: Array) -> None:
        """Let worlds whose episode ended follow the clips that the sampler gives them."""
        if self.corpus.n == 1:
            return
        self.clip[ids] = self.sampler.clips(len(ids), self._task.rng)
        self.events.give(self.backend, ids, self.clip[ids])
        self.policy.track = self.corpus.joined.dealt(self.clip)

    def _restart(self, ids: Array) -> None:
        rng = self._task.rng
        for clip in np.unique(self.clip[ids]).tolist():
            own = ids[self.clip[ids] == clip]
            anywhere = partial(self.sampler.frames, clip, len(own), rng)
            frames, state, kept = self.starts[clip].sample(len(own), rng, anywhere)
            state = self.events.start(self.backend, own, frames, state, kept)
            self.backend.set_state(state, list(own))
            self.frames[own] = self.started[own] = frames
        self.error[ids], self.steps[ids] = 0.0, 0
        for memory in self._memory.values():
            memory.clear(ids)
        for sums in self.sums.values():
            sums[ids] = 0.0

    def _finish(self, ids: Array, failed: Array) -> tuple[Episode, ...]:
        episodes = []
        for world in map(int, ids):
            clip, start, end = int(self.clip[world]), int(self.started[world]), int(self.frames[world])
            steps, survived = max(int(self.steps[world]), 1), not failed[world]
            self.starts[clip].finish(self.trail, world, start, end, survived=survived)
            self.sampler.finish(clip, start, end, survived=survived)
            terms = {
                f"{role}.{name}": float(sums[world, person] / steps)
                for name, sums in self.sums.items()
                for person, role in enumerate(ROLES)
                if self._task.rewards.weights[name][person]
            }
            episodes.append(Episode(clip, start, steps, survived, float(self.error[world] / steps), terms))
        return tuple(episodes)

    # -- to go on later --------------------------------------------------------------------------------------------

    def counts(self) -> dict[str, Array]:
        """Return what is counted of the present episodes, by name; the arrays themselves."""
        sums = {f"sum.{name}": sums for name, sums in self.sums.items()}
        return {"started": self.started, "error": self.error, "steps": self.steps, **sums}

    def _starts_name(self, clip: int) -> str:
        """Return what the arrays of a clip's start states are called in a checkpoint."""
        return "starts." if self.corpus.n == 1 else f"starts.{clip}."

    def state_dict(self) -> dict[str, Any]:
        """Return everything else that a resumed run needs."""
        return {
            "world": self.backend.save(),
            **{name: getattr(self, name) for name in _KEPT},
            **({} if self._task.judge is None else {"recent": self.recent}),
            **self.events.state_dict(),
            **{f"retarget.{name}": array for name, array in vars(self.retarget).items()},
            **({"clip": self.clip} if self.corpus.n > 1 else {}),
            **{f"sampler.{name}": array for name, array in self.sampler.state_dict().items()},
            **{f"starts.{name}": array for name, array in self.trail.state_dict().items()},
            **{
                f"{self._starts_name(k)}{name}": array
                for k, starts in enumerate(self.starts)
                for name, array in starts.state_dict().items()
            },
            **{f"{kind}.{name}": a for kind, memory in self._memory.items() for name, a in memory.state_dict().items()},
        }

    def load_state_dict(self, arrays: Mapping[str, Any]) -> None:
        """Load what `state_dict` returned."""
        if self.corpus.n > 1:
            self.clip[:] = arrays["clip"]
            self.events.give(self.backend, np.arange(self.n), self.clip)
            self.policy.track = self.corpus.joined.dealt(self.clip)
        self.events.load_state_dict(self.backend, arrays)
        self.backend.restore(arrays["world"])
        # Runs from before `slack` have no `lost`, or one for all joints; those that nobody judges have no `recent`.
        for name in {*_KEPT, "recent"} & set(arrays):
            if arrays[name].shape == getattr(self, name).shape:
                setattr(self, name, arrays[name].copy())
        self.retarget = replace(self.retarget, **under(arrays, "retarget."))
        self.trail.load_state_dict(under(arrays, "starts."))
        for k, starts in enumerate(self.starts):
            starts.load_state_dict(under(arrays, self._starts_name(k)))
        self.sampler.load_state_dict(under(arrays, "sampler."))
        for kind, memory in self._memory.items():
            memory.load_state_dict(under(arrays, f"{kind}."))
