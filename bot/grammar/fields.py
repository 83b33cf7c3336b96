"""Fields of a form or of a request's body, read as the words that one would type; every wrong field is named."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from bot.grammar.commands import Start
from bot.grammar.errors import EndsBeforeItStarts, NobodyToShareWith, NothingToReenter, TwoBeginnings
from bot.grammar.start_builder import StartBuilder
from bot.grammar.tokens import Slip
from optimizer.errors import UnknownParameter, UserError
from optimizer.strategies.regimes.errors import SplitError


class BadFields(Exception):
    """Fields that cannot be read: from each one's name to what is wrong there."""

    def __init__(self, errors: Mapping[str, UserError]) -> None:
        self.errors = dict(errors)
        super().__init__("; ".join(f"{name}: {error}" for name, error in self.errors.items()))


@dataclass(frozen=True, kw_only=True)
class ClashFields:
    """The fields that show an error which lies between two."""

    years: str
    end: str
    mode: str
    reenter: str
    by_regime: str
    other: str

    def of(self, error: UserError) -> str:
        """Name the field that shows an error."""
        match error:
            case TwoBeginnings():
                return self.years
            case EndsBeforeItStarts():
                return self.end
            case NobodyToShareWith():
                return self.mode
            case NothingToReenter():
                return self.reenter
            case SplitError() | UnknownParameter():
                return self.by_regime
            case _:
                return self.other


@dataclass(frozen=True)
class FieldErrors:
    """The first error of each field that cannot be read."""

    by_field: dict[str, UserError] = field(default_factory=dict)

    @contextmanager
    def about(self, name: str) -> Iterator[None]:
        """Keep an error that is raised inside as the field's, unless it has one."""
        try:
            yield
        except Slip as slip:
            self.by_field.setdefault(name, slip.error)
        except UserError as error:
            self.by_field.setdefault(name, error)

    def raise_any(self) -> None:
        """Raise BadFields where a field has an error."""
        if self.by_field:
            raise BadFields(self.by_field)


def finish(builder: StartBuilder, symbols: Sequence[str], clashes: ClashFields) -> Start:
    """Build the start. Raises BadFields where two fields contradict each other."""
    try:
        return builder.finish(symbols)
    except Slip as slip:
        raise BadFields({clashes.of(slip.error): slip.error}) from slip
