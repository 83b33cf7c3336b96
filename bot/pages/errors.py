"""Errors of the pages, with the HTTP status of each."""

from collections.abc import Mapping

from bot.access.roster import Denied
from bot.access.sign_in import LinkExpired, NotMyLink, SignInNeeded
from optimizer.errors import SomethingBroke, Unavailable, UnknownSymbol, UserError
from optimizer.studies.finding import UnknownStudy


class Forged(UserError):
    """Raised for a form that did not come from one of our pages."""


class NoSuchPage(UserError):
    """Raised for an address without a page."""


class ReadOnly(UserError):
    """Raised when the dashboard would change something."""


class NotThisWay(UserError):
    """Raised for a method that the address does not have."""


class FormTooLong(UserError):
    """Raised for a body that is longer than any of our forms."""


class TooManyOpen(UserError):
    """Raised when a person follows too many studies at once. Facts: limit."""


#: The status of each kind of refusal; of the classes that fit, the first.
STATUSES: Mapping[type[UserError], int] = {
    SignInNeeded: 401,
    NotMyLink: 403,
    LinkExpired: 410,
    Forged: 403,
    Denied: 403,
    NoSuchPage: 404,
    UnknownStudy: 404,
    UnknownSymbol: 404,
    NotThisWay: 405,
    ReadOnly: 405,
    FormTooLong: 413,
    TooManyOpen: 429,
    SomethingBroke: 500,
    Unavailable: 503,
}


def status_of(error: UserError) -> int:
    """Return the HTTP status of an error; 400 for a request that cannot be done."""
    return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 400)
