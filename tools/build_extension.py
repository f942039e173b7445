"""Build the Blender extension: one zip for each platform, with every wheel it needs inside.

Runs with plain Python, pip and a connection to a package index; no Blender. The project's core goes in as a wheel made
here from `controller_server/`, so that there is one source of it. Third-party wheels are pinned with their hashes in
`blender_addon/wheels.txt` and cached in `build/wheels`.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ADDON, CORE = ROOT / "blender_addon", ROOT / "controller_server"
WHEEL_CACHE = ROOT / "build" / "wheels"
PYTHONS = ("3.11", "3.13")
"""Python versions of Blender 4.2 to 5.0, and of 5.1 onwards."""
ENDS_BEFORE = {"3.11": "5.1.0"}
"""First Blender that comes with another Python."""
OTHER_PYTHONS = ("3.14",)
"""Python versions of Blenders that Linux distributions build themselves; `wheels.txt` has their wheels for Linux."""
DEMO_CLIP = ROOT / "assets" / "clips" / "pull_up.npz"
MANUAL = ROOT / "docs" / "blender.md"
POLICIES = ROOT / "assets" / "policies"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same content makes the same zip
_NOT_SHIPPED = ("__pycache__", "wheels.txt")


@dataclass(frozen=True)
class Platform:
    """A platform in Blender's words and in those of wheel names."""

    name: str
    tags: tuple[str, ...]


PLATFORMS = (
    Platform("linux-x64", ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")),
    Platform("windows-x64", ("win_amd64",)),
    Platform("macos-arm64", ("macosx_11_0_arm64",)),
)


class BuildError(RuntimeError):
    """One sentence on what stands in the way of a build."""


def _files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part in _NOT_SHIPPED for part in path.relative_to(folder).parts)
    )


