"""Health checks: real probes, shared by `optimize-bot doctor` and `/optimize health`.

A probe tries the thing itself and returns the result and how to fix it. Tokens are tried, never shown.
"""

import asyncio
import importlib.util
import shutil
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum, auto

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.access.roster import Roster
from bot.documents.installed import SlackInstallation
from bot.documents.recurring import FailingSeries, Refresh, Schedule, ScheduleRun
from bot.ops.creation_link import creation_link
from bot.runtime.installations import open_token
from bot.runtime.services import Services, provider_settings
from bot.runtime.settings import Settings
from bot.runtime.slack_client import NoSlack
from optimizer.clock import utc_now
from optimizer.errors import Phrase, UserError
from optimizer.learned.ml.model import missing
from optimizer.market.calendars import sessions_since
from optimizer.market.providers.online.exchanges import EXCHANGES
from optimizer.market.providers.registry import SourceState, source_states
from optimizer.market.quality.time_faults import OLD
from optimizer.market.warehouse.damage import files_set_aside
from optimizer.storage.documents import OptimizationStudy
from optimizer.strategies.registry import STRATEGIES
from optimizer.studies.code_version import code_version
from optimizer.studies.running.broker import CELERY, fault_of
from reports.text.markup import uncut

#: Scopes the bot's token must have; the manifest asks for these and EXTRA_SCOPES.
SCOPES = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:write",
    "usergroups:read",
    "users:read",
)
#: Scopes without which only a part is missing: links to studies, and prompts where the bot is opened as an agent.
EXTRA_SCOPES = ("assistant:write", "links:read", "links:write")
#: Where a person lets the app into a further workspace.
INSTALL_PATH = "/slack/install"
#: Difference of two clocks from which on it matters: Slack's requests are refused when they seem five minutes old.
MOST_CLOCK_OFF = timedelta(seconds=60)
LEAST_FREE_BYTES = 500 * 2**20
#: Series named that could not be brought up to date.
FAILING_NAMED = 8


class HealthReport(StrEnum):
    """What a probe found."""

    GOOD = auto()
    WARNING = auto()
    BAD = auto()


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One thing that was tried, the result, and how to fix it."""

    name: Phrase
    health: HealthReport
    result: Phrase | UserError
    remedy: Phrase | None = None


def good(name: str, result: Phrase) -> Probe:
    """A probe that found nothing wrong. `name` is the key of a phrase."""
    return Probe(name=Phrase(name), health=HealthReport.GOOD, result=result)


def bad(name: str, result: Phrase | UserError, remedy: Phrase) -> Probe:
    """A probe that found something to fix."""
    return Probe(name=Phrase(name), health=HealthReport.BAD, result=result, remedy=remedy)


def doubtful(name: str, result: Phrase | UserError, remedy: Phrase) -> Probe:
    """A probe that found something to look at."""
    return Probe(name=Phrase(name), health=HealthReport.WARNING, result=result, remedy=remedy)


async def probe_slack(settings: Settings) -> list[Probe]:
    """Try tokens and scopes against Slack itself."""
    if not settings.has_slack:
        return [
            doubtful("slack", Phrase("slack_tokens_missing"), Phrase("create_the_app", link=uncut(creation_link())))
        ]
    try:
        settings.require_slack()
    except UserError as error:
        return [doubtful("slack", error, Phrase("run_without_slack"))]
    if settings.slack_bot_token is None:  # only further workspaces have tokens
        return []
    return await _probe_token(settings.slack_bot_token.get_secret_value(), settings)


async def _probe_token(token: str, settings: Settings) -> list[Probe]:
    client = AsyncWebClient(token=token, base_url=settings.slack_api_url)
    try:
        answer = await client.auth_test()
    except SlackApiError as failure:
        refused = Phrase("token_refused", cause=str(failure.response.get("error")))
        return [bad("slack_token", refused, Phrase("copy_token_again"))]
    except (aiohttp.ClientError, TimeoutError) as failure:
        unreachable = Phrase("slack_unreachable", cause=type(failure).__name__)
        return [bad("slack_token", unreachable, Phrase("check_slack_url"))]
    accepted = good("slack_token", Phrase("user_in_team", user=answer["user"], team=answer["team"]))
    return [accepted, *_of_headers(answer.headers)]


def _of_headers(headers: Mapping[str, str]) -> list[Probe]:
    """Probe what comes with an answer of Slack: the token's scopes, and the time there."""
    of_clock = [clock_probe("Slack", parsedate_to_datetime(said), utc_now())] if (said := headers.get("date")) else []
    return [*of_clock, _scopes(headers.get("x-oauth-scopes", ""))]


def clock_probe(whose: str, theirs: datetime, ours: datetime) -> Probe:
    """Tell how far two clocks are apart."""
    off = abs(theirs - ours)
    seconds = round(off.total_seconds())
    if off <= MOST_CLOCK_OFF:
        return good("clock", Phrase("clock_agrees", whose=whose, seconds=seconds))
    return doubtful("clock", Phrase("clock_off", whose=whose, seconds=seconds), Phrase("set_clock"))


