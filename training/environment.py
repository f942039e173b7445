"""N pairs that follow clips: both people act, are observed and rewarded at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from controller_server.control.observation import Bodies, View, bound, look, term_sizes
from controller_server.control.policy_step import PolicyStep
from controller_server.control.retarget import RetargetState, with_hands_moved
from controller_server.errors import AssistMimicError
from controller_server.physics.backend import Backend, EngineOptions, MovesPerson
from controller_server.physics.engines import make_backend

from . import rewards
from .conditions import Dynamics, parse_dynamics
from .config import TrainConfig
from .prefix import under
from .rewards import Moment
from .scene import Scene
from .starts import StartStates

Array = np.ndarray
Judge = Callable[[Array], Array]

_COARSE_IMPRATIO = 1.0


@dataclass(frozen=True)
class Step:
    """What a control step of N pairs gave.

    Attributes:
        observation: Of the next step; of the new episode where one ended, shape (N, 2, D).
        reward: Shape (N, 2).
        done: Episodes that ended, shape (N,).
        terminated: People whose episode ended in failure, shape (N, 2); who is done and not terminated was cut off.
        cut: Worlds where somebody was cut off, shape (M,).
        final: What those saw last, before the new episode, shape (M, 2, D).
        finished: What became of the episodes that ended.
    """

    observation: Array
    reward: Array
    done: Array
    terminated: Array
    cut: Array
    final: Array
    finished: tuple[Episode, ...] = ()


@dataclass(frozen=True)
class Episode:
    """An episode that ended.

    Attributes:
        scene: Number of its clip.
        start: First control frame.
        frames: Control steps it took.
        completed: Whether the clip's end was reached.
        error: Mean deviation of both people [m].
        terms: Mean of each reward term, by "role.term".
    """

    scene: int
    start: int
    frames: int
    completed: bool
    error: float
    terms: dict[str, float] = field(default_factory=dict)


class _Part:
    """The worlds of one scene."""

    def __init__(
        self, scene: Scene, config: TrainConfig, worlds: slice, threads: int, dynamics: Sequence[Dynamics]
    ) -> None:
        self.scene, self.worlds, self.n, self._threads = scene, worlds, worlds.stop - worlds.start, threads
        self._dynamics, self._siblings = dynamics, config.ppo.siblings
        self._engine, self._needs = config.engine, ("contact_split", "exact_restore", "per_world_model")
        self.friction = np.ones(self.n)
        self.backend = self.make_backend(coarse=False)
        self.starts = StartStates(scene, config.start, self.n)
        self.frames = np.zeros(self.n, int)
        self.retarget = RetargetState.fresh(self.n)
        joints = scene.reference.targets.shape[2]
        settings = replace(config.retarget, enabled=config.retarget.enabled and config.kind != "prior")
        apart = scene.apart if config.action.slack else None
        self.policy = PolicyStep(scene.pair, scene.track, scene.reference.targets, config.action, settings, apart=apart)
        self.action = np.zeros((self.n, 2, 3 * joints), np.float32)
        self.balance = np.zeros((self.n, 2, 2, 3), np.float32)  # as last seen
        self.lost = np.zeros((self.n, 2, joints), bool)  # holds, as last seen
        self.recent = np.zeros((self.n, 2, 0, 0), np.float32)  # motion of the last frames, if style is judged

    def make_backend(self, *, coarse: bool) -> Backend:
        options = EngineOptions(self._threads, planning=True, impratio=_COARSE_IMPRATIO if coarse else None)
        backend = make_backend(self._engine, self.scene.pair, self.n, options, needs=self._needs)
        supporter, recipient = (person.strength for person in self.scene.pair.people)
        family = np.arange(self.n) // self._siblings % len(self._dynamics)  # siblings must be alike
        for k, dynamics in enumerate(self._dynamics):
            backend.set_strength((supporter, dynamics.recipient(recipient)), np.flatnonzero(family == k).tolist())
        backend.set_friction(self.friction)
        return backend

    def rub(self, friction: Array, ids: Array) -> None:
        """Give worlds another friction, as factors on the body's."""
        self.friction[ids] = friction
        self.backend.set_friction(friction, list(ids))

    def copy(self, source: Array) -> None:
        """Every world takes over the state of another one, shape (n,)."""
        self.rub(self.friction[source], np.arange(self.n))
        self.backend.restore(self.backend.save()[source])
        self.starts.copy(source)
        self.frames, self.action = self.frames[source], self.action[source]
        self.balance, self.lost, self.recent = self.balance[source], self.lost[source], self.recent[source]
        self.retarget = self.retarget.picked(source)

    def view(self) -> View:
        return look(self.backend, self.scene.track, self.frames, self.action)


