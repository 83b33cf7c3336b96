"""Rows that are fitted: what is said of a bar comes from a fit on bars before it."""
