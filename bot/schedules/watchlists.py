"""Watch lists: symbols under a name, `@tech`, used wherever symbols are typed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from bot.documents.preferences import Watchlist
from optimizer.domain.study_request import StudySpec
from optimizer.errors import UnknownWord


class UnknownWatchlist(UnknownWord):
    """Raised for a watch list that does not exist. Facts: word, nearest."""


def list_named(spec: StudySpec) -> str:
    """Return the name, without `@`, of the list in place of a symbol; empty for a symbol."""
    return spec.symbol[1:] if spec.symbol.startswith("@") else ""


async def lists_named(names: Iterable[str]) -> Mapping[str, Watchlist]:
    """Return lists by their names; raises UnknownWatchlist."""
    wanted = list(dict.fromkeys(names))
    found = {each.name: each for each in await Watchlist.find_all().to_list()} if wanted else {}
    for name in wanted:
        if name not in found:
            raise UnknownWatchlist.of(name, found)
    return {name: found[name] for name in wanted}


async def members_of(names: Iterable[str], day: date) -> Mapping[str, Sequence[str]]:
    """Return the symbols of each list that are its members on a day; raises UnknownWatchlist."""
    return {name: found.members_on(day) for name, found in (await lists_named(names)).items()}


async def specs_for(spec: StudySpec, day: date) -> list[StudySpec]:
    """Return the spec itself, or one per member of its watch list on a day; raises UnknownWatchlist."""
    if not (name := list_named(spec)):
        return [spec]
    return [spec.for_symbol(symbol) for symbol in (await members_of([name], day))[name]]
