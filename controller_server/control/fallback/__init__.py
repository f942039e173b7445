"""Fallback strategies: the next controller to try, the verdict on each attempt, the result that is kept."""