class PairEnvironment:
    """Pairs on the built-in engine.

    Args:
        config: All choices.
        scenes: The clips; worlds are dealt out evenly.
        seed: Of starts and of noise.
        threads: Physics threads; 0 takes every core.
        replayed: Person whom the reference moves instead of the physics, if any.

    Raises:
        AssistMimicError: there are too few pairs, or `dynamics` are not those of a recipient.
    """

    def __init__(
        self,
        config: TrainConfig,
        scenes: Sequence[Scene],
        *,
        seed: int = 0,
        threads: int = 0,
        replayed: int | None = None,
    ) -> None:
        self.config, self.scenes, self.replayed = config, tuple(scenes), replayed
        self.n, self.rng = config.pairs, np.random.default_rng(seed)
        dynamics = parse_dynamics(config.dynamics)
        if config.action.closing:
            raise AssistMimicError(
                "action.closing: training has worlds at many frames at once, and no such hands; train without"
            )
        if not dynamics or any(kind.push for kind in dynamics):
            given = ", ".join(config.dynamics) or "none"
            raise AssistMimicError(f"dynamics: {given}: expected seen, mass, gains or hip with a factor")
        group, kinds = config.ppo.siblings, len(scenes) * len(dynamics)
        if self.n % group or self.n // group < kinds:
            each = f"{len(scenes)} clips x {len(dynamics)} dynamics"
            raise AssistMimicError(
                f"pairs: {self.n} must be a multiple of {group} siblings, and at least {group * kinds} for {each}"
            )
        edges = group * np.linspace(0, self.n // group, len(scenes) + 1).astype(int)
        self.parts = [
            _Part(scene, config, slice(int(a), int(b)), threads, dynamics)
            for scene, a, b in zip(scenes, edges[:-1], edges[1:], strict=True)
        ]
        self.coarse = False
        self.alone = config.kind == "prior"
        self._observed = bound(config.observation)
        self.inputs = term_sizes(scenes[0].pair, self._observed)
        self.n_actions = self.parts[0].action.shape[-1]
        self._weights = self._reward_weights()
        self._started = np.zeros(self.n, int)
        self._error, self._steps = np.zeros(self.n), np.zeros(self.n, int)
        self._sums = {name: np.zeros((self.n, 2)) for name in self._weights}
        self._judge: Judge | None = None

    def _reward_weights(self) -> dict[str, Array]:
        """Weight of each term for (supporter, recipient); terms nobody weighs are left out."""
        roles = (self.config.reward.supporter, self.config.reward.recipient)
        for table in roles:
            for name in table:
                if name not in rewards.TERMS:
                    raise AssistMimicError(f"reward: no term {name!r}; there are {', '.join(rewards.TERMS)}")
        names = [name for name in rewards.TERMS if any(table.get(name, 0.0) for table in roles)]
        if not names:
            raise AssistMimicError("reward: no term has a weight")
        return {name: np.array([table.get(name, 0.0) for table in roles], np.float32) for name in names}

    @property
    def terms(self) -> dict[str, Array]:
        """Weights of the reward terms in use, shape (2,) each."""
        return self._weights

    def be_judged(self, judge: Judge) -> None:
        """Have the reward term `style` made by somebody; without them it is 0.

        Args:
            judge: Takes windows of `rewards.motion`, shape (n, 2, frames, D), of worlds whose episodes have lasted for
                that long; returns 0-1, shape (n, 2).
        """
        self._judge = judge
        for part in self.parts:
            size = rewards.motion(part.scene.track.bodies(np.zeros(1, int))).shape[-1]
            part.recent = np.zeros((part.n, 2, self.config.style.frames, size), np.float32)

    def use_physics(self, *, coarse: bool) -> None:
        """Change to coarse physics or to those that count; everybody goes on from where they are."""
        if coarse == self.coarse:
            return
        self.coarse = coarse
        for part in self.parts:
            state = part.backend.state()
            part.backend = part.make_backend(coarse=coarse)
            part.backend.set_state(state)

    def regroup(self, siblings: int) -> Array:
        """Put each group of neighbouring worlds into the state of one of them; returns whose, shape (N,)."""
        leaders = np.arange(0, self.n, siblings) + self.rng.integers(0, siblings, self.n // siblings)
        source = np.repeat(leaders, siblings)
        if siblings > 1:
            for part in self.parts:
                part.copy(source[part.worlds] - part.worlds.start)
            for counts in (self._started, self._error, self._steps, *self._sums.values()):
                counts[:] = counts[source]
        return source

    # -- the loop --------------------------------------------------------------------------------------------------

    def reset(self) -> Array:
        """Start every episode anew; returns the observation, shape (N, 2, D)."""
        for part in self.parts:
            self._restart(part, np.arange(part.n))
            part.action, part.retarget = np.zeros_like(part.action), RetargetState.fresh(part.n)
        return self._joined([self._observe(part, part.view()) for part in self.parts])

    def step(self, actions: Array) -> Step:
        """Carry out actions of both people, shape (N, 2, A), and start episodes anew that ended."""
        steps = [self._step_part(k, part, actions[part.worlds]) for k, part in enumerate(self.parts)]
        if len(steps) == 1:
            return steps[0]
        return Step(
            *(
                self._joined([getattr(s, name) for s in steps])
                for name in ("observation", "reward", "done", "terminated")
            ),
            cut=self._joined([s.cut + part.worlds.start for s, part in zip(steps, self.parts, strict=True)]),
            final=self._joined([s.final for s in steps]),
            finished=tuple(episode for s in steps for episode in s.finished),
        )

    def _step_part(self, number: int, part: _Part, actions: Array) -> Step:
        scene, backend = part.scene, part.backend
        rows = np.minimum(part.frames + 1, scene.last)
        base = part.policy.base_targets(part.frames, part.balance, part.lost)
        backend.set_targets(part.policy.act(actions, base))
        backend.set_grips(scene.track.grips[part.frames])
        backend.step_unchecked(backend.pair.substeps)
        if self.replayed is not None:
            # After the step, which the partner felt: put there before, it would be felt nowhere.
            if not backend.capabilities.move_person:
                raise AssistMimicError(f"mode: engine {self.config.engine} cannot replay a person; train jointly")
            assert isinstance(backend, MovesPerson)
            backend.set_person(self.replayed, scene.reference.state[rows])
        part.frames = part.frames + 1
        # The goal looked at before the step is the reference of the frame now reached.
        wanted, shift = scene.track.bodies(part.frames), part.retarget.shift
        last_action, part.action = part.action, np.asarray(actions, np.float32)
        view, state = part.view(), backend.state()
        broken = backend.diverged()
        reward = self._reward(part, view, wanted, state.joint_velocity, last_action, broken)
        apart = rewards.deviation(view.now, wanted)
        limit = np.full((part.n, 2), self.config.termination, np.float32)
        if self.config.retarget.enabled and self.config.retarget.termination:
            limit[:, 0] += np.linalg.norm(shift, axis=-1).mean(axis=-1)
        failed = ~(apart <= limit)  # not a number fails too
        if self.replayed is not None:
            failed[:, self.replayed] = False
        if not self.alone:
            failed[:] = failed.any(axis=1, keepdims=True)
        failed |= broken[:, None]
        ended = part.frames >= scene.last
        done = failed.any(axis=1) | ended
        worlds = part.worlds
        self._error[worlds] += np.where(broken, 0.0, apart.mean(axis=1))
        self._steps[worlds] += 1
        part.starts.record(part.frames, state)
        cut = np.flatnonzero(done & ~failed.all(axis=1))
        seen = self._observe(part, view)  # moves the retargeting on; finished worlds start afresh below
        final = seen[cut]
        finished: tuple[Episode, ...] = ()
        if done.any():
            finished = self._finish(number, part, np.flatnonzero(done), failed.any(axis=1))
            self._restart(part, np.flatnonzero(done))
            part.action = np.where(done[:, None, None], np.float32(0), part.action)
            seen = self._observe_new(part, seen, done)
        return Step(seen, reward, done, failed, cut, final, finished)

    # -- rewards and observations ----------------------------------------------------------------------------------

    def _reward(
        self, part: _Part, view: View, wanted: Bodies, joint_velocity: Array, last_action: Array, broken: Array
    ) -> Array:
        config = self.config
        if config.retarget.enabled and config.retarget.reward and not self.alone:
            wanted = with_hands_moved(wanted, part.retarget.shift, part.scene.pair)
        moment = Moment(
            now=view.now,
            goal=wanted,
            balance=view.balance,
            forces=view.forces,
            torques=part.backend.torques(),
            joint_velocity=joint_velocity,
            action=view.action,
            last_action=last_action,
            hands=part.scene.pair.hand_rows,
            gate=config.reward.gate,
            contact="contact" in self._weights,
            style=self._style(part, view.now, broken),
        )
        total = np.zeros((part.n, 2), np.float32)
        for name, weights in self._weights.items():
            value = rewards.TERMS[name](moment)
            value = np.where(broken[:, None], 0.0, value)
            self._sums[name][part.worlds] += value
            total += weights * value
        if not self.alone:
            share = config.reward.coupling
            total[:, 0] = (1 - share) * total[:, 0] + share * total[:, 1]
        return total

    def _style(self, part: _Part, now: Bodies, broken: Array) -> Array:
        """What the judge makes of everybody's last frames; 0 while an episode has not lasted for so many."""
        marks = np.zeros((part.n, 2), np.float32)
        if self._judge is None:
            return marks
        part.recent = np.concatenate([part.recent[:, :, 1:], rewards.motion(now)[:, :, None]], axis=2)
        whole = (self._steps[part.worlds] + 1 >= part.recent.shape[2]) & ~broken
        marks[whole] = self._judge(part.recent[whole])
        return marks

    def _observe(self, part: _Part, view: View) -> Array:
        part.balance, part.lost = view.balance, part.policy.lost(view)
        view, part.retarget = part.policy.retarget(view, part.retarget)
        return part.policy.observe(view, self._observed)

    def _observe_new(self, part: _Part, seen: Array, done: Array) -> Array:
        """Observations with those of restarted worlds put in; the others keep theirs and their retargeting."""
        kept = part.retarget
        part.retarget = kept.restarted(done)
        new = self._observe(part, part.view())
        state = {
            name: np.where(done.reshape(-1, *[1] * (old.ndim - 1)), getattr(part.retarget, name), old)
            for name, old in vars(kept).items()
        }
        part.retarget = RetargetState(**state)
        return np.where(done[:, None, None], new, seen)

    def _restart(self, part: _Part, ids: Array) -> None:
        frames, state = part.starts.sample(len(ids), self.rng)
        noise = part.starts.noise.friction
        part.rub(self.rng.uniform(1 - noise, 1 + noise, len(ids)), ids)
        part.backend.set_state(state, list(ids))
        part.frames[ids] = frames
        worlds = part.worlds.start + ids
        self._started[worlds], self._error[worlds], self._steps[worlds] = frames, 0.0, 0
        for sums in self._sums.values():
            sums[worlds] = 0.0

    def _finish(self, number: int, part: _Part, ids: Array, failed: Array) -> tuple[Episode, ...]:
        episodes = []
        for world in ids:
            w = part.worlds.start + world
            survived = not failed[world]
            part.starts.finish(int(world), int(self._started[w]), int(part.frames[world]), survived=survived)
            steps = max(int(self._steps[w]), 1)
            terms = {
                f"{role}.{name}": float(sums[w, person] / steps)
                for name, sums in self._sums.items()
                for person, role in enumerate(("supporter", "recipient"))
                if self._weights[name][person]
            }
            start, error = int(self._started[w]), float(self._error[w] / steps)
            episodes.append(Episode(number, start, steps, survived, error, terms))
        return tuple(episodes)

    @staticmethod
    def _joined(arrays: list[Array]) -> Array:
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

    # -- to go on later --------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resumed run needs, as arrays by name; the generator's state under "rng"."""
        arrays: dict[str, Any] = {
            "rng": self.rng.bit_generator.state,
            "coarse": self.coarse,
            "started": self._started,
            "error": self._error,
            "steps": self._steps,
            **{f"sum.{name}": sums for name, sums in self._sums.items()},
        }
        for k, part in enumerate(self.parts):
            own = {
                "world": part.backend.save(),
                "friction": part.friction,
                "frames": part.frames,
                "action": part.action,
                "balance": part.balance,
                "lost": part.lost,
                **({} if self._judge is None else {"recent": part.recent}),
                **{f"retarget.{name}": array for name, array in vars(part.retarget).items()},
                **{f"starts.{name}": array for name, array in part.starts.state_dict().items()},
            }
            arrays |= {f"part{k}.{name}": array for name, array in own.items()}
        return arrays

    def load_state_dict(self, arrays: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.use_physics(coarse=arrays["coarse"])
        self.rng.bit_generator.state = arrays["rng"]
        self._started[:], self._error[:], self._steps[:] = arrays["started"], arrays["error"], arrays["steps"]
        for name, sums in self._sums.items():
            sums[:] = arrays[f"sum.{name}"]
        for k, part in enumerate(self.parts):
            own = under(arrays, f"part{k}.")
            part.rub(own["friction"], np.arange(part.n))
            part.backend.restore(own["world"])
            # Runs from before `slack` have no `lost`, or one for all joints; those that nobody judges have no `recent`.
            for name in {"frames", "action", "balance", "lost", "recent"} & set(own):
                if own[name].shape == getattr(part, name).shape:
                    setattr(part, name, own[name].copy())
            part.retarget = replace(part.retarget, **under(own, "retarget."))
            part.starts.load_state_dict(under(own, "starts."))
