"""Strategies: one file each, found through `registry`."""
