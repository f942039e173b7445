"""Exit codes of the command line; docs/cli.md has their table."""

EXIT_DIVERGED, EXIT_BAD_INPUT, EXIT_SOME, EXIT_NONE, EXIT_INTERRUPTED = 1, 2, 3, 4, 130
"""Other codes than 0, done."""
