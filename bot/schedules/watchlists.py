"""Watch lists: symbols under a name, `@tech`, which stands for them wherever symbols are typed."""

from collections.abc import Iterable, Mapping, Sequence

from bot.documents.preferences import Watchlist
from optimizer.domain.study_request import StudySpec
from optimizer.errors import UnknownWord


class UnknownWatchlist(UnknownWord):
    """Facts: word, nearest."""


def list_named(spec: StudySpec) -> str:
    """The name, without `@`, of the list that stands in place of a symbol; empty where a symbol stands."""
    return spec.symbol[1:] if spec.symbol.startswith("@") else ""


async def members_of(names: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """The symbols of each list as they are now; raises UnknownWatchlist."""
    wanted = list(names)
    found = {each.name: each.symbols for each in await Watchlist.find_all().to_list()} if wanted else {}
    for name in wanted:
        if name not in found:
            raise UnknownWatchlist.of(name, found)
    return found


async def specs_for(spec: StudySpec) -> list[StudySpec]:
    """The spec itself, or one for each member of the list that stands in it; raises UnknownWatchlist."""
    if not (name := list_named(spec)):
        return [spec]
    return [spec.for_symbol(symbol) for symbol in (await members_of([name]))[name]]
