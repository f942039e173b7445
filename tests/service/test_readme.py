"""The Python lines of README and docs/server.md, run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap

import pytest
from helpers.paths import ROOT
from helpers.service_cases import ServerProcess, short_clip

from controller_server.clip.io.formats import read_clip
from controller_server.clip.io.npz import write_npz
from controller_server.core.errors import AssistMimicError


@pytest.mark.parametrize("page", ["README.md", "docs/server.md"])
def test_the_lines_run_as_they_stand(server: ServerProcess, tmp_path, page):
    """Carry out the page's lines where `in.npz` lies, with nothing but a server that runs."""
    text = (ROOT / page).read_text(encoding="utf-8")
    block = re.search(r"(?m)^    from controller_server import connect\n(?:(?:    .*)?\n)+", text)
    assert block is not None
    write_npz(tmp_path / "in.npz", short_clip(2))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(block[0])],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ASSISTMIMIC_STATE": str(server.folder), "ASSISTMIMIC_SERVER": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "JobProgress(stage='prepare'" in done.stdout
    assert done.stdout.splitlines()[-1] == "success [PosixPath('out.npz')]"
    assert read_clip([tmp_path / "out.npz"]).clip.n_frames == 2


@pytest.mark.parametrize(
    ("clip", "settings", "said"),
    [
        ({"fps": 30}, None, "clip: expected an InteractionClip, as .* gives it, got dict"),
        ("in.npz", None, "clip: expected an InteractionClip, as .* gives it, got str"),
        (short_clip(2), "draft", "settings: expected ConvertSettings or a dict .*, got str"),
        (short_clip(2), {"quality": "best"}, "none of default, draft"),
    ],
)
def test_a_wrong_type_is_told_in_a_sentence(client, clip, settings, said):
    """Refuse, before anything is sent, what is neither a clip nor settings."""
    for call in (client.simulate, client.submit):
        with pytest.raises(AssistMimicError, match=said):
            call(clip, settings)
