"""Indicators and the conditions on them that strategies ask for."""
