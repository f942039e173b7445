"""Terms: functions with parameters that observations, rewards, terminations and events are composed of, by name.

A file of one's own needs no more than the decorators here, see docs/terms.md:

    from controller_server.terms import reward

    @reward(group="assist", needs=("forces",))
    def gentle(c, *, limit=150.0): ...
"""

from .files import TERMS_VARIABLE, TermFile, import_terms, use_terms
from .registry import Registry, event, observation, reward, strength, termination
from .term import BoundTerm, Term, TermConfig, Terms, expand_terms, short_terms

__all__ = [
    "TERMS_VARIABLE",
    "BoundTerm",
    "Registry",
    "Term",
    "TermConfig",
    "TermFile",
    "Terms",
    "event",
    "expand_terms",
    "import_terms",
    "observation",
    "reward",
    "short_terms",
    "strength",
    "termination",
    "use_terms",
]
