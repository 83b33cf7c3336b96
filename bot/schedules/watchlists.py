"""Watch lists: symbols under a name, `@tech`, used wherever symbols are typed."""

from collections.abc import Iterable, Mapping, Sequence

from bot.documents.preferences import Watchlist
from optimizer.domain.study_request import StudySpec
from optimizer.errors import UnknownWord


class UnknownWatchlist(UnknownWord):
    """Raised for a watch list that does not exist. Facts: word, nearest."""


def list_named(spec: StudySpec) -> str:
    """Return the name, without `@`, of the list in place of a symbol; empty for a symbol."""
    return spec.symbol[1:] if spec.symbol.startswith("@") else ""


async def members_of(names: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Return the present symbols of each list; raises UnknownWatchlist."""
    wanted = list(names)
    found = {each.name: each.symbols for each in await Watchlist.find_all().to_list()} if wanted else {}
    for name in wanted:
        if name not in found:
            raise UnknownWatchlist.of(name, found)
    return found


async def specs_for(spec: StudySpec) -> list[StudySpec]:
    """Return the spec itself, or one per member of its watch list; raises UnknownWatchlist."""
    if not (name := list_named(spec)):
        return [spec]
    return [spec.for_symbol(symbol) for symbol in (await members_of([name]))[name]]
