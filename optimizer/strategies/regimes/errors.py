"""Errors of splits by regime: UserError ← SplitError ← TooManySplits, SplitTwice, NotSplittable, TooLittleStress."""

from optimizer.errors import UserError


class SplitError(UserError):
    """A split by regime that is not offered, or that the bars do not allow."""


class TooManySplits(SplitError):
    """Raised for more than two parameters. Facts: names, most."""


class SplitTwice(SplitError):
    """Raised for a parameter that is named twice. Facts: name."""


class NotSplittable(SplitError):
    """Raised for a parameter without a second value. Facts: name, reason, known (those that can have one)."""


class TooLittleStress(SplitError):
    """Raised where the searched bars have too few in stress. Facts: symbol, have, need."""
