"""The prepared clip as states and joint targets, inverse dynamics, and retargeting of the supporter's hands."""
