"""Pictures and films without a graphics library: triangles drawn, lit and shadowed in numpy."""
