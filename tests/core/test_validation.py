"""Plain values as what type annotations say, and the sentences where they are not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from controller_server.core.constraints import Accepts, Length, Matches, OneOf, Range, ReadBy, Shape
from controller_server.core.errors import AssistMimicError, BundleError, SettingsError
from controller_server.core.validation import OPTIONAL, Where, build, check_fields, convert


class Colour(Enum):
    """An enumeration."""

    RED = "red"
    GREEN = "green"


def _even(value: int) -> None:
    if value % 2:
        raise AssistMimicError(f"{value} is odd")


@dataclass(frozen=True)
class Wheel:
    """An inner dataclass."""

    radius: Annotated[float, Range(0, 2, "m", above=True)] = 0.3
    spokes: tuple[Annotated[int, Range(1)], ...] = ()


@dataclass(frozen=True)
class Cart:
    """Everything a field may be."""

    name: Annotated[str, Matches("[a-z]+", "small letters")]
    seats: Annotated[int, Range(1, 9), Accepts(_even)] = 2
    colour: Colour = Colour.RED
    owner: str | None = None
    front: Wheel = field(default_factory=Wheel)
    wheels: Annotated[Mapping[str, Wheel], Length(0, 2)] = field(default_factory=dict)
    place: Literal["free"] | tuple[float, float] = "free"
    angle: Annotated[float, ReadBy(math.radians)] = 0.0
    folder: Path = Path()
    shares: Mapping[Literal["left", "right"], float] = field(default_factory=dict)
    corners: Annotated[np.ndarray, Shape(None, 2)] | None = None
    fuel: Annotated[str, OneOf(("oats", "hay"))] = "hay"
    sound: Annotated[bool, OPTIONAL] = False

    def __post_init__(self) -> None:
        check_fields(self)
        if self.owner == "nobody":
            raise AssistMimicError("owner: nobody owns a cart")


def test_plain_values_become_what_the_types_say() -> None:
    """Fill nested dataclasses, enumerations, mappings, tuples and arrays; keep defaults; take what is built already."""
    values = {
        "name": "cart",
        "colour": "green",
        "wheels": {"left": {"radius": "5e-1", "spokes": [3, 4]}},
        "place": [1, 2.5],
        "angle": 180,
        "folder": "here",
        "corners": [[0, 1], [2, 3]],
    }
    cart = build(Cart, values, "cart.yaml")
    assert cart.colour is Colour.GREEN and cart.wheels == {"left": Wheel(0.5, (3, 4))} and cart.front == Wheel()
    assert cart.place == (1.0, 2.5) and cart.angle == pytest.approx(math.pi) and cart.folder == Path("here")
    assert cart.corners is not None and cart.corners.shape == (2, 2) and cart.corners.dtype == float
    assert build(Cart, cart, "cart.yaml") is cart


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"nme": "a"}, "no entry 'nme'; did you mean name?"),
        ({"radius": 1}, "no entry 'radius' here; did you mean front.radius?"),
        ({"xyz": 1}, "no entry 'xyz'; there are name, seats, colour"),
        ({"seats": 3.0}, "seats: expected a whole number, got 3.0"),
        ({"seats": True}, "seats: expected a whole number, got True"),
        ({"seats": 12}, "seats: 12 is outside 1-9"),
        ({"seats": 3}, "seats: 3 is odd"),
        ({"name": "A"}, "name: 'A' is not small letters"),
        ({"colour": "gren"}, "colour: 'gren' is none of red, green; did you mean green?"),
        ({"front": 3}, "front: expected names and values, got 3"),
        ({"front": {"radius": 0}}, "front.radius: 0 m is not above 0, at most 2"),
        ({"front": {"radius": math.nan}}, "front.radius: expected a finite number, got nan"),
        ({"front": {"radius": "wide"}}, "front.radius: expected a number, got 'wide'"),
        ({"front": {"spokes": [2, 0]}}, "front.spokes[1]: 0 is not 1 or more"),
        ({"wheels": {"left": {"spoke": 1}}}, "wheels.left: no entry 'spoke'; did you mean spokes?"),
        ({"wheels": dict.fromkeys("abc", {})}, "wheels: has 3 entries, expected 0-2"),
        ({"place": "fre"}, "place: expected 'free' or a list of 2, got 'fre'"),
        ({"place": [1]}, "place: expected 2 values, got [1]"),
        ({"shares": {"lft": 1}}, "shares: no entry 'lft'; did you mean left?"),
        ({"corners": [[1, 2, 3]]}, "corners: has shape (1, 3), expected (any, 2)"),
        ({"corners": [[1, math.inf]]}, "corners: holds numbers that are not finite"),
        ({"corners": "square"}, "corners: expected an array of numbers, got 'square'"),
        ({"fuel": "hat"}, "fuel: 'hat' is none of oats, hay; did you mean hay?"),
        ({"owner": "nobody"}, "owner: nobody owns a cart"),
        ({"folder": "x" * 100, "sound": "x" * 100}, "sound: expected true or false, got 'xxxxxxxxxxxxx"),
        ([1, 2], "expected names and values, got [1, 2]"),
    ],
)
def test_what_does_not_fit_is_one_sentence(values: Any, told: str) -> None:
    """Name source and path, what stands there, what is wanted, and the name that was probably meant."""
    given = {"name": "cart", **values} if isinstance(values, dict) else values
    with pytest.raises(SettingsError) as error:
        build(Cart, given, "cart.yaml")
    assert str(error.value).startswith(f"cart.yaml: {told}")
    assert "\n" not in str(error.value) and len(str(error.value)) < 300


def test_what_is_missing_is_named() -> None:
    """Name a field without a default that was not given."""
    with pytest.raises(SettingsError, match=r"^cart.yaml: name is missing$"):
        build(Cart, {"seats": 2}, "cart.yaml")


def test_a_place_says_how_strict_to_be() -> None:
    """Raise the class it names; take no text for a number where strict; ask for all fields where complete."""
    strict = Where("message", error=BundleError, strict=True)
    assert convert(float, "3e-4", Where()) == 3e-4 and convert(str, 0.5, Where()) == "0.5"
    with pytest.raises(BundleError, match="^message: expected a number, got '3e-4'$"):
        convert(float, "3e-4", strict)
    with pytest.raises(BundleError, match="^message: expected text, got 0.5$"):
        convert(str, 0.5, strict)
    complete = {name: getattr(Cart("cart"), name) for name in Cart.__dataclass_fields__ if name != "sound"}
    assert build(Cart, complete | {"corners": None}, Where("card", complete=True)) == Cart("cart")
    with pytest.raises(SettingsError, match=r"^card: fuel is missing$"):
        build(Cart, {name: v for name, v in complete.items() if name != "fuel"}, Where("card", complete=True))


def test_a_dataclass_checks_itself() -> None:
    """Refuse a value that is passed in Python as one from a file is refused."""
    with pytest.raises(SettingsError, match=r"^seats: 0 is outside 1-9$"):
        Cart("cart", seats=0)
    with pytest.raises(AssistMimicError, match=r"^spokes\[0\]: 0 is not 1 or more$"):
        check_fields(Wheel(spokes=(0,)))
