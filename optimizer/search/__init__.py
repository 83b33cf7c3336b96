"""Search for good parameter sets: samplers, scoring, the loop."""
