"""All choices of a training run: what the YAML files in `configs/` say, what is written beside every checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from controller_server.clip.interaction import ROLES
from controller_server.control.policy.action import ActionSpec
from controller_server.control.policy.retarget import RetargetSettings
from controller_server.core.bundled import shipped
from controller_server.core.errors import AssistMimicError
from controller_server.core.ranges import check_ranges
from controller_server.core.validation import build, plain_values
from controller_server.core.yaml_file import parse_yaml, read_yaml
from controller_server.metrics.tracking import SUCCESS_LIMIT
from controller_server.physics.engines import BUILT_IN
from controller_server.prepare.settings import GripMode
from controller_server.terms import TermConfig, event, expand_terms, observation, reward, short_terms, termination

from .earlier_versions import in_todays_words

CONFIGS = Path(__file__).parents[1] / "configs"
SAMPLERS = ("uniform", "failure")
KINDS = ("specialist", "prior")
MODES = ("joint", "sequential", "replay")
ACTION = ActionSpec(balance=True, sparing=1.0, slack=True)
"""What actions mean unless a configuration says otherwise."""
OBSERVATION = (
    *("height", "positions", "rotations", "velocities", "spins", "support", "balance"),
    *("goal_positions", "goal_velocities", "goal_rotations", "goal_ahead"),
    *("partner_positions", "partner_velocities", "partner_facing", "partner_goal", "partner_forces"),
    *("hand_contacts", "grips", "previous_action"),
)
"""What policies see unless a configuration says otherwise."""
TERMINATION = {"deviation": TermConfig(params={"limit": SUCCESS_LIMIT})}
"""What ends an episode as a failure unless a configuration says otherwise."""
EVENTS = {"start_noise": TermConfig(), "friction": TermConfig()}
"""What happens to worlds unless a configuration says otherwise."""
Terms = Mapping[str, TermConfig]
_TABLES = ("observation", "termination", "events", "reward")


@dataclass(frozen=True)
class BodyConfig:
    """The bodies.

    Attributes:
        supporter: Strength preset or factor.
        recipient: Strength preset or factor.
        grip_force: Of one hand [N].
        grips: What tells when a hand holds: as `PrepareSettings.grips`.
    """

    supporter: str = "adult"
    recipient: str = "weak"
    grip_force: float = 300.0
    grips: str = "auto"

    def __post_init__(self) -> None:
        if self.grips not in [mode.value for mode in GripMode]:
            raise AssistMimicError(f"grips: {self.grips!r} is none of {', '.join(mode.value for mode in GripMode)}")


@dataclass(frozen=True)
class StartConfig:
    """Where episodes begin; the shares of first frame and kept states, the rest at random reference frames.

    Attributes:
        first: Share of starts at the first frame.
        kept: Share of starts from states that simulation reached and survived (physical state initialisation).
        slots: States kept for each start frame.
        stride: Control frames between the start frames that have slots.
        min_score: Least share of the remaining clip that a kept state has to have survived.
    """

    first: float = 0.2
    kept: float = 0.5
    slots: int = 4
    stride: int = 3
    min_score: float = 0.5

    def __post_init__(self) -> None:
        if min(self.first, self.kept) < 0 or self.first + self.kept > 1:
            raise AssistMimicError(f"start: first {self.first:g} and kept {self.kept:g} must be shares of one")
        check_ranges(self, "start", slots=(1, 1000), stride=(1, 1000), min_score=(0, 1))


@dataclass(frozen=True)
class SamplerConfig:
    """Which clip a world takes when its episode ends.

    Attributes:
        kind: "uniform" (all alike) or "failure" (clips and seconds of them in which episodes fail more often).
        floor: Of "failure": share of the starts that is spread evenly over all seconds of all clips.
    """

    kind: str = "uniform"
    floor: float = 0.2

    def __post_init__(self) -> None:
        if self.kind not in SAMPLERS:
            raise AssistMimicError(f"sampler.kind: {self.kind!r} is none of {', '.join(SAMPLERS)}")
        check_ranges(self, "sampler", floor=(0.01, 1))


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
        learning_rate: Of Adam.
        updates: Gradient steps per rollout.
        batch: Windows of simulated and of reference motion each in a gradient step.
        penalty: Weight of the squared gradient on reference motion.
    """

    frames: int = 5
    hidden: tuple[int, ...] = (256, 128)
    learning_rate: float = 1e-4
    updates: int = 4
    batch: int = 256
    penalty: float = 10.0

    def __post_init__(self) -> None:
        check_ranges(self, "style", frames=(1, 1000), updates=(1, 1000), batch=(1, 10**6), learning_rate=(0, 1))


