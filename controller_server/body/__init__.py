"""From a skeleton to a simulated body: shapes, muscles, strength, the pair as a model."""
