"""The commands of training: `assistmimic train`, `export` and `bench train`, registered as entry points."""
