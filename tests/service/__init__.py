"""Tests of the controller server."""
