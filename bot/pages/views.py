"""Views: the pages, each with the facts for its template."""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from bot.commands.operations import check_bars
from bot.commands.outlook.forecast import board_of
from bot.commands.results import facts_of
from bot.commands.schedule import schedule_line
from bot.context import BotContext
from bot.delivery import progress
from bot.delivery.facts import study_facts
from bot.documents.recurring import Champion
from bot.grammar.commands import ShowData
from bot.grammar.values import read_symbol
from bot.pages import events
from bot.pages.chart_files import ChartFiles
from bot.pages.dashboard_numbers import number_of
from bot.pages.errors import NoSuchPage
from bot.pages.leaderboard import VERDICTS, LeaderboardQuery, board
from bot.pages.regime_chart import PHONE, regime_chart
from bot.pages.session_guard import SessionGuard, Visitor
from bot.role import Role
from optimizer.domain.study_results import StudyState
from optimizer.errors import SomethingBroke, UnknownSymbol
from optimizer.lazy import LazyModule
from optimizer.market.resampling import load_bars
from optimizer.market.warehouse.warehouse import Coverage
from optimizer.storage.documents import OptimizationStudy
from optimizer.storage.study_queries import symbols_among
from optimizer.strategies.registry import STRATEGIES
from optimizer.studies.finding import UnknownStudy
from reports.charts.chart_list import expected
from reports.facts import StudyFacts
from reports.render import Language, renderer_of

if TYPE_CHECKING:
    from optimizer.outlook import regime_history
else:
    # It needs the compiler, which a bot that starts does not wait for.
    regime_history = LazyModule("optimizer.outlook.regime_history")

#: Most studies in the list, trials in the table of one, and stretches of one kind of market.
STUDIES, TRIALS, STRETCHES = 50, 500, 200
#: How many earlier champions are shown of each.
EARLIER = 10
_STUDY_NAME = re.compile(r"opt-[0-9a-f]{4,16}")
_SUFFIX = ".png"
#: Ids of people in Slack, whose names are looked up.
_SLACK_ID = re.compile(r"[UW][A-Z0-9]{4,}")


@dataclass(frozen=True, kw_only=True)
class ChampionLine:
    """Champion with its predecessors."""

    champion: Champion
    earlier: list[Champion]


