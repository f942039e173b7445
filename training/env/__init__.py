"""The training environment: worlds, episodes, rewards, terminations, events."""