def _write_zip(target: Path, members: Mapping[str, bytes]) -> None:
    """Write named contents in the given order; wheels are stored as they are, they are compressed already."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_STORED if name.endswith(".whl") else zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)


def version() -> str:
    """Return the project's version, which the manifest has to agree with. Raises BuildError."""
    found = []
    for path, name in ((CORE / "core" / "version.py", "__version__ ="), (ADDON / "blender_manifest.toml", "version =")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found.append(next(line.split('"')[1] for line in lines if line.startswith(name)))
    if found[0] != found[1]:
        raise BuildError(f"the package says version {found[0]}, blender_manifest.toml {found[1]}; make them agree")
    return found[0]


def core_wheel(folder: Path) -> Path:
    """Return the project's core as a wheel.

    Its version ends in a hash of its content: Blender keeps an installed wheel of the same name and version, and would
    go on using the core of the zip before.
    """
    content = {f"controller_server/{path.relative_to(CORE).as_posix()}": path.read_bytes() for path in _files(CORE)}
    digest = hashlib.sha256()
    for name, data in content.items():
        digest.update(name.encode() + b"\0" + data)
    full = f"{version()}+{digest.hexdigest()[:10]}"
    info = f"assistmimic-{full}.dist-info"
    content |= {f"{info}/licenses/{name}": (ROOT / name).read_bytes() for name in ("LICENSE", "NOTICE")}
    content[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.4\nName: assistmimic\nVersion: {full}\nLicense-Expression: Apache-2.0\n"
    ).encode()
    content[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: assistmimic\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = [f"{name},sha256={_record_hash(data)},{len(data)}" for name, data in content.items()]
    content[f"{info}/RECORD"] = ("\n".join([*record, f"{info}/RECORD,,"]) + "\n").encode()
    target = folder / f"assistmimic-{full}-py3-none-any.whl"
    _write_zip(target, content)
    return target


def _record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def third_party_wheels(platform: Platform, pythons: Sequence[str]) -> list[Path]:
    """Return the pinned wheels for a platform, downloaded once. Raises BuildError."""
    wheels: dict[str, Path] = {}
    pins = hashlib.sha256((ADDON / "wheels.txt").read_bytes()).hexdigest()[:10]
    for python in pythons:
        folder = WHEEL_CACHE / f"{pins}-{platform.name}-{python}"
        if not (folder / "complete").exists():
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            command += ["--only-binary=:all:", "--require-hashes", "--python-version", python, "--dest", str(folder)]
            for tag in platform.tags:
                command += ["--platform", tag]
            done = subprocess.run([*command, "-r", str(ADDON / "wheels.txt")])
            if done.returncode:
                raise BuildError(f"{platform.name}, Python {python}: pip could not fetch the wheels, see above")
            (folder / "complete").touch()
        wheels |= {path.name: path for path in sorted(folder.glob("*.whl"))}
    return list(wheels.values())


def manifest(platform: Platform, wheels: Iterable[Path], pythons: Sequence[str] = PYTHONS) -> bytes:
    """Return the manifest of one zip: top-level entries have to stand before the first table.

    With the wheels of one Python alone there is nothing to choose from, so that older releases take them as well.
    """
    text = (ADDON / "blender_manifest.toml").read_text(encoding="utf-8")
    if len(pythons) == 1:
        newest = ENDS_BEFORE.get(pythons[0])
        versions = 'blender_version_min = "4.2.0"' + (f'\nblender_version_max = "{newest}"' if newest else "")
        text = re.sub(r"^blender_version_min = .*$", versions, text, flags=re.MULTILINE)
    listed = "".join(f'  "./wheels/{path.name}",\n' for path in wheels)
    top = f'platforms = ["{platform.name}"]\nwheels = [\n{listed}]\n'
    head, table, rest = text.partition("\n[")
    return f"{head}\n{top}{table}{rest}".encode()


def build(platform: Platform, out: Path, pythons: Sequence[str] = PYTHONS) -> Path:
    """Build the zip of a platform. Raises BuildError."""
    wheels = [*third_party_wheels(platform, pythons), core_wheel(WHEEL_CACHE)]
    members = {"blender_manifest.toml": manifest(platform, wheels, pythons)}
    for path in _files(ADDON):
        members.setdefault(path.relative_to(ADDON).as_posix(), path.read_bytes())
    members |= {f"assets/{path.name}": path.read_bytes() for path in (DEMO_CLIP, MANUAL)}
    members |= {
        f"assets/policies/{path.relative_to(POLICIES).as_posix()}": path.read_bytes() for path in _files(POLICIES)
    }
    members |= {f"wheels/{path.name}": path.read_bytes() for path in wheels}
    alone = f"-python{pythons[0]}" if len(pythons) == 1 else ""
    target = out / f"assistmimic-{version()}-{platform.name}{alone}.zip"
    _write_zip(target, members)
    return target


def find_validator() -> Path | None:
    """Blender's own extension tool, which every bpy wheel carries, in an environment of this checkout."""
    pattern = ".venv*/**/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"
    found = sorted(ROOT.glob(pattern))
    return found[-1] if found else None


def validate(archive: Path, validator: Path) -> None:
    """Let Blender's tool judge a zip. Raises BuildError."""
    command = [sys.executable, str(validator), "validate", str(archive)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or "error" in (done.stdout + done.stderr).lower():
        raise BuildError(f"{archive.name} is not a valid extension:\n{done.stdout}{done.stderr}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, validate where the tool for it is there, and say how large each zip is."""
    parser = argparse.ArgumentParser(description="Build the Blender extension, one zip for each platform.")
    parser.add_argument("--platform", choices=[p.name for p in PLATFORMS], action="append", help="default: all")
    parser.add_argument(
        "--python",
        choices=(*PYTHONS, *OTHER_PYTHONS),
        action="append",
        help="wheels for this Python alone: 3.11 for Blender before 4.2.13, others for Blenders of distributions",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--validator", type=Path, help="blender_ext.py of a Blender; default: that of a bpy wheel here")
    options = parser.parse_args(arguments)
    validator = options.validator or find_validator()
    try:
        for platform in PLATFORMS:
            if options.platform and platform.name not in options.platform:
                continue
            archive = build(platform, options.out, options.python or PYTHONS)
            if validator:
                validate(archive, validator)
            verdict = "validated" if validator else "not validated, no bpy wheel here"
            print(f"{archive}  {archive.stat().st_size / 1e6:.1f} MB, {verdict}")
    except BuildError as error:
        print(f"build_extension: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
