"""Errors of requests, and pydantic's errors translated into them.

UserError
├── Denied          NoKey · BadKey · TooManyGuesses · KeyTooSmall
└── RequestError    NotJson · NotANumberOfJson · HalfACharacter · NamedTwice · TooDeep · TooLarge
    │               NotJsonType · NoSuchPath · WrongMethod · NotOffered · BadCursor · KeyReused · NotInChannel
    │               ChannelNotGranted · TooManyStreams
    └── (fields)    MissingField · UnknownField · OneOf · RuleNotConfirmed · NotACap · NotText · NotAList · NotAnObject
                    NotTrueOrFalse · TooMany · BelowBound · AboveBound · UnfitField · SeveralFields
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.access.roster import Denied
from bot.grammar.errors import NotWhole, TextTooLong
from optimizer.errors import NotANumber, UnknownWord, UserError, WrongChoice


class NoKey(Denied):
    """Raised when a request has no key."""


class BadKey(Denied):
    """Raised when a key is unknown or revoked."""


class TooManyGuesses(Denied):
    """Raised for another wrong key from an address that has sent many."""


class KeyTooSmall(Denied):
    """Raised when the key's role is too low. Facts: what, role, key, own."""


class RequestError(UserError):
    """Raised for a request that cannot be done as it was sent; nothing was started."""


class NotJson(RequestError):
    """Raised when the body is not JSON. Facts: at."""


class NotANumberOfJson(RequestError):
    """Raised for NaN, infinity, and a number that no computer number is as great as. Facts: word."""


class HalfACharacter(RequestError):
    """Raised for a surrogate without its other half in a text. Facts: at."""


class NamedTwice(RequestError):
    """Raised when an object has a name twice. Facts: word."""


class TooDeep(RequestError):
    """Raised when the body is nested too deeply. Facts: limit."""


class TooLarge(RequestError):
    """Raised when the body is too long. Facts: limit."""


class NotJsonType(RequestError):
    """Raised when the content type is not JSON. Facts: word."""


class NoSuchPath(RequestError):
    """Raised for a path that does not exist. Facts: word."""


class WrongMethod(RequestError):
    """Raised for a method that a path does not have. Facts: word."""


class NotOffered(RequestError):
    """Raised when none of the accepted formats is available. Facts: word, known."""


class MissingField(RequestError):
    """Raised when a required field is missing. Facts: field."""


class OneOf(RequestError):
    """Raised when two alternative fields are both given. Facts: field, other."""


class RuleNotConfirmed(RequestError):
    """Raised for a rule that was not seen as it was understood. Facts: rule, parameters, nearest (its digest)."""


class NotACap(RequestError):
    """Raised for a cap that cannot be read. Facts: word."""


class NotText(RequestError):
    """Raised when a field is not a string. Facts: field."""


class NotAList(RequestError):
    """Raised when a field is not a list. Facts: field."""


class NotAnObject(RequestError):
    """Raised when a field is not an object. Facts: field."""


class NotTrueOrFalse(RequestError):
    """Raised when a field is not a boolean. Facts: field."""


class TooMany(RequestError):
    """Raised when a list has too many items. Facts: field, limit."""


class BelowBound(RequestError):
    """Raised when a number is below its lower bound. Facts: field, low, value."""


class AboveBound(RequestError):
    """Raised when a number is above its upper bound. Facts: field, high, value."""


class UnfitField(RequestError):
    """Fallback for validation errors without a specific sentence. Facts: field, reason (English)."""


class SeveralFields(RequestError):
    """Raised when more than one field is wrong. Facts: n."""


class BadCursor(RequestError):
    """Raised for a cursor that this API did not return. Facts: word."""


class KeyReused(RequestError):
    """Raised when an idempotency key comes again with another request. Facts: word."""


class SlackOff(RequestError):
    """Raised for a Slack channel where the bot runs without Slack. Facts: channel."""


class NotInChannel(RequestError):
    """Raised when the bot is not a member of the channel. Facts: channel."""


class ChannelNotGranted(RequestError):
    """Raised when a key names a channel that is not public and was not granted to it. Facts: channel, key."""


class TooManyStreams(RequestError):
    """Raised when a key has too many open event streams. Facts: key, limit."""


class UnknownField(RequestError, UnknownWord):
    """Raised for a field that does not exist. Facts: word, known, nearest."""


Fault = Mapping[str, Any]
#: Names by which pydantic lists the union members it tried; here all are numbers.
TRIED = frozenset(("int", "float", "constrained-float", "str"))
_Maker = Callable[[str, Fault], UserError]


def error_of_fault(fault: Fault, known: Sequence[str]) -> UserError:
    """Translate pydantic's fault into an error. `known` are the valid names where one is unknown."""
    origin, kind = [str(name) for name in fault["loc"]], str(fault["type"])
    if origin[-1] in TRIED:
        return _not_a_number(origin[-2], fault)
    field = next(name for name in reversed(origin) if not name.isdecimal())
    if kind == "extra_forbidden":
        return UnknownField.of(field, known)
    make = _MAKERS.get(kind)
    return make(field, fault) if make else UnfitField(field=field, reason=str(fault["msg"]).lower())


def _value(fault: Fault) -> str:
    """Return what was sent, shortened to fit a sentence."""
    value = fault.get("input")
    return str(value)[:60] if isinstance(value, str | int | float) else type(value).__name__


def _not_whole(field: str, fault: Fault) -> UserError:
    return NotWhole(name=field, value=_value(fault), nearest="")


def _not_a_number(field: str, fault: Fault) -> UserError:
    return NotANumber(name=field, value=_value(fault))


def _not_an_object(field: str, fault: Fault) -> UserError:
    return NotAnObject(field=field)


def _wrong_choice(field: str, fault: Fault) -> UserError:
    choices = str(fault["ctx"]["expected"]).replace("'", "").replace(" or ", ", ")
    return WrongChoice(name=field, choices=choices, value=_value(fault))


_MAKERS: Mapping[str, _Maker] = {
    "missing": lambda field, _: MissingField(field=field),
    "int_type": _not_whole,
    "int_parsing": _not_whole,
    "int_parsing_size": _not_whole,
    "int_from_float": _not_whole,
    "float_type": _not_a_number,
    "float_parsing": _not_a_number,
    "finite_number": _not_a_number,
    "string_type": lambda field, _: NotText(field=field),
    "bool_type": lambda field, _: NotTrueOrFalse(field=field),
    "bool_parsing": lambda field, _: NotTrueOrFalse(field=field),
    "tuple_type": lambda field, _: NotAList(field=field),
    "list_type": lambda field, _: NotAList(field=field),
    "mapping_type": _not_an_object,
    "dict_type": _not_an_object,
    "model_type": _not_an_object,
    "model_attributes_type": _not_an_object,
    "enum": _wrong_choice,
    "too_long": lambda field, fault: TooMany(field=field, limit=fault["ctx"]["max_length"]),
    "too_short": lambda field, _: MissingField(field=field),
    "string_too_short": lambda field, _: MissingField(field=field),
    "string_too_long": lambda field, fault: TextTooLong(name=field, limit=fault["ctx"]["max_length"]),
    "greater_than_equal": lambda field, fault: BelowBound(field=field, low=fault["ctx"]["ge"], value=_value(fault)),
    "less_than_equal": lambda field, fault: AboveBound(field=field, high=fault["ctx"]["le"], value=_value(fault)),
}
