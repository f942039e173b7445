"""Whether what was read can be two people at all."""
