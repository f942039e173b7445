"""Sampling-based tracking over a receding horizon."""
