"""The workshop of the project's own figure: distances of its parts, marching cubes, a simpler mesh, weights.

`python -m tools.figure` writes `controller_server/figure/figure.npz`; it needs scikit-image, fast-simplification and
scipy, which nothing else here does at this place.
"""
