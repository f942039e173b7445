"""Evaluation of policies: many trials with noise, judged as conversions are. Needs no torch."""
