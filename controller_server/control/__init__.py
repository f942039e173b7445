"""Controllers: from a prepared clip to joint targets and the motion they make."""