async def probe_installations(settings: Settings) -> list[Probe]:
    """Try the token of every workspace that installed the app, and tell where others can."""
    if not settings.has_installations:
        return []
    address = f"{settings.web_address}{INSTALL_PATH}"
    found = [good("installations", Phrase("install_here", address=address, n=await SlackInstallation.count()))]
    for installation in await SlackInstallation.find_all().sort("team_id").to_list():
        token = open_token(installation, settings.token_keys)
        found += await _probe_token(token, settings)
    return found


def _scopes(granted: str) -> Probe:
    has = {scope.strip() for scope in granted.split(",") if scope.strip()}
    every = (*SCOPES, *EXTRA_SCOPES)
    missing = [scope for scope in every if scope not in has]
    if missing:
        tell = bad if set(missing) & set(SCOPES) else doubtful
        return tell("slack_scopes", Phrase("scopes_missing", scopes=", ".join(missing)), Phrase("update_manifest"))
    return good("slack_scopes", Phrase("scopes_granted", n=len(every), total=len(every)))


async def probe_client(client: AsyncWebClient, settings: Settings) -> list[Probe]:
    """Try the bot's own connection now, or without one the tokens."""
    if isinstance(client, NoSlack):
        return await probe_slack(settings)
    began = time.perf_counter()
    try:
        answer = await client.auth_test()
    except (SlackApiError, aiohttp.ClientError, TimeoutError) as failure:
        return [bad("slack", Phrase("as_written", text=type(failure).__name__), Phrase("check_network"))]
    seen = Phrase("user_in_team_ms", user=answer["user"], team=answer["team"], ms=_ms_since(began))
    return [good("slack", seen), *_of_headers(answer.headers)]


def probe_access(settings: Settings) -> Probe:
    """Tell whether anyone is named in a role."""
    roster = Roster.of(settings)
    if not roster.has_admin:
        return doubtful(
            "access", Phrase("everyone_no_admin" if roster.is_open else "named_no_admin"), Phrase("name_admins")
        )
    return good("access", Phrase("everyone_starts" if roster.is_open else "named_start"))


async def probe_mongo(services: Services) -> Probe:
    """Time a round trip to MongoDB."""
    began = time.perf_counter()
    count = await OptimizationStudy.count()
    kind = "own_server" if services.settings.mongodb_address else "embedded_server"
    return good("mongodb", Phrase(kind, n=count, ms=_ms_since(began)))


async def probe_data(services: Services) -> Probe:
    """Count the series that the warehouse holds."""
    coverage = services.market.warehouse.symbols()
    if aside := files_set_aside(services.settings.warehouse):
        rebuilt = Phrase("data_file_rebuilt", file=aside[-1].name, n=len(coverage))
        return doubtful("duckdb", rebuilt, Phrase("import_what_is_missing"))
    if not coverage:
        return good("duckdb", Phrase("no_bars_stored", sources=", ".join(services.settings.sources)))
    newest = max(coverage, key=lambda row: row.last)
    facts = {"newest": f"{newest.last:%Y-%m-%d}", "symbol": newest.symbol, "source": newest.source}
    stored = Phrase("bars_stored", n=len(coverage), **facts)
    n_closed = sessions_since(newest.symbol, newest.last, services.clock())
    return (
        doubtful("duckdb", stored, Phrase("bars_old", n_closed=n_closed)) if n_closed > OLD else good("duckdb", stored)
    )


async def probe_workers(services: Services) -> Probe:
    """Count the worker processes that reported that they are ready."""
    ready, total = await services.pool.ready(), services.pool.size
    if ready < total:
        return bad("workers", Phrase("some_workers_ready", n=ready, total=total), Phrase("see_log"))
    return good("workers", Phrase("workers_ready", n=ready))


async def probe_machines(services: Services) -> list[Probe]:
    """Tell which worker programs run on which machines, and which are silent; nothing where there is none."""
    seen = await services.machines.seen()
    if not seen:
        return []
    sizes = Counter[str]()
    for program in seen:
        sizes[program.machine] += program.size
    named = ", ".join(f"{machine} ({n})" for machine, n in sorted(sizes.items()))
    what = Phrase("workers_on_machines", n=sizes.total(), machines=named)
    silent = [f"{program.machine} ({program.silent:.0f} s)" for program in seen if program.is_silent]
    if silent:
        return [doubtful("machines", what, Phrase("machines_silent", machines=", ".join(silent)))]
    others = sorted({program.machine for program in seen if program.code_version != code_version()})
    if others:
        other = Phrase("machines_of_other_version", machines=", ".join(others), version=code_version())
        return [doubtful("machines", what, other)]
    return [good("machines", what)]


