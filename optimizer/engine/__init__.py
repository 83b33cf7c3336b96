"""Backtests: the compiled kernel and what is built on it."""
