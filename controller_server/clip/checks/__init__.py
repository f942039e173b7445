"""Plausibility checks of clips that were just read."""
