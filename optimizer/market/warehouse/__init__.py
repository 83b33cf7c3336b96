"""Bars and features in one DuckDB file."""
