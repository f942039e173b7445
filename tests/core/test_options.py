"""Options of a command line made from dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from controller_server.core.constraints import Range
from controller_server.core.docstrings import attribute_texts
from controller_server.core.errors import SettingsError
from controller_server.core.options import Arg, list_options, parse
from controller_server.core.validation import check_fields


class Size(Enum):
    """An enumeration."""

    SMALL = "small"
    LARGE = "large"


@dataclass(frozen=True)
class Oven:
    """An inner dataclass.

    Attributes:
        heat: How hot, 50 %
            and more.
        fan: Whether it blows.
    """

    heat: Annotated[float, Range(50, 300)] = 180.0
    fan: bool = True

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class Tree:
    """What is given by path.

    Attributes:
        top: On top.
        inner: Within.
    """

    top: int
    inner: Oven = field(default_factory=Oven)


@dataclass(frozen=True)
class Cook:
    """Another command."""

    spice: int = 0


def _tree() -> Any:
    return Tree


@dataclass(frozen=True)
class Bake:
    """Bake a cake.

    Attributes:
        kind: Of cake.
        files: What to bake.
        size: How large.
        eggs: Of hens.
        note: Free text.
        out: Where to.
        oven: In which oven.
        deep: Options of the oven by path.
    """

    kind: Annotated[Literal["sweet", "salty"], Arg(positional=True)]
    files: Annotated[tuple[Path, ...], Arg("IN OUT", positional=True)]
    size: Size = Size.SMALL
    eggs: Annotated[tuple[int, ...], Arg("EGG")] = (1, 2)
    note: Annotated[str | None, Arg("NOTE", name="remark")] = None
    oven: Oven = field(default_factory=lambda: Oven(heat=200.0))
    deep: Annotated[Mapping[str, Any], Arg(tree=_tree)] = field(default_factory=dict)


def test_arguments_become_a_dataclass() -> None:
    """Take positionals anywhere, lists, switches, values of nested dataclasses beside their own defaults, and paths."""
    assert parse(Bake, ["sweet", "a"], "bake") == Bake("sweet", (Path("a"),))
    words = "salty a --size large b --eggs 3 4 --no-fan --remark=x --inner.heat 90 --no-inner.fan --top 3"
    assert parse(Bake, words.split(), "bake") == Bake(
        "salty",
        (Path("a"), Path("b")),
        Size.LARGE,
        (3, 4),
        "x",
        Oven(200.0, fan=False),
        {"top": 3, "inner.heat": 90.0, "inner.fan": False},
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "missing: {sweet,salty}, IN OUT; see bake --help"),
        ("sweet", "missing: IN OUT; see bake --help"),
        ("sour a", "kind: 'sour' is none of sweet, salty"),
        ("sweet a --heat 400", "--heat: 400 is outside 50-300"),
        ("sweet a --inner.heat 400", "--inner.heat: 400 is outside 50-300"),
        ("sweet a --heat hot", "--heat: expected a number, got 'hot'"),
        ("sweet a --eggs 1 two", "--eggs[1]: expected a whole number, got 'two'"),
        ("sweet a --heat", "--heat: expected one argument; see bake --help"),
        ("sweet a --haet 3", "no option --haet; did you mean --heat? See bake --help"),
        ("sweet a --spice 3", "no option --spice here, it is one of cook; see bake --help"),
        ("sweet a --topp 3", "no option --topp; did you mean --top? See bake --help"),
        ("sweet a -x", "no option -x; see bake --help"),
    ],
)
def test_what_is_wrong_is_one_sentence(words: str, told: str) -> None:
    """Name the option, and the one that was probably meant."""
    with pytest.raises(SettingsError) as error:
        parse(Bake, words.split(), "bake", {"bake": Bake, "cook": Cook})
    assert str(error.value) == told


def test_help_explains_every_option(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Print usage, headings, meanings that run over lines, choices and defaults."""
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as stop:
        parse(Bake, ["--help"], "bake")
    text = " ".join(capsys.readouterr().out.split())
    assert stop.value.code == 0 and text.startswith("usage: bake [OPTIONS] {sweet,salty} IN OUT Bake a cake.")
    assert "positional arguments: {sweet,salty} Of cake." in text
    for part in (
        "--size {small,large} How large. (default: small)",
        "--eggs [EGG ...] Of hens. (default: 1 2)",
        "In which oven: --heat NUMBER How hot, 50 % and more. (default: 200.0)",
        "--fan, --no-fan Whether it blows. (default: True)",
        "--inner.heat NUMBER How hot, 50 % and more. --inner.fan",
        "--remark NOTE Free text.",
    ):
        assert part in text
    assert all(option.meaning for option in list_options(Bake))
    assert attribute_texts(Oven) == {"heat": "How hot, 50 % and more.", "fan": "Whether it blows."}
