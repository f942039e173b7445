"""The clip: its type, the SMPL-X skeleton, rotations, one file per format."""
