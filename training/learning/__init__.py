"""PPO, networks, style discriminators, checkpoints, data-parallel gradients."""
