"""Errors, files, YAML, kept arrays, progress: what everything else stands on."""
