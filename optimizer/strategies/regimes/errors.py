"""Errors of splits by regime.

BadValue ← SplitError    TooManySplits · SplitTwice · NotSplittable
BadData                  TooLittleStress
"""

from optimizer.errors import BadData, BadValue


class SplitError(BadValue):
    """A split by regime that is not offered."""


class TooManySplits(SplitError):
    """Raised for more than two parameters. Facts: names, most."""


class SplitTwice(SplitError):
    """Raised for a parameter that is named twice. Facts: name."""


class NotSplittable(SplitError):
    """Raised for a parameter without a second value. Facts: name, reason, known (those that can have one)."""


class TooLittleStress(BadData):
    """Raised where the searched bars have too few in stress. Facts: symbol, have, need."""
