"""How good policies are: many trials with noise, judged as conversions are. Needs no torch."""