@dataclass(frozen=True)
class PpoConfig:
    """The learning rule.

    Attributes:
        siblings: Worlds that begin each rollout in the same state, so that each learns from how the others fared.
        gamma: Discount per control step.
        lam: Of generalised advantage estimation.
        clip: Largest change of a probability ratio that is rewarded.
        epochs: Passes over a rollout.
        minibatches: Per pass.
        learning_rate: Of the actor, at the start.
        critic_rate: Learning rate of the critic, which stays.
        critic_first: Updates of the critic alone before the actor's first: advantages mean nothing before that.
        min_rate: Lower bound of the adapted learning rate.
        max_rate: Upper bound.
        target_kl: Divergence per update the learning rate is adapted to; 0 keeps the rate.
        std: Standard deviation of actions.
        lasting: Correlation of the exploring noise from one control step to the next.
        bound: Weight of the squared part of mean actions beyond one.
        max_grad_norm: Gradients are scaled down to this.
    """

    siblings: int = 8
    gamma: float = 0.97
    lam: float = 0.95
    clip: float = 0.2
    epochs: int = 4
    minibatches: int = 4
    learning_rate: float = 1e-5
    critic_rate: float = 1e-3
    critic_first: int = 8
    min_rate: float = 2e-6
    max_rate: float = 1e-3
    target_kl: float = 0.03
    std: float = 0.05
    lasting: float = 0.5
    bound: float = 1.0
    max_grad_norm: float = 1.0

    def __post_init__(self) -> None:
        counts = {"siblings": (1, 10**6), "epochs": (1, 1000), "minibatches": (1, 10**6), "critic_first": (0, 10**6)}
        shares = {"gamma": (0, 0.9999), "lam": (0, 1), "lasting": (0, 0.9999)}
        rates = dict.fromkeys(("learning_rate", "critic_rate", "min_rate", "max_rate"), (0, 1))
        widths = {"std": (1e-4, 10), "clip": (1e-3, 10), "max_grad_norm": (1e-6, 1e6)}
        check_ranges(self, "ppo", **counts, **shares, **rates, **widths)


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Attributes:
        name: Of the run and of the bundle that comes out of it.
        kind: "specialist" (a pair, two policies) or "prior" (people by themselves, one policy for everyone).
        clips: What is learned: clip files or, with "+" between them, the two files of a pair. "data:..." is taken
            from the folder ASSISTMIMIC_DATA.
        mode: "joint" (both learn at once), "sequential" (first the recipient, then the supporter with the recipient
            frozen) or "replay" (each learns while the other is moved by the reference).
        seed: Of all random numbers.
        engine: Name of the engine.
        pairs: Worlds per process.
        horizon: Control steps per rollout.
        steps: Pair-steps to train.
        termination: Terms that end an episode as a failure.
        events: Terms that happen to worlds: noise of starts, friction, other muscles, pushes.
        body: The bodies.
        action: What actions mean.
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
        coarse: Share of the training, from its beginning, that is made in coarse physics: feet creep a little, in
            two thirds of the time. The rest is made in the physics that counts.
    """

    name: str
    clips: tuple[str, ...] = ()
    kind: str = "specialist"
    mode: str = "joint"
    seed: int = 0
    engine: str = BUILT_IN
    pairs: int = 256
    horizon: int = 24
    steps: int = 1_000_000
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
    hidden: tuple[int, ...] = (512, 256)
    critic_hidden: tuple[int, ...] = (256, 128)
    prior: str | None = None
    cache: str | None = None
    coarse: float = 0.7

    def __post_init__(self) -> None:
        for name, terms in (("observation", observation), ("termination", termination), ("events", event)):
            configs = expand_terms(getattr(self, name), name)
            if name == "observation":
                configs = {block: config for block, config in configs.items() if config.weight}
            object.__setattr__(self, name, configs)
            terms.bind(configs)
        self._check_needs()
        for name, value, known in (("kind", self.kind, KINDS), ("mode", self.mode, MODES)):
            if value not in known:
                raise AssistMimicError(f"{name}: {value!r} is none of {', '.join(known)}")
        check_ranges(self, "", pairs=(1, 10**6), horizon=(1, 10**5), steps=(1, 10**12), seed=(0, 10**12), coarse=(0, 1))
        if self.kind == "prior" and self.mode != "joint":
            raise AssistMimicError(f"mode: a prior has nobody to be {self.mode} with")

    def _check_needs(self) -> None:
        """Make sure that terms get what they need. Raises AssistMimicError."""
        tables = {
            "observation": observation.bind(self.observation),
            "termination": termination.bind(self.termination),
            **{f"reward.{role}": reward.bind(getattr(self.reward, role)) for role in ROLES},
        }
        for where, terms in tables.items():
            for term in (term for term in terms if term.weight):
                if "retargeting" in term.term.needs and not self.retarget.enabled:
                    raise AssistMimicError(f"{where}: {term.name} needs retargeting; set retarget.enabled")
                if self.kind == "prior" and term.term.group == "assist":
                    raise AssistMimicError(f"{where}: {term.name} is about two people, and a prior has nobody else")

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


def load_config(path: Path, overrides: Sequence[str] = (), **changes: Any) -> TrainConfig:
    """A configuration from YAML.

    Args:
        path: The file.
        overrides: "a.b=value" each, value in YAML.
        changes: Top-level fields that replace those of the file; None leaves the file's.

    Raises:
        AssistMimicError: the file cannot be read, or a name or a value in it is impossible.
    """
    values = read_yaml(shipped(path))
    if not isinstance(values, dict):
        raise AssistMimicError(f"{path}: expected names and values")
    given = values.get("action", {})
    if isinstance(given, Mapping):  # what is not said about actions is as in `ACTION`, also if something is
        values["action"] = ACTION.to_dict() | dict(given)
    values = _with_default_terms(in_todays_words(values, _plain(EVENTS)))
    changed = deepcopy(values)
    for override in overrides:
        _set(changed, override)
    try:
        config = config_from_dict(changed, str(path))
    except AssistMimicError:
        _blame(values, overrides, path)
        raise
    try:
        return replace(config, **{name: value for name, value in changes.items() if value is not None})
    except AssistMimicError as error:
        given = str(error).partition(":")[0] in changes
        raise AssistMimicError(f"--{error}" if given else str(error)) from None


def _set(values: dict[str, Any], override: str) -> None:
    """Put an "a.b=value" into a configuration. Raises AssistMimicError."""
    name, equals, text = override.partition("=")
    if not equals:
        raise AssistMimicError(f"--set {override}: expected name=value")
    *parents, last = name.split(".")
    where = values
    for parent in parents:
        if where.get(parent) is None:
            where[parent] = {}
        elif parents[0] in _TABLES and isinstance(where[parent], (int, float)):
            where[parent] = {"weight": where[parent]}  # a term that so far has nothing else
        where = where[parent]
        if not isinstance(where, dict):
            raise AssistMimicError(f"--set {override}: {parent} has nothing inside")
    where[last] = parse_yaml(text, f"--set {override}")


def _blame(values: dict[str, Any], overrides: Sequence[str], path: Path) -> None:
    """Name whatever a configuration is impossible by: the file, or the first override that makes it so.

    Raises:
        AssistMimicError: unless every override by itself is possible.
    """
    config_from_dict(deepcopy(values), str(path))
    for override in overrides:
        _set(values, override)
        config_from_dict(deepcopy(values), f"--set {override}")


def config_from_dict(values: Any, where: str) -> TrainConfig:
    """The inverse of `TrainConfig.to_dict`; what is left out keeps its default. Raises AssistMimicError."""
    try:
        if isinstance(values, Mapping):
            values = _expanded(in_todays_words(values, _plain(EVENTS)))
        return build(TrainConfig, values, where)
    except AssistMimicError as error:
        raise AssistMimicError(str(error) if str(error).startswith(where) else f"{where}: {error}") from None


def _expanded(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same with every term written out. Raises AssistMimicError."""
    values = dict(values)
    for name in ("observation", "termination", "events"):
        if name in values:
            values[name] = expand_terms(values[name], name)
    if isinstance(values.get("reward"), Mapping):
        values["reward"] = {
            name: expand_terms(value, f"reward: {name}") if name in ROLES else value
            for name, value in values["reward"].items()
        }
    return values


def _with_default_terms(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a file says with the defaults beside it that it says nothing about, so that `--set` finds them.

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
