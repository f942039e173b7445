"""The page about terms: what it lists is there, and what it shows runs as it stands."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from helpers.paths import ROOT
from helpers.standing import standing_pair

from controller_server.cli import main
from controller_server.clip.io.npz import write_npz
from controller_server.control.policy.bundle import read_card
from controller_server.control.policy.policy import check_fit
from controller_server.core.errors import AssistMimicError
from controller_server.service.server.configuration import read_config
from controller_server.service.server.policies import Policies
from controller_server.terms import (
    TERMS_VARIABLE,
    event,
    expand_terms,
    files,
    observation,
    reward,
    strength,
    termination,
)
from training.env.reward_table import RewardTable
from training.env.term_memory import TermMemory
from training.settings.config import RewardConfig

PAGE = (ROOT / "docs" / "terms.md").read_text()
KINDS = (observation, reward, termination, event, strength)


def shown(language: str) -> str:
    """The page's listing in a language."""
    (listing,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return listing


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is imported in a test is forgotten after it."""
    monkeypatch.setenv(TERMS_VARIABLE, "")
    for registry in KINDS:
        registry.all()
        monkeypatch.setattr(registry, "_terms", dict(registry._terms))
    monkeypatch.setattr(files, "_files", {})


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if another process began in which nobody named a file."""
    monkeypatch.setenv(TERMS_VARIABLE, "")
    monkeypatch.setattr(files, "_files", {})
    for registry in KINDS:
        own = {name: term for name, term in registry._terms.items() if term.file is None}
        monkeypatch.setattr(registry, "_terms", own)


def test_the_page_lists_every_term_and_only_files_that_are_there():
    """Every term with its parameters is in the page's tables, and every path in it is a file."""
    listed = PAGE[PAGE.index("## The terms there are") :]
    for registry in KINDS:
        for name, term in registry.all().items():
            if term.file is None:
                assert f"`{name}`" in listed, name
                assert not term.defaults or f"({', '.join(term.defaults)})" in listed, name
    paths = re.findall(r"`((?:training|controller_server|tests)/[\w/]+\.py)`", PAGE)
    assert len(paths) > 10 and all((ROOT / path).is_file() for path in paths)


def test_what_the_page_shows_runs(tmp_path, monkeypatch, capsys, apart):
    """Train and evaluate with terms of one's own; without the file, or with another, one line says what is missing."""
    monkeypatch.chdir(tmp_path)
    Path("my_terms.py").write_text(shown("python"))
    Path("mine.yaml").write_text(shown("yaml"))
    write_npz(tmp_path / "clip.npz", standing_pair(9))
    train, evaluate = (shlex.split(line)[1:] for line in shown("sh").splitlines())
    assert main([*train[:-2], "--threads", "1"]) == 2
    assert "no term 'eye_level'" in (said := capsys.readouterr().err) and "--import" in said
    assert main([*train, "--threads", "1"]) == 0
    printed = capsys.readouterr().out
    assert "load_on_hands" in printed and "the force from the partner on both own wrists" in printed
    card = yaml.safe_load((tmp_path / "run" / "bundle" / "bundle.yaml").read_text())
    assert card["observation"]["near_goal"] == {"term": "goal_ahead", "params": {"seconds": 0.1}}
    assert [entry["name"] for entry in card["imports"]] == ["my_terms.py"]
    options = ["--no-help-tests", "--threads", "1"]
    assert main([*evaluate, *options]) == 0
    assert "arms0.5" in capsys.readouterr().out
    bundle = read_card(tmp_path / "run" / "bundle")
    pair = bundle.body.pair(standing_pair(9))
    check_fit(bundle, pair)
    forget(monkeypatch)
    with pytest.raises(AssistMimicError, match=r"no .* term 'load_on_hands' here; it needs my_terms.py \(sha256"):
        check_fit(bundle, pair)
    Path("my_terms.py").write_text(shown("python") + "# and a change\n")
    files.import_terms(Path("my_terms.py"))
    with pytest.raises(AssistMimicError, match="not the one it was trained with"):
        check_fit(bundle, pair)


def test_a_file_that_fails_is_one_line_and_names_are_taken_once(tmp_path, apart):
    """Say where it failed; a name that is taken, and a parameter without a default, are refused."""
    for text, message in (
        ("x = 1\ny = 1 / 0\n", r"bad.py:2: ZeroDivisionError"),
        ("from controller_server.terms import reward\n\n@reward()\ndef fine(c):\n    return 1\n\n1 / 0\n", "bad.py:7"),
        ("from controller_server.terms import reward\n\n@reward()\ndef power(c):\n    return 1\n", "name already"),
        ("from controller_server.terms import reward\n\n@reward()\ndef a(c, *, x):\n    return 1\n", "needs a default"),
        ("from controller_server.terms import reward\n\n@reward(needs=('luck',))\ndef b(c):\n    return 1\n", "'luck'"),
        ("from controller_server.terms import reward\n\n@reward\ndef b(c):\n    return 1\n", r"write .* @reward\(\)"),
        ("from controller_server.terms import reward\n\n@reward(needs='forces')\ndef b(c):\n    return 1\n", "is text"),
        (
            "from controller_server.terms import reward\n\n@reward()\ndef b(c, x=1.0):\n    return x\n",
            r"`\*,` before x",
        ),
        ("import sys\n\nsys.exit(3)\n", "bad.py:3: SystemExit: 3"),
        ("from controller_server.terms import event\n\n@event()\ndef b(c):\n    return 1\n", "none of setup, start"),
    ):
        (tmp_path / "bad.py").write_text(text)
        with pytest.raises(AssistMimicError, match=message):
            files.import_terms(tmp_path / "bad.py")
    assert "fine" not in reward  # what a file added before it failed is gone
    with pytest.raises(AssistMimicError, match="cannot be read"):
        files.import_terms(tmp_path / "none.py")


def test_only_the_servers_configuration_names_files(tmp_path, monkeypatch):
    """Workers inherit what `server.yaml` says, relative to it, and nothing else; reading a bundle runs nothing."""
    monkeypatch.delenv(TERMS_VARIABLE, raising=False)
    (tmp_path / "my_terms.py").write_text("raise RuntimeError('run')")
    (tmp_path / "server.yaml").write_text("terms: [my_terms.py]\n")
    options = read_config(tmp_path / "server.yaml")
    given = Policies(options.bundles, options.terms).environment()[TERMS_VARIABLE]
    assert given.split(os.pathsep) == [str(tmp_path / "my_terms.py")]
    assert TERMS_VARIABLE not in Policies(()).environment()
    (tmp_path / "server.yaml").write_text("terms: my_terms.py\n")
    with pytest.raises(AssistMimicError, match="terms: expected a list, got 'my_terms.py'"):
        read_config(tmp_path / "server.yaml")


def test_a_card_names_the_parameters_of_its_input(tmp_path):
    """The bundles of the repository are without, and stay as they are."""
    for folder in sorted((ROOT / "assets" / "policies").glob("*/bundle.yaml")):
        card = read_card(folder.parent)
        assert not card.observation and not card.imports
        assert not {"observation", "imports"} & set(card.to_dict())
        assert all(term.term.file is None for name in card.networks for term in card.terms(name))


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        ("c.nothing", r"reward: mine: bad.py:5: AttributeError"),
        ("None", "returned None, expected numbers of shape"),
        ("np.zeros(3)", r"shape \(3,\), expected numbers of shape \(4, 2\)"),
        ("np.full((4, 2), np.nan)", "not finite"),
    ],
)
def test_a_term_that_fails_is_one_line(tmp_path, apart, returns, message):
    """Name the term and its file where it fails while running, or gives what it must not."""
    head = "import numpy as np\nfrom controller_server.terms import reward\n@reward()\ndef own(c):\n"
    (tmp_path / "bad.py").write_text(f"{head}    return {returns}\n")
    files.import_terms(tmp_path / "bad.py")
    config = RewardConfig(supporter=expand_terms({"mine": {"term": "own"}}, "reward"))
    table = RewardTable(config, alone=False)
    context: Any = object()
    with pytest.raises(AssistMimicError, match=message):
        table(context, TermMemory(table.bound, 4), np.zeros(4, bool))
    if "nan" in returns:  # broken worlds may give anything
        assert not table(context, TermMemory(table.bound, 4), np.ones(4, bool))[0].any()


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
def test_weights_and_parameters_are_finite(value):
    """Refuse numbers that would spoil a whole training before it begins."""
    for text in (f"power: {value}", f"positions: {{params: {{sharpness: {value}}}}}"):
        with pytest.raises(AssistMimicError, match="finite number"):
            RewardConfig(supporter=yaml.safe_load(text))
