"""Checks of bars before a study may use them."""
