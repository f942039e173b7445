"""Policies: bundles on disk, observations, networks, one step of a policy."""