async def probe_broker(settings: Settings) -> list[Probe]:
    """Try the broker; nothing where there is none."""
    if settings.broker is None:
        return []
    if importlib.util.find_spec(CELERY) is None:
        return [doubtful("broker", Phrase("celery_missing"), Phrase("install_celery"))]
    fault = await asyncio.to_thread(fault_of, settings.broker.get_secret_value())
    if fault is not None:
        return [doubtful("broker", Phrase("broker_away", reason=fault), Phrase("check_broker"))]
    return [good("broker", Phrase("broker_connected"))]


async def probe_disk(services: Services) -> Probe:
    """Measure the free space in the data directory."""
    free = shutil.disk_usage(services.settings.home).free
    room = Phrase("disk_free", gib=f"{free / 2**30:.1f}", folder=str(services.settings.home))
    return good("disk", room) if free >= LEAST_FREE_BYTES else bad("disk", room, Phrase("make_room"))


async def probe_schedules(services: Services) -> Probe:
    """Count the schedules and look at the last run."""
    count = await Schedule.find({"removed_at": None}).count()
    last = await ScheduleRun.find_all().sort("-started_at").first_or_none()
    if last is None:
        return good("schedules", Phrase("never_run", n=count))
    facts = {"n": count, "schedule": last.schedule_name, "at": f"{last.started_at:%Y-%m-%d %H:%M}"}
    if last.failure is not None:
        again = Phrase("run_it_again", schedule=last.schedule_name)
        return doubtful("schedules", Phrase("last_run_failed", **facts), again)
    return good("schedules", Phrase("last_run", **facts))


async def probe_refresh(services: Services) -> Probe:
    """Report when the bars in use were refreshed, and which series could not be."""
    if services.settings.refresh is None:
        return good("refresh", Phrase("off"))
    time_of_day = str(services.settings.refresh)
    last = await Refresh.find({"ended_at": {"$ne": None}}).sort("-started_at").first_or_none()
    if last is None:
        return good("refresh", Phrase("never_refreshed", time=time_of_day))
    facts = {"time": time_of_day, "at": f"{last.started_at:%Y-%m-%d %H:%M}", "n": last.n_series}
    failing = await FailingSeries.find_all().sort("symbol").to_list()
    if failing:
        names = ", ".join(f"{one.symbol} ({one.source})" for one in failing[:FAILING_NAMED])
        return doubtful("refresh", Phrase("refresh_failing", **facts, failing=names), Phrase("see_data"))
    return good("refresh", Phrase("refreshed", **facts))


def probe_sources(settings: Settings) -> list[Probe]:
    """Tell of each source whether it can be used: its key, its package, its code."""
    return [_source(one, settings) for one in source_states(provider_settings(settings))]


def probe_strategies() -> list[Probe]:
    """Tell which of the operator's own strategies this process loaded, and which it refused."""
    loaded = [good("own_strategies", Phrase("own_loaded", names=", ".join(STRATEGIES.own), n=len(STRATEGIES.own)))]
    refused = [
        doubtful("own_strategies", refusal, Phrase("mend_strategy", file=str(refusal.facts["file"])))
        for refusal in STRATEGIES.refused.values()
    ]
    return [*(loaded if STRATEGIES.own else ()), *refused]


def probe_learners() -> list[Probe]:
    """Tell whether what the strategy that learns needs is installed; a package that nobody wants is no fault."""
    lacking, name = missing(), "learned_signals"
    if not lacking:
        return [good(name, Phrase("learner_ready"))]
    if lacking == "lightgbm":
        return [good(name, Phrase("extra_not_installed", extra="ml"))]
    return [doubtful(name, Phrase("library_missing", library=lacking), Phrase("install_library", library=lacking))]


def _source(state: SourceState, settings: Settings) -> Probe:
    is_wanted = state.name in settings.sources or (
        state.name == "ccxt" and not set(settings.sources).isdisjoint(EXCHANGES)
    )
    remedy = Phrase("source_wanted") if is_wanted else None
    if state.result.key == "source_refused":
        remedy = Phrase("mend_plugin")
    health = HealthReport.GOOD if state.is_ready or remedy is None else HealthReport.WARNING
    return Probe(
        name=Phrase("source", source=state.name),
        health=health,
        result=state.result,
        remedy=None if state.is_ready else remedy,
    )


def _ms_since(began: float) -> str:
    return f"{(time.perf_counter() - began) * 1e3:.0f}"


#: Probes of running services, in the order reported.
DESK_PROBES: tuple[Callable[[Services], Awaitable[Probe]], ...] = (
    probe_mongo,
    probe_data,
    probe_workers,
    probe_disk,
    probe_schedules,
    probe_refresh,
)


async def probe_desk(services: Services) -> list[Probe]:
    """Run every probe of the running services."""
    found = [await probe(services) for probe in DESK_PROBES]
    return [*found, *await probe_machines(services), *await probe_broker(services.settings)]
