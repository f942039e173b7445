"""The terminations that come with this project: each says of whom an episode ends as a failure, shape (N, 2)."""

from . import deviation, fall, interaction

__all__ = ["deviation", "fall", "interaction"]
