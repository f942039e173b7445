"""One conversion, from a clip and settings to a result."""
