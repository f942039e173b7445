"""Each family of errors is raised for a real mistake, and all of them are AssistMimicErrors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import controller_server
from controller_server import (
    AssistMimicError,
    BundleError,
    ClipError,
    EngineError,
    FileError,
    ServiceError,
    SettingsError,
    TermError,
)
from controller_server.authoring.parse import parse_script
from controller_server.clip.io.formats import read_clip
from controller_server.control.policy.bundle import read_bundle
from controller_server.core.yaml_file import read_yaml
from controller_server.physics.engines import check_engine
from controller_server.pipeline.settings import ConvertSettings
from controller_server.service.protocol.messages import FROM_CLIENT, decode
from controller_server.terms import observation


@pytest.mark.parametrize(
    ("mistake", "family"),
    [
        (lambda folder: read_yaml(folder / "no.yaml"), FileError),
        (lambda _: parse_script({"keys": []}), ClipError),
        (lambda folder: read_clip([folder / "clip.xyz"]), ClipError),
        (lambda _: ConvertSettings(seed=-1), SettingsError),
        (lambda _: observation["no_such_term"], TermError),
        (lambda folder: read_bundle(folder / "nowhere"), BundleError),
        (lambda _: check_engine("no_such_engine"), EngineError),
        (lambda _: decode([], FROM_CLIENT), ServiceError),
    ],
)
def test_each_family_is_raised_for_its_mistake(
    mistake: Callable[[Path], object], family: type[AssistMimicError], tmp_path: Path
) -> None:
    """Raise the class that says what has to be mended."""
    with pytest.raises(family):
        mistake(tmp_path)


def test_every_family_is_exported_and_documented() -> None:
    """Export each direct child of AssistMimicError defined in `core.errors`, with a docstring."""
    families = [kind for kind in AssistMimicError.__subclasses__() if kind.__module__ == AssistMimicError.__module__]
    assert len(families) >= 7
    assert all(getattr(controller_server, kind.__name__) is kind and kind.__doc__ for kind in families)
