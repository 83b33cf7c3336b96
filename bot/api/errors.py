"""Errors of requests, and pydantic's errors translated into them.

UserError
├── Denied          NoKey · BadKey · KeyTooSmall
└── RequestError    NotJson · NotANumberOfJson · NamedTwice · TooDeep · TooLarge · NotJsonType
    │               NoSuchPath · WrongMethod · NotOffered · BadCursor · KeyReused · NotInChannel
    │               TooManyStreams
    └── (fields)    MissingField · UnknownField · OneOf · NotACap · NotText · NotAList · NotAnObject
                    NotTrueOrFalse · TooMany · BelowBound · AboveBound · UnfitField · SeveralFields
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.access.roster import Denied
from bot.grammar.errors import NotWhole, TextTooLong
from optimizer.errors import NotANumber, UnknownWord, UserError, WrongChoice


class NoKey(Denied):
    """Raised when a request has no key."""

    sentence = (
        "Send an API key: `Authorization: Bearer KEY`. Whoever runs this bot makes one with "
        "`optimize-bot keys add NAME role=runner`."
    )


class BadKey(Denied):
    """Raised when a key is unknown or revoked."""

    sentence = "This API key is not known here, or it was revoked."


class KeyTooSmall(Denied):
    """Raised when the key's role is too low."""

    sentence = (
        "`{what}` is for the role {role}; the key `{key}` has {own}. Whoever runs this bot makes another with "
        "`optimize-bot keys add NAME role={role}`."
    )


class RequestError(UserError):
    """Raised for a request that cannot be done as it was sent; nothing was started."""


class NotJson(RequestError):
    """Raised when the body is not JSON."""

    sentence = "The body is not JSON: it cannot be read from character {at} on."


class NotANumberOfJson(RequestError):
    """Raised for NaN or infinity, which JSON does not have."""

    sentence = "The body is not JSON: `{word}` is no number there."


class NamedTwice(RequestError):
    """Raised when an object has a name twice."""

    sentence = "The body names `{word}` twice in one object."


class TooDeep(RequestError):
    """Raised when the body is nested too deeply."""

    sentence = "The body nests deeper than {limit} levels."


class TooLarge(RequestError):
    """Raised when the body is too long."""

    sentence = "The body is too large; {limit} bytes are the most."


class NotJsonType(RequestError):
    """Raised when the content type is not JSON."""

    sentence = "Send the body as `application/json`, not as `{word}`."


class NoSuchPath(RequestError):
    """Raised for a path that does not exist."""

    sentence = "There is nothing at `{word}`."


class WrongMethod(RequestError):
    """Raised for a method that a path does not have."""

    sentence = "`{word}` is not possible here."


class NotOffered(RequestError):
    """Raised when none of the accepted formats is available."""

    sentence = "There is no `{word}` of this; there are {known}."


class MissingField(RequestError):
    """Raised when a required field is missing."""

    sentence = "`{field}` is missing."


class OneOf(RequestError):
    """Raised when two alternative fields are both given."""

    sentence = "Give `{field}` or `{other}`, not both."


class NotACap(RequestError):
    """Raised for a cap that cannot be read."""

    sentence = "`{word}` is no limit on a measure; one looks like `maxdd<20` or `trades>30`."


class NotText(RequestError):
    """Raised when a field is not a string."""

    sentence = "`{field}` must be a text."


class NotAList(RequestError):
    """Raised when a field is not a list."""

    sentence = "`{field}` must be a list."


class NotAnObject(RequestError):
    """Raised when a field is not an object."""

    sentence = "`{field}` must be an object."


class NotTrueOrFalse(RequestError):
    """Raised when a field is not a boolean."""

    sentence = "`{field}` must be `true` or `false`."


class TooMany(RequestError):
    """Raised when a list has too many items."""

    sentence = "`{field}` has at most {limit} entries."


class BelowBound(RequestError):
    """Raised when a number is below its lower bound."""

    sentence = "`{field}` must be at least {low}; `{value}` is not."


class AboveBound(RequestError):
    """Raised when a number is above its upper bound."""

    sentence = "`{field}` must be at most {high}; `{value}` is not."


class UnfitField(RequestError):
    """Fallback for validation errors without a specific sentence. Facts: field, reason (English)."""

    sentence = "`{field}` cannot be used: {reason}."


class SeveralFields(RequestError):
    """Raised when more than one field is wrong."""

    sentence = "{n} fields cannot be read; `errors` says what is wrong with each."


class BadCursor(RequestError):
    """Raised for a cursor that this API did not return."""

    sentence = "`{word}` is not a cursor of this list; take `next_cursor` from the page before, as it is."


class KeyReused(RequestError):
    """Raised when an idempotency key comes again with another request."""

    sentence = "The `Idempotency-Key` `{word}` was used for another request. Take a new one for this."


class NotInChannel(RequestError):
    """Raised when the bot is not a member of the channel."""

    sentence = "I am not in the Slack channel `{channel}`. Invite me there with `/invite`, or check the id."


class TooManyStreams(RequestError):
    """Raised when a key has too many open event streams."""

    sentence = "The key `{key}` has {limit} event streams open already. Close one first."


class UnknownField(RequestError, UnknownWord):
    """Raised for a field that does not exist."""

    sentence = "There is no field called `{word}` here. I know: {known}."
    sentence_near = "There is no field called `{word}` here. Did you mean `{nearest}`?"


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
