"""Validation of results: statistics, walk-forward, verdict."""