class PageViews:
    """Handlers of the pages that people read."""

    def __init__(self, context: BotContext, guard: SessionGuard) -> None:
        self._context = context
        self._guard = guard
        self._chart_files = ChartFiles(context)
        self._n_open: Counter[str] = Counter()  # streams by person

    @cached_property
    def version(self) -> str:
        """Version of style and script, so that a browser fetches them again after a change."""
        files = [renderer_of("en").web_page(name) for name in ("style.css", "script.js")]
        return hashlib.sha256("".join(files).encode()).hexdigest()[:12]

    async def board(self, request: Request) -> Response:
        """Show the leaderboard: `/board`."""
        visitor = await self._guard.require_visitor(request)
        query = LeaderboardQuery.of(request.query_params)
        among = await self._guard.visible(visitor)
        rows = await board(self._context.services.studies, query, self._context.clock(), among)
        symbols = await symbols_among(among)
        return await self._page(
            "board", visitor, wish=query, rows=rows, symbols=symbols, strategies=list(STRATEGIES), verdicts=VERDICTS
        )

    async def studies(self, request: Request) -> Response:
        """Show the newest studies: `/studies`."""
        visitor = await self._guard.require_visitor(request)
        among = await self._guard.visible(visitor)
        found = await self._context.services.studies.list_studies(among=among, limit=STUDIES)
        facts = [study_facts(study, now=self._context.clock()) for study in found]
        return await self._page("studies", visitor, people=[f.created_by for f in facts], studies=facts)

    async def study(self, request: Request) -> Response:
        """Show one study, running or finished: `/studies/NAME`."""
        visitor = await self._guard.require_visitor(request)
        study = await self._find_study(request, visitor)
        facts = await facts_of(study, self._context)
        is_live = not facts.status.is_finished
        shown: dict[str, object] = (
            {"p": await progress.read_progress(self._context.services, study.study_name)} if is_live else {}
        )
        if facts.summary is not None:
            shown |= await self._findings(facts, visitor)
        return await self._page(
            "study",
            visitor,
            people=[facts.created_by],
            is_live=is_live,
            failure=_failure_text(facts, visitor),
            acts=_allowed_actions(facts, visitor),
            number=number_of(study.study_name),
            **{"study": facts, "summary": None, **shown},
        )

    async def _findings(self, facts: StudyFacts, visitor: Visitor) -> dict[str, object]:
        assert facts.summary is not None
        charts = {name: f"/studies/{facts.study_name}/charts/{name}{_SUFFIX}" for name in expected(facts.summary)}
        trials = await self._context.services.studies.best_trials(facts.study_name, TRIALS)
        return visitor.renderer.findings(facts, trials, charts, n_trials=facts.trials_completed)

    async def progress(self, request: Request) -> Response:
        """Stream a study's progress: `/studies/NAME/events`."""
        visitor = await self._guard.require_visitor(request)
        study = await self._find_study(request, visitor)
        found = events.events(
            progress.follow(self._context.services, study.study_name),
            lambda progress: visitor.renderer.web_page("live.jinja", p=progress),
        )
        return events.EventStream(found, person=visitor.user_id, n_open=self._n_open)

    async def chart(self, request: Request) -> Response:
        """Send a chart: `/studies/NAME/charts/CHART.png`."""
        visitor = await self._guard.require_visitor(request)
        study = await self._find_study(request, visitor)
        name = str(request.path_params["chart"])
        if not name.endswith(_SUFFIX):
            raise NoSuchPage
        file = await self._chart_files.find(study, name.removesuffix(_SUFFIX), visitor.language)
        return FileResponse(file, media_type="image/png", headers={"Cache-Control": "private, no-cache"})

    async def plans(self, request: Request) -> Response:
        """Show champions and schedules: `/plans`."""
        visitor = await self._guard.require_visitor(request)
        context = self._context
        found = await context.schedules.all(await self._guard.visible(visitor))
        schedules = [await schedule_line(schedule, context) for schedule in found]
        champions = [await self._with_earlier(champion) for champion in await context.champions.current()]
        adopted = [e.adopted_by for c in champions for e in (c.champion, *c.earlier)]
        people = [*(row.schedule.created_by for row in schedules), *adopted]
        return await self._page("plans", visitor, people=people, schedules=schedules, champions=champions)

    async def forecasts(self, request: Request) -> Response:
        """Show how forecasts did: `/forecasts`, of one symbol with `?symbol=`; raises BadSymbol."""
        visitor = await self._guard.require_visitor(request)
        wanted = request.query_params.get("symbol", "").strip()
        symbol = read_symbol(wanted) if wanted else None
        viewer = await self._guard.viewer(visitor)
        board = await board_of(self._context, [viewer], symbol=symbol)
        return await self._page("forecasts", visitor, board=board, symbol=symbol or "")

    async def _with_earlier(self, champion: Champion) -> ChampionLine:
        history = await self._context.champions.history(champion.spec)
        return ChampionLine(champion=champion, earlier=history[1 : 1 + EARLIER])

    async def data(self, request: Request) -> Response:
        """Show the stored bars: `/data`; with `?symbol=` the data problems of one series."""
        visitor = await self._guard.require_visitor(request)
        series = await asyncio.to_thread(self._context.services.market.warehouse.symbols)
        symbol = request.query_params.get("symbol")
        if symbol is None:
            return await self._page("data", visitor, series=series)
        wanted = _stored_series(request.query_params, series)
        check = await asyncio.to_thread(check_bars, wanted, self._context)
        return await self._page("symbol", visitor, here="data", report=check.report, picture=check.picture)

    async def regimes(self, request: Request) -> Response:
        """Show the kinds of markets of a stored series over time, with its price: `/regimes?symbol=`."""
        visitor = await self._guard.require_visitor(request)
        query = request.query_params
        history = await asyncio.to_thread(
            self._regime_history, query.get("symbol", ""), query.get("timeframe", "1d"), query.get("source")
        )
        newest_first = list(reversed(history.stretches))[:STRETCHES]
        return await self._page(
            "regimes", visitor, here="data", history=history, stretches=newest_first,
            charts={"screen": regime_chart(history), "phone": regime_chart(history, PHONE)},
        )  # fmt: skip

    def _regime_history(self, symbol: str, timeframe: str, source: str | None) -> "regime_history.RegimeHistory":
        """Compute from stored bars alone: opening a page must not fetch any. Raises UnknownSymbol and its like."""
        warehouse = self._context.services.market.warehouse
        bars = load_bars(warehouse, read_symbol(symbol), timeframe=timeframe, source=source)
        return regime_history.regime_history(bars)

    async def asset(self, request: Request) -> Response:
        """Send `/pages/style.css` or `/pages/script.js`: the same for everyone, signed in or not."""
        name = str(request.path_params["name"])
        if name not in _ASSETS:
            raise NoSuchPage
        keep = {"Cache-Control": "public, max-age=31536000, immutable"} if request.url.query else {}
        return Response(renderer_of("en").web_page(name), media_type=_ASSETS[name], headers=keep)

    async def _find_study(self, request: Request, visitor: Visitor) -> OptimizationStudy:
        """Return the study in the address, which must be its whole name; raises UnknownStudy for one not to be seen."""
        name = str(request.path_params["name"])
        if not _STUDY_NAME.fullmatch(name):
            raise UnknownStudy(word=name, nearest="")
        return await self._context.services.studies.find(name, among=await self._guard.visible(visitor))

    async def _page(self, name: str, visitor: Visitor, *, people: Iterable[str] = (), **facts: object) -> Response:
        facts = {"here": name, "names": await self._names({visitor.user_id, *people})} | facts
        # Off the event loop: a long table takes a while.
        page = await asyncio.to_thread(
            visitor.renderer.web_page, f"{name}.jinja", visitor=visitor, version=self.version, **facts
        )
        return HTMLResponse(page)

    async def plain_page(
        self, layout: str, language: Language, *, visitor: Visitor | None = None, status: int = 200, **facts: object
    ) -> Response:
        """Build a page of a few words, with the bar above it for someone who is signed in."""
        names = await self._names({visitor.user_id}) if visitor else {}
        common = {"visitor": visitor, "names": names, "here": "", "version": self.version, "status": status}
        return HTMLResponse(renderer_of(language).web_page(layout, **common | facts), status_code=status)

    async def _names(self, people: Iterable[str]) -> dict[str, str]:
        return {user_id: await self._name(user_id) for user_id in people}

    async def _name(self, user_id: str) -> str:
        """Return a person's display name; a study's owner may also be a terminal's user, or an API key."""
        person = await self._context.people.person(user_id) if _SLACK_ID.fullmatch(user_id) else None
        return (person.name if person else "") or user_id


