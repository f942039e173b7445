"""The client of the controller server."""
