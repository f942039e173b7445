"""Everything between a two-person clip and its physically simulated twin."""

__version__ = "0.1.0"
