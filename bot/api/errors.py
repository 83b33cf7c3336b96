"""What can be wrong with a request, in words; and what pydantic says of it, in the same words.

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


class BadFields(Exception):
    """Fields that cannot be read: from each one's JSON pointer to what is wrong there."""

    def __init__(self, errors: Mapping[str, UserError]) -> None:
        self.errors = dict(errors)
        super().__init__("; ".join(f"{pointer}: {error}" for pointer, error in self.errors.items()))


class NoKey(Denied):
    """No facts."""


class BadKey(Denied):
    """No facts."""


class KeyTooSmall(Denied):
    """Facts: what, role, key, own."""


class RequestError(UserError):
    """A request that cannot be done as it was sent; nothing was started."""


class NotJson(RequestError):
    """Facts: at."""


class NotANumberOfJson(RequestError):
    """Facts: word."""


class NamedTwice(RequestError):
    """Facts: word."""


class TooDeep(RequestError):
    """Facts: limit."""


class TooLarge(RequestError):
    """Facts: limit."""


class NotJsonType(RequestError):
    """Facts: word."""


class NoSuchPath(RequestError):
    """Facts: word."""


class WrongMethod(RequestError):
    """Facts: word."""


class NotOffered(RequestError):
    """Facts: word, known."""


class MissingField(RequestError):
    """Facts: field."""


class OneOf(RequestError):
    """Facts: field, other."""


class NotACap(RequestError):
    """Facts: word."""


class NotText(RequestError):
    """Facts: field."""


class NotAList(RequestError):
    """Facts: field."""


class NotAnObject(RequestError):
    """Facts: field."""


class NotTrueOrFalse(RequestError):
    """Facts: field."""


class TooMany(RequestError):
    """Facts: field, limit."""


class BelowBound(RequestError):
    """Facts: field, low, value."""


class AboveBound(RequestError):
    """Facts: field, high, value."""


class UnfitField(RequestError):
    """What no sentence of ours is about. Facts: field, reason (English)."""


class SeveralFields(RequestError):
    """Facts: n."""


class BadCursor(RequestError):
    """Facts: word."""


class KeyReused(RequestError):
    """Facts: word."""


class NotInChannel(RequestError):
    """A study cannot be told where the bot may not write. Facts: channel."""


class TooManyStreams(RequestError):
    """Facts: key, limit."""


class UnknownField(RequestError, UnknownWord):
    """Facts: word, known, nearest."""


Fault = Mapping[str, Any]
#: How pydantic names the members of a union that it tried in vain; ours are all of numbers.
TRIED = frozenset(("int", "float", "constrained-float", "str"))
_Maker = Callable[[str, Fault], UserError]


def error_of_fault(fault: Fault, known: Sequence[str]) -> UserError:
    """What pydantic found wrong with a field, in our words. `known` are the names of fields where one is unknown."""
    origin, kind = [str(name) for name in fault["loc"]], str(fault["type"])
    if origin[-1] in TRIED:
        return _not_a_number(origin[-2], fault)
    field = next(name for name in reversed(origin) if not name.isdecimal())
    if kind == "extra_forbidden":
        return UnknownField.of(field, known)
    make = _MAKERS.get(kind)
    return make(field, fault) if make else UnfitField(field=field, reason=str(fault["msg"]).lower())


def _value(fault: Fault) -> str:
    """What was sent, as far as a sentence has room for it."""
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
