"""The extension's build, as far as it needs no connection: the core's wheel, the manifest, what is shipped."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.util
import io
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from helpers.paths import ROOT


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """tools/build_extension.py as a module."""
    spec = importlib.util.spec_from_file_location("build_extension", ROOT / "tools" / "build_extension.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_core_wheel_is_whole_and_reproducible(tool: ModuleType, tmp_path: Path) -> None:
    """The wheel holds every file of the core with its right hash, twice the same, its version told by its content."""
    wheel = tool.core_wheel(tmp_path)
    first = wheel.read_bytes()
    assert tool.core_wheel(tmp_path).read_bytes() == first
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        record = next(name for name in names if name.endswith("RECORD"))
        for name, digest, size in csv.reader(io.StringIO(archive.read(record).decode())):
            if name != record:
                data = archive.read(name)
                expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                assert (digest, int(size)) == (f"sha256={expected}", len(data)), name
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "controller_server").rglob("*.py")}
    assert modules <= names and not any("__pycache__" in name for name in names)
    assert f"+{wheel.name.split('+')[1].split('-')[0]}" in record


def test_manifest_is_valid_toml_with_its_wheels(tool: ModuleType) -> None:
    """Platform and wheels are top-level entries, permissions stay a table, the licence is the GPL."""
    tomllib = pytest.importorskip("tomllib")
    platform = tool.PLATFORMS[0]
    manifest = tomllib.loads(tool.manifest(platform, [Path("x-1-py3-none-any.whl")]).decode())
    assert manifest["platforms"] == [platform.name]
    assert manifest["wheels"] == ["./wheels/x-1-py3-none-any.whl"]
    assert set(manifest["permissions"]) == {"files", "network", "clipboard"}
    assert manifest["license"] == ["SPDX:GPL-3.0-or-later"]
    assert manifest["version"] == tool.version()
    assert manifest["blender_version_min"] == "4.2.13" and "blender_version_max" not in manifest
    alone = tomllib.loads(tool.manifest(platform, [], ["3.11"]).decode())
    assert (alone["blender_version_min"], alone["blender_version_max"]) == ("4.2.0", "5.1.0")


def test_every_module_of_the_addon_says_its_licence(tool: ModuleType) -> None:
    """The extension is under the GPL, and each of its files says so in its first line."""
    for path in tool._files(tool.ADDON):
        if path.suffix == ".py":
            assert path.read_text(encoding="utf-8").startswith("# SPDX-License-Identifier: GPL-3.0-or-later"), path
    shipped = {path.name for path in tool._files(tool.ADDON)}
    assert {"LICENSE", "blender_manifest.toml"} <= shipped and "wheels.txt" not in shipped


def test_versions_that_disagree_are_refused(tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest of another version than the project's is said, not built."""
    (tmp_path / "blender_manifest.toml").write_text('schema_version = "1.0.0"\nversion = "9.9.9"\n')
    monkeypatch.setattr(tool, "ADDON", tmp_path)
    with pytest.raises(tool.BuildError, match="9.9.9"):
        tool.version()
