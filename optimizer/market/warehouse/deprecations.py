"""Deprecation warnings of libraries that use what pandas 3.1 deprecates (exchange_calendars 4.13, yfinance 1.7)."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def deprecations_ignored() -> Iterator[None]:
    """Ignore deprecation warnings in the block, also where warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
