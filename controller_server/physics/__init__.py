"""The Backend protocol and one module per physics engine."""
