#!/usr/bin/env bash
# Environments with Blender as a Python module, one for each release that is tested. They hold bpy, pytest and its time
# limits, and nothing else: all the extension needs has to come out of its zip.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON311:-python3.11}
if ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
  echo "make bpy: needs Python 3.11 as '$python'; say which with: make bpy PYTHON311=/path/to/python3.11" >&2
  exit 1
fi
for release in 4.2.23 4.5.15 5.0.1; do
  environment=.venv-bpy-${release%.*}
  [ "$environment/.installed-$release" -nt tests/blender/environments.sh ] && continue
  echo "installing bpy $release into $environment; this happens once"
  [ -x "$environment/bin/python" ] || "$python" -m venv "$environment"
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check "bpy==$release" pytest pytest-timeout
  touch "$environment/.installed-$release"
done