_ASSETS = {"style.css": "text/css; charset=utf-8", "script.js": "text/javascript; charset=utf-8"}


def _failure_text(facts: StudyFacts, visitor: Visitor) -> str:
    """Return why a study stopped, escaped; empty for one that did not."""
    if facts.failure is None:
        return ""
    return visitor.renderer.error(facts.failure.error or SomethingBroke(reference=facts.failure.reference))


def _allowed_actions(facts: StudyFacts, visitor: Visitor) -> tuple[str, ...]:
    """Return the actions that this visitor may take on this study in its state."""
    may_act = visitor.role >= Role.APPROVER or (visitor.role >= Role.RUNNER and facts.created_by == visitor.user_id)
    if not may_act:
        return ()
    return {
        StudyState.QUEUED: ("pause", "cancel"),
        StudyState.RUNNING: ("pause", "cancel"),
        StudyState.PAUSED: ("resume", "cancel"),
        StudyState.FAILED: ("resume",),
        StudyState.CANCELLED: ("resume",),
    }.get(facts.status, ())


def _stored_series(query: Mapping[str, str], series: Sequence[Coverage]) -> ShowData:
    """Return the stored series that a page asks for: opening a page must not fetch a new one. Raises UnknownSymbol."""
    facts = {name: query[name] for name in ("symbol", "timeframe", "source") if name in query}
    for each in series:
        if all(getattr(each, name) == value for name, value in facts.items()):
            return ShowData(each.symbol, timeframe=each.timeframe, source=each.source)
    raise UnknownSymbol.of(facts["symbol"], {each.symbol for each in series})
