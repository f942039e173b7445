#!/usr/bin/env bash
# Build the extension and test the zip in every bpy environment there is: .venv-bpy-4.2, .venv-bpy-4.5, ...
# Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/../.."
.venv/bin/python tools/build_extension.py --platform linux-x64
found=0
for environment in .venv-bpy-*; do
  [ -x "$environment/bin/pytest" ] || continue
  found=1
  echo "== $environment"
  # Neither the checkout nor tests/conftest.py may be imported: what is tested is the zip.
  "$environment/bin/pytest" -q -p no:cacheprovider --confcutdir=tests/blender tests/blender "$@"
done
[ "$found" = 1 ] || { echo "no .venv-bpy-* here; make them with: make bpy" >&2; exit 1; }
