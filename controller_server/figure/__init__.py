"""The figure that shows a person: a closed skin of our own, fitted to anyone's skeleton and bent by its joints."""

from .asset import COLOURS, ZONES, Figure
from .fit import Dressed, dressed
from .skin import Pose, hand_quats, skinned

__all__ = ["COLOURS", "ZONES", "Dressed", "Figure", "Pose", "dressed", "hand_quats", "skinned"]
