"""For libraries that use what pandas 3.1 deprecates (exchange_calendars 4.13, yfinance 1.7): none of it is ours."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def deprecations_ignored() -> Iterator[None]:
    """Calls of such a library go without its deprecation warnings, also where warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
