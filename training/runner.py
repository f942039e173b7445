"""The training loop: one environment, one learner per role, a checkpoint every minute or so."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from controller_server.control.policy.network import NetworkSpec
from controller_server.core.errors import TrainingError
from training.env.environment import PairEnvironment
from training.env.scene import Scene
from training.env.task import Episode, Step
from training.learning.checkpoint import CHECKPOINT, read_checkpoint, tensors, write_checkpoint
from training.learning.networks import Network
from training.learning.ppo import Ppo
from training.settings.config import TrainConfig

from .learning import parallel, style
from .log import RunLog, print_tables

_SAVE_SECONDS = float(os.environ.get("ASSISTMIMIC_SAVE_SECONDS", "60"))
_STYLE = "style "  # sections of a checkpoint that hold discriminators begin so, the role comes after
_DRAWN = {"generator", "noise"}  # of what learns: not the same in every process
_Sections = dict[str, dict[str, Any]]
_WINDOW = 1024  # episodes that success is averaged over


class Runner:
    """A run in its folder.

    Args:
        config: All choices.
        scenes: What is learned.
        folder: Where checkpoints and curves go.
        resume: Go on from the folder's checkpoint, if there is one.
        agent: "learn", or "zero" or "random" to run the environment without learning.
        threads: Number of threads of physics and learning; 0 takes every core.
        start: Makes the actors to begin with, given what they look like; fresh ones by default.
        environment: Makes the environment.

    Raises:
        AssistMimicError: the folder holds another run and `resume` is off, or its checkpoint does not fit.
    """

    def __init__(
        self,
        config: TrainConfig,
        scenes: Sequence[Scene],
        folder: Path,
        *,
        resume: bool = False,
        agent: str = "learn",
        threads: int = 0,
        start: Callable[[NetworkSpec], Mapping[str, Network]] | None = None,
        environment: Callable[..., PairEnvironment] = PairEnvironment,
    ) -> None:
        self.config, self.folder, self.agent = config, folder, agent
        found = folder / CHECKPOINT
        if agent == "learn" and found.exists() and not resume:
            raise TrainingError(f"{folder}: holds a run already; go on with it by --resume, or choose another --out")
        self.resumed = agent == "learn" and resume and found.exists()
        if threads:
            torch.set_num_threads(threads)
        seed = 10_007 * config.seed + parallel.rank()
        self.environment = environment(config, scenes, seed=seed, threads=threads)
        self.data = _fingerprints(scenes)
        self.learners = self._learners(None if self.resumed else start, seed)
        self.judges = style.discriminators(config, self.environment, seed) if self._learning else {}
        self.iteration, self.pair_steps, self.seconds = 0, 0, 0.0
        self.episodes: deque[Episode] = deque(maxlen=_WINDOW)
        self.observation = np.zeros(0)
        self._planned: int | None = None
        if self.resumed:
            self._load(found)
        else:
            self.observation = self.environment.reset()

    def _learners(self, start: Callable[[NetworkSpec], Mapping[str, Network]] | None, seed: int) -> dict[str, Ppo]:
        config, environment = self.config, self.environment
        spec = NetworkSpec(environment.inputs, environment.n_actions, config.hidden)
        judge = NetworkSpec(environment.inputs, 1, config.critic_hidden)
        people = 2 // len(config.roles)
        learners, given = {}, {} if start is None else start(spec)
        for k, role in enumerate(config.roles):
            actor = given.get(role) or Network.fresh(spec, config.seed * 4 + k)
            critic = given.get(f"critic {role}")
            if critic is None or critic.spec != judge:
                critic = Network.fresh(judge, config.seed * 4 + 2 + k, last=1.0)
            learners[role] = Ppo(
                config.ppo,
                actor,
                critic,
                steps=config.horizon,
                n=environment.n * people,
                seed=seed * 2 + k,
                people=people,
            )
        return learners

    # -- the loop --------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Train until the configured number of pair-steps is done."""
        config = self.config
        is_rank_zero = parallel.rank() == 0
        log = RunLog(self.folder, config, purge_from=self.iteration) if is_rank_zero and self.agent == "learn" else None
        if is_rank_zero:
            print_tables(config, self.environment, self.learners, self.judges)
            if self.resumed:
                print(f"resumed at {self.pair_steps:,} pair-steps, {self.seconds / 60:.1f} minutes")
        saved = time.monotonic()
        while self.pair_steps < config.steps:
            row = self.advance()
            if is_rank_zero:
                if log is not None:
                    log.write(self.iteration, row)
                _tell(config, row)
            due = time.monotonic() - saved > _SAVE_SECONDS or self.pair_steps >= config.steps
            if self._learning and parallel.broadcast_decision(due):
                self._save()
                saved = time.monotonic()
        if log is not None:
            log.close()

    def advance(self) -> dict[str, Any]:
        """Make one rollout, learn from it, and return the numbers of this iteration."""
        started = time.monotonic()
        self._set_phase()
        if self._learning and any(not learner.frozen and not learner.updates for learner in self.learners.values()):
            self._warm_up()
        finished = self._collect()
        collected = time.monotonic()
        stats = {role: learner.update() for role, learner in self.learners.items()} if self._learning else {}
        for role, judge in self.judges.items():
            stats[role] |= judge.update()
        pair_steps = self.config.pairs * self.config.horizon * parallel.size()
        self.iteration += 1
        self.pair_steps += pair_steps
        now = time.monotonic()
        self.seconds += now - started
        self.episodes.extend(finished)
        return self._summary(finished, stats) | {
            "collect_s": collected - started,
            "update_s": now - collected,
            "rate": pair_steps / (now - started),
        }

    @property
    def _learning(self) -> bool:
        return self.agent == "learn"

    @property
    def _steps(self) -> int:
        """Pair-steps that coarse physics and the halves of a mode are shares of; what comes later is as the last."""
        return self._planned or self.config.steps

    def _set_phase(self) -> None:
        """Set who learns and who is moved by the reference, in the modes that are not joint."""
        steps = self._steps if self.config.mode == "joint" else self._steps / 2  # of each who learns
        first = self.pair_steps < steps
        done = self.pair_steps if first else self.pair_steps - steps
        self.environment.use_physics(coarse=done < self.config.coarse * steps)
        if self.config.mode == "joint":
            return
        learns = "recipient" if first else "supporter"
        for role, learner in self.learners.items():
            learner.frozen = role != learns
        if self.config.mode == "replay":
            self.environment.replayed = 0 if first else 1

    def _warm_up(self) -> None:
        """Make one rollout without learning, for first statistics of new learners; then start all worlds anew."""
        self._collect()
        for learner in self.learners.values():
            if not learner.frozen and not learner.updates:
                learner.learn_statistics()
        if self.iteration == 0:
            for judge in self.judges.values():
                judge.learn_statistics()
        self.observation = self.environment.reset()

    def _collect(self) -> list[Episode]:
        finished: list[Episode] = []
        if self._learning:
            self.observation = self.observation[self.environment.regroup(self.config.ppo.group_size)]
        for _ in range(self.config.horizon):
            seen = torch.from_numpy(self.observation)
            step = self.environment.step(self._actions(seen))
            if self._learning:
                self._record(step)
            self.observation = step.observation
            finished += step.finished
        if self._learning:
            seen = torch.from_numpy(self.observation)
            for role, learner in self.learners.items():
                learner.finish_rollout(self._of(role, seen))
        return finished

    def _actions(self, seen: Tensor) -> np.ndarray:
        n, actions = self.environment.n, self.environment.n_actions
        if self.agent == "zero":
            return np.zeros((n, 2, actions), np.float32)
        if self.agent == "random":
            noise = self.environment.rng.standard_normal((n, 2, actions))
            return (self.config.ppo.std * noise).astype(np.float32)
        acts = [self.learners[role].act(self._of(role, seen)) for role in self.config.roles]
        return (torch.stack(acts, dim=1) if len(acts) == 2 else acts[0].reshape(n, 2, actions)).numpy()

    def _of(self, role: str, pairs: Tensor) -> Tensor:
        """Return what belongs to a role of something of all people, shape (N, 2, ...)."""
        return pairs.flatten(0, 1) if len(self.config.roles) == 1 else pairs[:, self.config.roles.index(role)]

    def _record(self, step: Step) -> None:
        done = torch.from_numpy(np.repeat(step.done[:, None], 2, axis=1)).float()
        reward, terminated = torch.from_numpy(step.reward), torch.from_numpy(step.terminated).float()
        final = torch.from_numpy(step.final)
        cut = torch.from_numpy(step.cut)
        rows = torch.stack([2 * cut, 2 * cut + 1], dim=1).flatten() if len(self.config.roles) == 1 else cut
        for role, learner in self.learners.items():
            own = [self._of(role, a) for a in (reward, terminated, done, final)]
            learner.record(own[0], own[1], own[2], rows, own[3])

    def _summary(self, finished: list[Episode], stats: dict[str, dict[str, float]]) -> dict[str, Any]:
        recent = list(self.episodes)
        whole = [e for e in recent if e.start == 0]
        terms = [e.terms for e in finished] or [{}]
        mean = {name: float(np.mean([t[name] for t in terms if name in t])) for name in terms[0]}
        clips: dict[str, list[bool]] = {}
        for episode in recent:
            clips.setdefault(self.environment.scenes[episode.scene].name, []).append(episode.completed)
        return {
            "pair_steps": self.pair_steps,
            "minutes": self.seconds / 60,
            "completed": _mean([e.completed for e in recent]),
            "completed_from_start": _mean([e.completed for e in whole]),
            "deviation_mm": 1000 * _mean([e.error for e in recent]),
            "frames": _mean([e.frames for e in recent]),
            "clips": {name: _mean(completed) for name, completed in sorted(clips.items())},
            "reward": mean,
            "learning": stats,
        }

    # -- to go on later --------------------------------------------------------------------------------------------

    @property
    def _own_state(self) -> Path:
        """Each further process keeps the state of its own worlds."""
        rank = parallel.rank()
        return self.folder / (CHECKPOINT if rank == 0 else f"worlds{rank}.safetensors")

    def _save(self) -> None:
        facts = {
            "config": self.config.to_dict(),
            "data": self.data,
            "planned_steps": self._steps,
            "iteration": self.iteration,
            "pair_steps": self.pair_steps,
            "seconds": self.seconds,
            "episodes": [[e.scene, e.start, e.frames, e.completed, e.error] for e in self.episodes],
            "processes": parallel.size(),
        }
        sections = {name: part.state_dict() for name, part in self._learned()}
        sections |= {"environment": self.environment.state_dict(), "runner": {"observation": self.observation}}
        # The first process's file is what counts: it comes last, and the others' go with it or are left aside.
        if parallel.rank():
            write_checkpoint(self._own_state, sections, facts)
        parallel.barrier()
        if not parallel.rank():
            write_checkpoint(self._own_state, sections, facts)
        parallel.barrier()

    def _load(self, path: Path) -> None:
        sections, facts = read_checkpoint(path)
        if facts.get("data", self.data) != self.data:
            raise TrainingError(f"{path}: was trained on other clips, or they changed since; choose another --out")
        own = self._own_sections(sections, facts)
        try:
            for name, part in self._learned():
                state = tensors(sections[name])
                drawn = part.state_dict() if own is None else tensors(own[name])  # each process draws by itself
                part.load_state_dict({**state, **{key: drawn[key] for key in _DRAWN & set(state)}})
            if own is not None:
                self.environment.load_state_dict(own["environment"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise TrainingError(f"{path}: is of a run with other settings ({error}); choose another --out") from None
        self.iteration, self.pair_steps, self.seconds = (facts[n] for n in ("iteration", "pair_steps", "seconds"))
        before, planned = facts["config"]["steps"], facts.get("planned_steps")
        if planned and (self.pair_steps >= before or planned != before):  # a finished run does not begin coarse again
            self._planned = planned
        self.episodes.extend(Episode(*values) for values in facts["episodes"])
        self.observation = self.environment.reset() if own is None else own["runner"]["observation"]

    def _own_sections(self, sections: _Sections, facts: Mapping[str, Any]) -> _Sections | None:
        """Return this process's part of a checkpoint.

        None where it has none of the same moment and begins its worlds anew.
        """
        if parallel.rank() == 0:
            return sections
        if not self._own_state.exists():
            return None
        own, stated = read_checkpoint(self._own_state)
        moment = ("iteration", "pair_steps", "processes")
        fits = parallel.size() == facts["processes"] and all(stated[name] == facts[name] for name in moment)
        return own if fits else None

    def _learned(self) -> Iterator[tuple[str, Ppo | style.Discriminator]]:
        """Yield everything that learns, by its section of a checkpoint."""
        yield from self.learners.items()
        yield from ((_STYLE + role, judge) for role, judge in self.judges.items())


def _fingerprints(scenes: Sequence[Scene]) -> dict[str, str]:
    """Of clips by name. A clip may be named twice, to be learned twice as much. Raises AssistMimicError."""
    found: dict[str, str] = {}
    for scene in scenes:
        if found.setdefault(scene.name, scene.sha256) != scene.sha256:
            raise TrainingError(f"clips: two different ones are called {scene.name}; rename a file")
    return found


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def _tell(config: TrainConfig, row: dict[str, Any]) -> None:
    left = (config.steps - row["pair_steps"]) / row["rate"]
    print(
        f"{row['pair_steps']:>10,} pair-steps  {row['minutes']:6.1f} min  {row['rate']:6.0f}/s  "
        f"ETA {max(left, 0) / 60:5.1f} min  success {row['completed']:4.0%} (from start "
        f"{row['completed_from_start']:4.0%})  {row['deviation_mm']:4.0f} mm  {row['frames']:4.0f} frames",
        flush=True,
    )
