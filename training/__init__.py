"""Training of the controllers: environment, rewards, PPO, prior, specialists. Needs the `[train]` extra."""
