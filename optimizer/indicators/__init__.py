"""Indicators, and the conditions on them that strategies are made of."""
