"""The terminations that come with this project: each says of whom an episode ends as a failure, shape (N, 2).

A file that is added here is found.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
