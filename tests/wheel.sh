#!/usr/bin/env bash
# The built wheel in an empty environment, outside the clone: what the README shows works there too.
# Usage: tests/wheel.sh WHEEL [PYTHON]
set -euo pipefail
wheel="$(realpath "$1")"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
unset PYTHONPATH ASSISTMIMIC_POLICIES
"${2:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "$wheel[cli]"
PATH="$folder/venv/bin:$PATH"

expect() { grep -q "$1" "$2" || { echo "wheel: expected '$1' in:" >&2; cat "$2" >&2; exit 1; }; }

assistmimic --version
assistmimic doctor >doctor.txt || true
assistmimic demo lower_to_chair --out demo >demo.txt 2>&1
expect "open demo/report.html" demo.txt
test -s demo/report.html
assistmimic convert assets/clips/pull_up.npz out.npz --controller policy --recipient-strength weak --json >policy.json 2>policy.txt
expect '"policy": "helpers"' policy.json
assistmimic info out.npz >info.txt
assistmimic strip steady strip.png >/dev/null
assistmimic info assets/policies/prior >prior.txt
expect "policy prior" prior.txt
python - <<'PY'
from controller_server import __version__
from importlib.metadata import version
assert version("assistmimic") == __version__
PY
echo "the wheel $(basename "$wheel") works by itself"
