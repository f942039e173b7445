"""All choices of a training run: what the YAML files in `configs/` say, what is written beside every checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from controller_server.body.strength import GripForce, StrengthText
from controller_server.clip.interaction import ROLES
from controller_server.control.policy.action import ActionSpec
from controller_server.control.policy.retarget import RetargetSettings
from controller_server.core.bundled import shipped
from controller_server.core.constraints import OneOf, Range
from controller_server.core.errors import SettingsError
from controller_server.core.validation import build, check_fields, plain_values
from controller_server.core.yaml_file import parse_yaml, read_yaml
from controller_server.metrics.tracking import SUCCESS_LIMIT
from controller_server.physics.engines import BUILT_IN
from controller_server.prepare.settings import GripMode
from controller_server.terms import (
    TermConfig,
    Terms,
    event,
    expand_terms,
    observation,
    reward,
    short_terms,
    termination,
)

from .earlier_versions import in_todays_words

CONFIGS = Path(__file__).parents[1] / "configs"
SAMPLERS = ("uniform", "failure")
KINDS = ("specialist", "prior")
MODES = ("joint", "sequential", "replay")
ACTION = ActionSpec(balance=True, sparing=1.0, slack=True)
"""Meaning of actions unless a configuration says otherwise."""
OBSERVATION = (
    *("height", "positions", "rotations", "velocities", "spins", "support", "balance"),
    *("goal_positions", "goal_velocities", "goal_rotations", "goal_ahead"),
    *("partner_positions", "partner_velocities", "partner_facing", "partner_goal", "partner_forces"),
    *("hand_contacts", "grips", "previous_action"),
)
"""Observation terms unless a configuration says otherwise."""
TERMINATION = {"deviation": TermConfig(params={"limit": SUCCESS_LIMIT})}
"""Termination terms unless a configuration says otherwise."""
EVENTS = {"start_noise": TermConfig(), "friction": TermConfig()}
"""Event terms unless a configuration says otherwise."""
Share = Annotated[float, Range(0, 1)]
BelowOne = Annotated[float, Range(0, 0.9999)]
Count = Annotated[int, Range(1, 10**6)]
Layers = tuple[Annotated[int, Range(1)], ...]
_TABLES = ("observation", "termination", "events", "reward")


@dataclass(frozen=True)
class BodyConfig:
    """The bodies.

    Attributes:
        supporter: Strength preset or factor.
        recipient: Strength preset or factor.
        grip_force: Grip force of one hand [N].
        grips: What tells when a hand holds: as `PrepareSettings.grips`.
    """

    supporter: StrengthText = "adult"
    recipient: StrengthText = "weak"
    grip_force: GripForce = 300.0
    grips: Annotated[str, OneOf(tuple(mode.value for mode in GripMode))] = "auto"

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class StartConfig:
    """Start of episodes: the shares of first frame and kept states; the rest at random reference frames.

    Attributes:
        first: Share of starts at the first frame.
        kept: Share of starts from states that simulation reached and survived (physical state initialisation).
        slots: States kept for each start frame.
        stride: Control frames between the start frames that have slots.
        min_score: Least share of the remaining clip that a kept state has to have survived.
    """

    first: Share = 0.2
    kept: Share = 0.5
    slots: Annotated[int, Range(1, 1000)] = 4
    stride: Annotated[int, Range(1, 1000)] = 3
    min_score: Share = 0.5

    def __post_init__(self) -> None:
        check_fields(self)
        if self.first + self.kept > 1:
            raise SettingsError(f"first {self.first:g} and kept {self.kept:g} must be shares of one")


@dataclass(frozen=True)
class SamplerConfig:
    """Choice of the clip a world takes when its episode ends.

    Attributes:
        kind: "uniform" (all alike) or "failure" (clips and seconds of them in which episodes fail more often).
        floor: Of "failure": share of the starts that is spread evenly over all seconds of all clips.
    """

    kind: Annotated[str, OneOf(SAMPLERS)] = "uniform"
    floor: Annotated[float, Range(0.01, 1)] = 0.2

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class RewardConfig:
    """Reward terms of each role with their weights, and what one role cares for the other.

    `style` may be among them; how it is judged says `StyleConfig`.

    Attributes:
        supporter: Terms of the supporter; a weight alone stands for `{weight: ...}`.
        recipient: Terms of the recipient.
        coupling: Share of the recipient's reward in the supporter's.
        gate: Distance of a hand from the recipient within which the contact reward takes the place of tracking [m].
    """

    supporter: Terms = field(default_factory=dict)
    recipient: Terms = field(default_factory=dict)
    coupling: float = 0.5
    gate: float = 0.4

    def __post_init__(self) -> None:
        for role in ROLES:
            terms = expand_terms(getattr(self, role), f"reward: {role}")
            object.__setattr__(self, role, terms)
            reward.bind(terms)


@dataclass(frozen=True)
class StyleConfig:
    """The discriminators behind the reward term `style`; without a weight on it there are none.

    Attributes:
        frames: Control frames of a window, the latest of a person's motion that are judged together.
        hidden: Layer sizes.
        learning_rate: Learning rate of Adam.
        updates: Gradient steps per rollout.
        batch: Windows of simulated and of reference motion each in a gradient step.
        penalty: Weight of the squared gradient on reference motion.
    """

    frames: Annotated[int, Range(1, 1000)] = 5
    hidden: Layers = (256, 128)
    learning_rate: Share = 1e-4
    updates: Annotated[int, Range(1, 1000)] = 4
    batch: Count = 256
    penalty: float = 10.0

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class PpoConfig:
    """The learning rule.

    Attributes:
        group_size: Worlds that begin each rollout in the same state, so that advantages compare like with like.
        gamma: Discount per control step.
        lam: Lambda of generalised advantage estimation.
        clip: Largest change of a probability ratio that is rewarded.
        epochs: Passes over a rollout.
        minibatches: Per pass.
        learning_rate: Learning rate of the actor, at the start.
        critic_rate: Learning rate of the critic, which stays.
        critic_first: Updates of the critic alone before the actor's first: advantages mean nothing before that.
        min_rate: Lower bound of the adapted learning rate.
        max_rate: Upper bound.
        target_kl: Divergence per update the learning rate is adapted to; 0 keeps the rate.
        std: Standard deviation of actions.
        noise_correlation: Correlation of the exploring noise from one control step to the next.
        bound: Weight of the squared part of mean actions beyond one.
        max_grad_norm: Gradients are scaled down to this.
    """

    group_size: Count = 8
    gamma: BelowOne = 0.97
    lam: Share = 0.95
    clip: Annotated[float, Range(1e-3, 10)] = 0.2
    epochs: Annotated[int, Range(1, 1000)] = 4
    minibatches: Count = 4
    learning_rate: Share = 1e-5
    critic_rate: Share = 1e-3
    critic_first: Annotated[int, Range(0, 10**6)] = 8
    min_rate: Share = 2e-6
    max_rate: Share = 1e-3
    target_kl: float = 0.03
    std: Annotated[float, Range(1e-4, 10)] = 0.05
    noise_correlation: BelowOne = 0.5
    bound: float = 1.0
    max_grad_norm: Annotated[float, Range(1e-6, 1e6)] = 1.0

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Attributes:
        name: Name of the run and of the bundle that comes out of it.
        kind: "specialist" (a pair, two policies) or "prior" (people by themselves, one policy for everyone).
        clips: What is learned: clip files or, with "+" between them, the two files of a pair. "data:..." is taken
            from the folder ASSISTMIMIC_DATA.
        mode: "joint" (both learn at once), "sequential" (first the recipient, then the supporter with the recipient
            frozen) or "replay" (each learns while the other is moved by the reference).
        seed: Seed of all random numbers.
        engine: Name of the engine.
        pairs: Worlds per process.
        horizon: Control steps per rollout.
        steps: Pair-steps to train.
        termination: Terms that end an episode as a failure.
        events: Terms that happen to worlds: noise of starts, friction, other muscles, pushes.
        body: The bodies.
        action: Meaning of actions.
        observation: Terms, by input block; their order is that of the blocks.
        retarget: Dynamic reference retargeting.
        start: Where episodes begin.
        sampler: Which clip comes next where there are several.
        reward: Weights.
        style: What judges the motion's style.
        ppo: The learning rule.
        hidden: Layer sizes of the actors.
        critic_hidden: Layer sizes of the critics.
        prior: Bundle or run whose policy both roles start from; None starts from nothing.
        cache: Folder in which prepared clips and references are kept, "off" for none; by default the one of
            ASSISTMIMIC_CACHE or else this user's.
        coarse: Share of the training, from its beginning, with softer friction (impratio 1), in two thirds
            of the time; feet slide a little more. The rest is made in the physics of evaluation.
    """

    name: str
    clips: tuple[str, ...] = ()
    kind: Annotated[str, OneOf(KINDS)] = "specialist"
    mode: Annotated[str, OneOf(MODES)] = "joint"
    seed: Annotated[int, Range(0, 10**12)] = 0
    engine: str = BUILT_IN
    pairs: Count = 256
    horizon: Annotated[int, Range(1, 10**5)] = 24
    steps: Annotated[int, Range(1, 10**12)] = 1_000_000
    termination: Terms = field(default_factory=lambda: dict(TERMINATION))
    events: Terms = field(default_factory=lambda: dict(EVENTS))
    body: BodyConfig = field(default_factory=BodyConfig)
    action: ActionSpec = ACTION
    observation: Terms = field(default_factory=lambda: expand_terms(OBSERVATION, "observation"))
    retarget: RetargetSettings = field(default_factory=RetargetSettings)
    start: StartConfig = field(default_factory=StartConfig)
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    style: StyleConfig = field(default_factory=StyleConfig)
    ppo: PpoConfig = field(default_factory=PpoConfig)
    hidden: Layers = (512, 256)
    critic_hidden: Layers = (256, 128)
    prior: str | None = None
    cache: str | None = None
    coarse: Share = 0.7

    def __post_init__(self) -> None:
        for name, terms in (("observation", observation), ("termination", termination), ("events", event)):
            configs = expand_terms(getattr(self, name), name)
            if name == "observation":
                configs = {block: config for block, config in configs.items() if config.weight}
            object.__setattr__(self, name, configs)
            terms.bind(configs)
        self._check_needs()
        check_fields(self)
        if self.kind == "prior" and self.mode != "joint":
            raise SettingsError(f"mode: a prior has nobody to be {self.mode} with")

    def _check_needs(self) -> None:
        """Make sure that terms get what they need. Raises SettingsError."""
        tables = {
            "observation": observation.bind(self.observation),
            "termination": termination.bind(self.termination),
            **{f"reward.{role}": reward.bind(getattr(self.reward, role)) for role in ROLES},
        }
        for where, terms in tables.items():
            for term in (term for term in terms if term.weight):
                if "retargeting" in term.term.needs and not self.retarget.enabled:
                    raise SettingsError(f"{where}: {term.name} needs retargeting; set retarget.enabled")
                if self.kind == "prior" and term.term.group == "assist":
                    raise SettingsError(f"{where}: {term.name} is about two people, and a prior has nobody else")

    @property
    def roles(self) -> tuple[str, ...]:
        """Names of the policies that learn."""
        return ROLES if self.kind == "specialist" else ("person",)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for YAML and JSON."""
        values = asdict(self)
        for name in ("observation", "termination", "events"):
            values[name] = short_terms(getattr(self, name))
        for role in ROLES:
            values["reward"][role] = short_terms(getattr(self.reward, role), weighed=True)
        return plain_values(values)


def load_config(
    path: Path, overrides: Sequence[str] = (), options: Mapping[str, Any] | None = None, **changes: Any
) -> TrainConfig:
    """Return a configuration from YAML.

    Args:
        path: The file.
        overrides: "a.b=value" each, value in YAML.
        options: Further values by path, as the command line has checked them.
        changes: Top-level fields that replace those of the file; None leaves the file's.

    Raises:
        SettingsError: the file cannot be read, or a name or a value in it is impossible.
    """
    values = read_yaml(shipped(path))
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: expected names and values")
    action = values.get("action", {})
    if isinstance(action, Mapping):  # what is not said about actions is as in `ACTION`, also if something is
        values["action"] = ACTION.to_dict() | dict(action)
    values = _with_default_terms(in_todays_words(values, _plain(EVENTS)))
    direct = {**(options or {}), **{name: value for name, value in changes.items() if value is not None}}
    given = [*map(_override, overrides), *(_Override(f"--{name}", name, value) for name, value in direct.items())]
    changed = deepcopy(values)
    for override in given:
        override.put(changed)
    try:
        return config_from_dict(changed, str(path))
    except SettingsError:
        _blame(values, given, path)
        raise


@dataclass(frozen=True)
class _Override:
    """A value in the place of a configuration's; `label` is what a person wrote, `path` the names joined by dots."""

    label: str
    path: str
    value: Any

    def put(self, values: dict[str, Any]) -> None:
        """Put it into a configuration. Raises SettingsError."""
        *parents, last = self.path.split(".")
        where = values
        for parent in parents:
            if where.get(parent) is None:
                where[parent] = {}
            elif parents[0] in _TABLES and isinstance(where[parent], (int, float)):
                where[parent] = {"weight": where[parent]}  # a term that so far has nothing else
            where = where[parent]
            if not isinstance(where, dict):
                raise SettingsError(f"{self.label}: {parent} has nothing inside")
        where[last] = self.value


