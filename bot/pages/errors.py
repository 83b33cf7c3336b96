"""What a page may refuse, in words and with the HTTP status that fits."""

from collections.abc import Mapping

from bot.access.roster import Denied
from bot.access.sign_in import LinkExpired, NotMyLink, SignInNeeded
from optimizer.errors import SomethingBroke, Unavailable, UnknownSymbol, UserError
from optimizer.studies.service import UnknownStudy


class Forged(UserError):
    """A request that did not come from one of our pages."""


class NoSuchPage(UserError):
    """An address without a page."""


class ReadOnly(UserError):
    """The dashboard was asked to change something."""


class NotThisWay(UserError):
    """A method that the address does not have."""


class FormTooLong(UserError):
    """A body that is longer than any of our forms."""


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
    SomethingBroke: 500,
    Unavailable: 503,
}


def status_of(error: UserError) -> int:
    """The HTTP status of a refusal; 400 where the visitor asked for something that cannot be."""
    return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 400)
