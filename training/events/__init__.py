"""The events that come with this project: what happens to worlds before, at the start of and during episodes."""

from . import friction, push, start_noise, strength
from .context import Effect, EventContext

__all__ = ["Effect", "EventContext", "friction", "push", "start_noise", "strength"]
