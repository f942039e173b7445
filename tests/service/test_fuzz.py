"""Malformed messages, a few thousand of them; ASSISTMIMIC_FUZZ_MESSAGES=100000 for the long run."""

from __future__ import annotations

import os

from .fuzz import run


def test_malformed_messages_do_no_harm(tmp_path, capsys):
    """Answer or drop them all within 200 MB, while a good client notices nothing."""
    code = run(tmp_path, int(os.environ.get("ASSISTMIMIC_FUZZ_MESSAGES", "4000")))
    assert code == 0, capsys.readouterr().out
