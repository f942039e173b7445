"""The events that come with this project: what happens to worlds before, at the start of and during episodes.

A file that is added here is found.
"""

from importlib import import_module
from pkgutil import iter_modules

from .context import Effect, EventContext

__all__ = ["Effect", "EventContext"]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
