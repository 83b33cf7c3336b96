"""Probabilities of the next bars: features, labels, models refitted walk-forward, calibration, and how good it is."""
