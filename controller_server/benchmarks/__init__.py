"""The project's benchmarks; each returns plain values, the command line prints them."""
