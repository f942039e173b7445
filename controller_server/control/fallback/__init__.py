"""Which controller is tried next, how each attempt is judged, and which result is kept."""