def _override(text: str) -> _Override:
    """Return "a.b=value" as an override. Raises SettingsError."""
    path, equals, value = text.partition("=")
    if not equals:
        raise SettingsError(f"--set {text}: expected name=value")
    return _Override(f"--set {text}", path, parse_yaml(value, f"--set {text}"))


def _blame(values: dict[str, Any], overrides: Sequence[_Override], path: Path) -> None:
    """Name whatever a configuration is impossible by: the file, or the first override that makes it so.

    Raises:
        SettingsError: unless every override by itself is possible.
    """
    config_from_dict(deepcopy(values), str(path))
    for override in overrides:
        override.put(values)
        try:
            config_from_dict(deepcopy(values), override.label)
        except SettingsError as error:
            raise SettingsError(
                str(error).replace(f"--{override.path}: {override.path}:", f"--{override.path}:")
            ) from None


def config_from_dict(values: Any, where: str) -> TrainConfig:
    """Return the inverse of `TrainConfig.to_dict`; what is left out keeps its default. Raises SettingsError."""
    if isinstance(values, Mapping):
        values = in_todays_words(values, _plain(EVENTS))
    return build(TrainConfig, values, where)


def _with_default_terms(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file says with the defaults beside it that it says nothing about, so that `--set` finds them.

    Events and terminations add to the defaults, where a weight of 0 switches one off; observations replace them.
    """
    values = dict(values)
    for name, defaults in (("events", EVENTS), ("termination", TERMINATION)):
        given = values.get(name, {})
        given = dict.fromkeys(given) if isinstance(given, list) else given
        if isinstance(given, Mapping):
            values[name] = _plain(defaults) | dict(given)
    given = values.get("observation", list(OBSERVATION))
    values["observation"] = dict.fromkeys(given) if isinstance(given, list) else given
    return values


def _plain(terms: Terms) -> dict[str, Any]:
    return {name: config.short() for name, config in terms.items()}
