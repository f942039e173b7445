"""All choices of a training run, and configurations of earlier versions."""
