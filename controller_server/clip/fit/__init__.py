"""From captured joints to an SMPL-X skeleton and motion."""
