"""Measurements, never tests: each module prints a table and passes or fails nothing."""
