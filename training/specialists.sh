#!/usr/bin/env bash
# Train a specialist for each clip, one after the other, and write its bundle. Kill it whenever you like: started again
# it goes on where it was, and what is finished is passed over.
#
#   training/specialists.sh [CLIP ...]         names of bundled clips, files, or data:...; the bundled ones by default
#
# STEPS pair-steps each, PRIOR a bundle or run to start from, THREADS of each, RUNS and POLICIES the folders.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- pull_up lift_under_arms lower_to_chair floor_to_stand steady walk_arm_in_arm
RUNS=${RUNS:-runs} POLICIES=${POLICIES:-assets/policies} BIN=${BIN:-.venv/bin}
for clip in "$@"; do
  name=$(basename "${clip#data:}" .npz)
  file=$clip
  [ -f "assets/clips/$clip.npz" ] && file=assets/clips/$clip.npz
  [ -f "$RUNS/$name/bundle/bundle.yaml" ] && continue
  nice -n 15 "$BIN/assistmimic" train specialist training/configs/specialist.yaml --clips "$file" --resume \
    --out "$RUNS/$name" --threads "${THREADS:-0}" ${STEPS:+--steps "$STEPS"} ${PRIOR:+--prior "$PRIOR"}
  mkdir -p "$POLICIES/$name"
  cp "$RUNS/$name/bundle/"* "$POLICIES/$name/"
done
