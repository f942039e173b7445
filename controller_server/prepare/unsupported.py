"""Unsupported force: the part of the force a motion needs that nothing in reach could give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller_server.body.compiled import compiled
from controller_server.body.layout import clip_qpos
from controller_server.body.pair import PairBody
from controller_server.clip.interaction import InteractionClip
from controller_server.physics import inverse_dynamics  # the module: it imports this package's intervals

_PER_SECOND = 8.0


@dataclass(frozen=True)
class Unsupported:
    """Force on each pelvis that neither floor, furniture, partner nor muscles could give.

    Attributes:
        frame: Frames looked at, shape (F,).
        force: Its size [N], shape (F, 2 people).
    """

    frame: np.ndarray
    force: np.ndarray

    def quantile(self, share: float) -> tuple[float, float]:
        """Of each person [N]."""
        supporter, recipient = np.quantile(self.force, share, axis=0) if len(self.force) else np.zeros(2)
        return float(supporter), float(recipient)


def unsupported_force(clip: InteractionClip, *, per_second: float = _PER_SECOND) -> Unsupported:
    """Return what a clip asks for that nobody can give, at some of its frames; hands hold as far as its `grips` say."""
    pair = PairBody.from_clip(clip)
    found = compiled(pair)
    qpos = clip_qpos(clip, pair, found.layout, found.model.nq)
    grips = np.zeros((clip.n_frames, 2, 2)) if clip.grips is None else clip.grips
    # At the ends the acceleration is one-sided.
    frames = np.arange(1, clip.n_frames - 1, max(1, round(clip.fps / per_second)))
    load = inverse_dynamics.inverse_dynamics(pair, qpos, grips, clip.fps, frames=frames)
    return Unsupported(frames, np.linalg.norm(load.residual[..., :3], axis=-1))
