"""Strategies whose parameters differ by regime."""
