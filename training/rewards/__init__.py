"""The reward terms that come with this project, a file for each formula."""

from . import (
    action_rate_penalty,
    balance_reward,
    contact_labels_reward,
    contact_reward,
    head_height_reward,
    power_penalty,
    reach_reward,
    stature_tracking_reward,
    style_reward,
    tracking_reward,
)

__all__ = [
    "action_rate_penalty",
    "balance_reward",
    "contact_labels_reward",
    "contact_reward",
    "head_height_reward",
    "power_penalty",
    "reach_reward",
    "stature_tracking_reward",
    "style_reward",
    "tracking_reward",
]
