"""The controller `policy`: trained networks see the pair and its reference, and say where the joints should go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy

import numpy as np

from controller_server.body.pair import PairBody
from controller_server.clip.interaction import ROLES
from controller_server.control.base_targets import ReferenceBase
from controller_server.control.contact_loss import contact_lost
from controller_server.control.playback import Runner
from controller_server.control.reference.joined import Joined
from controller_server.control.reference.reference import Reference
from controller_server.control.reference.reference_trajectory import ReferenceTrajectory
from controller_server.core.errors import BundleError
from controller_server.physics.backend import Backend, PairState
from controller_server.physics.engines import BUILT_IN
from controller_server.physics.inverse_dynamics import SPARING

from .bundle import PolicyBundle
from .bundle_card import BundleCard
from .network import NetworkSpec, Parameters, forward, normaliser
from .observation import ObservedState, observe_state, reads_forces, term_sizes
from .policy_step import PolicyStep
from .retarget import RetargetState


def check_fit(card: BundleCard, pair: PairBody) -> None:
    """Make sure that a bundle's networks can see and steer a pair.

    Raises:
        AssistMimicError: naming the entry that differs.
    """
    obstacles = card.body.obstacles(pair)
    if obstacles:
        raise BundleError(f"policy {card.name}: {'; '.join(obstacles)}")
    actions = 3 * (len(pair.joints) - 1)
    for name, spec in card.networks.items():
        for (term, size), (_, needed) in zip(spec.inputs, term_sizes(pair, card.terms(name)), strict=True):
            if size != needed:
                raise BundleError(f"policy {card.name}: {name}: {term} has {size} numbers, the body gives {needed}")
        if spec.outputs != actions:
            raise BundleError(
                f"policy {card.name}: {name}: outputs is {spec.outputs}, the body has {actions} joint targets"
            )


class _Player:
    """A network whose parameters do not change any more: the scale of its inputs is worked out once."""

    def __init__(self, spec: NetworkSpec, parameters: Parameters) -> None:
        self.spec, self._parameters, self._scale = spec, parameters, normaliser(spec, parameters)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return forward(self.spec, self._parameters, x, self._scale)


class PolicyBase:
    """A policy as a base of joint targets (`Base`): deterministic, with the previous action as its memory.

    Args:
        pair: Whose bodies.
        reference: The reference motion.
        bundle: The networks.
        n_worlds: How many worlds it steers.
        notice: What is done to a view before it is observed; nothing by default.
        others: Further clips: worlds are dealt out evenly, the first ones to `reference`, the next to each of these.

    Raises:
        AssistMimicError: the bundle does not fit the pair, or closes hands and there are several clips.
    """

    touch: bool

    def __init__(
        self,
        pair: PairBody,
        reference: Reference,
        bundle: PolicyBundle,
        *,
        n_worlds: int = 1,
        notice: Callable[[ObservedState, int], ObservedState] | None = None,
        others: Sequence[Reference] = (),
    ) -> None:
        card = bundle.card
        check_fit(card, pair)
        if others and card.action.closing:
            raise BundleError(f"policy {card.name}: closes hands, which is done clip by clip")
        references = [reference, *others]
        if card.action.sparing != SPARING:
            references = [one.sharing(card.action.sparing) for one in references]
        reference = references[0]
        slack, closing = card.action.slack and not card.action.closing, card.action.closing
        apart = [one.sharing(card.action.sparing, apart=True).targets for one in references] if slack else None
        whole = Joined.of(
            [ReferenceTrajectory.of(one) for one in references], [one.targets for one in references], apart
        )
        track = whole.dealt(np.repeat(np.arange(len(references)), n_worlds // len(references)))
        self.pair, self.reference, self.card, self._notice = pair, reference, card, notice
        self._closing = ReferenceBase(pair, reference, feet=False).fork(n_worlds) if closing else None
        self._step = PolicyStep(pair, track, whole.targets, card.action, card.retarget, apart=whole.apart)
        self._networks = [_Player(card.networks[name], bundle.parameters[name]) for name in map(card.network, ROLES)]
        self._terms = [card.terms(name) for name in map(card.network, ROLES)]
        self._same = self._terms[0] == self._terms[1]
        self.touch = slack or closing or any(map(reads_forces, self._terms))
        self._action = np.zeros((n_worlds, 2, 3 * (len(pair.joints) - 1)), np.float32)
        self._given = np.zeros((n_worlds, 2, len(pair.joints) - 1, 3))
        self._hands = RetargetState.fresh(n_worlds)

    def fork(self, n_worlds: int) -> PolicyBase:
        """See `Base.fork`."""
        fork = copy(self)
        fork._action, fork._given = (np.repeat(a, n_worlds, axis=0) for a in (self._action, self._given))
        fork._closing = None if self._closing is None else self._closing.fork(n_worlds)
        fork._hands = self._hands.picked(np.zeros(n_worlds, int))
        return fork

    def targets(self, backend: Backend, frame: int) -> np.ndarray:
        """See `Base.targets`."""
        frames = np.full(backend.n_worlds, frame)
        # Whoever searches around a policy that feels nothing has no sensors to ask.
        view = observe_state(backend, self._step.track, frames, self._action, felt=self.touch)
        if self._notice is not None:
            view = self._notice(view, frame)
        view, self._hands = self._step.retarget(view, self._hands)
        self._action = self.actions(view)
        if self._closing is None:
            base = self._step.base_targets(frames, view.balance, self._step.lost(view))
        else:
            base = self._closing.targets(backend, frame, contact_lost(view.forces, view.grips, self.pair))
        self._given = self._step.act(self._action, base)
        return self._given

    def executed(self, targets: np.ndarray) -> None:
        """See `Base.executed`."""
        if targets is not self._given:
            offset = (targets - self._given).reshape(self._action.shape) / self.card.action.scale
            self._action = (self._action + offset).astype(np.float32)

    def actions(self, view: ObservedState) -> np.ndarray:
        """Actions of both roles, shape (N, 2, 3 J), float32."""
        seen = [self._step.observe(view, self._terms[0])]
        seen.append(seen[0] if self._same else self._step.observe(view, self._terms[1]))
        return np.stack([network(seen[person][:, person]) for person, network in enumerate(self._networks)], axis=1)


class Playback(Runner):
    """A policy played without any looking ahead: real time.

    Args:
        pair: Body description.
        reference: The reference motion.
        base: The policy.
        judged: Roles that have to succeed (0 supporter, 1 recipient).
        start: State at time zero, n = 1; by default the reference's, settled.
        engine: Name of the engine.
    """

    def __init__(
        self,
        pair: PairBody,
        reference: Reference,
        base: PolicyBase,
        judged: tuple[int, ...] = (0, 1),
        start: PairState | None = None,
        engine: str = BUILT_IN,
    ) -> None:
        super().__init__(pair, reference, judged=judged, start=start, engine=engine)
        self._base = base

    def advance(self) -> None:
        """Carry one control frame out."""
        simulation, frame = self._simulation, self._frame
        targets = self._base.targets(simulation.backend, frame)
        self._base.executed(targets)
        simulation.advance(targets[0], self.reference.grips[self.reference.row(frame)])
        self._frame += 1
