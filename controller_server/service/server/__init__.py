"""The controller server: scheduler, workers, job store, access."""
