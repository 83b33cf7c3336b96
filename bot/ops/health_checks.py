"""Is everything there? Real probes, shared by `optimize-bot doctor` and `/optimize health`.

A probe tries the thing itself and says what it saw and how to mend it. Tokens are tried, never shown.
"""

import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum, auto

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.access.roster import Roster
from bot.documents.recurring import FailingSeries, Refresh, Schedule, ScheduleRun
from bot.runtime.services import Services
from bot.runtime.settings import Settings
from optimizer.errors import UserError
from optimizer.storage.documents import OptimizationStudy

#: Scopes the bot's token must have; the manifest asks for exactly these.
SCOPES = (
    "app_mentions:read",
    "channels:history",
    "chat:write",
    "commands",
    "files:write",
    "groups:history",
    "im:history",
    "im:write",
    "usergroups:read",
    "users:read",
)
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
    """One thing that was tried. Its words are English phrases, which other languages' catalogues have too."""

    name: str
    health: HealthReport
    said: str | UserError
    remedy: str = ""


def good(name: str, said: str) -> Probe:
    """A probe that found nothing wrong."""
    return Probe(name=name, health=HealthReport.GOOD, said=said)


def bad(name: str, said: str | UserError, remedy: str) -> Probe:
    """A probe that found something to mend."""
    return Probe(name=name, health=HealthReport.BAD, said=said, remedy=remedy)


def doubtful(name: str, said: str | UserError, remedy: str) -> Probe:
    """A probe that found something to look at."""
    return Probe(name=name, health=HealthReport.WARNING, said=said, remedy=remedy)


async def probe_slack(settings: Settings) -> list[Probe]:
    """Tokens and scopes, tried against Slack itself."""
    try:
        settings.require_slack()
    except UserError as error:
        return [doubtful("Slack", error, "`run` works without Slack.")]
    assert settings.slack_bot_token is not None
    client = AsyncWebClient(token=settings.slack_bot_token.get_secret_value(), base_url=settings.slack_api_url)
    try:
        answer = await client.auth_test()
    except SlackApiError as failure:
        said = f"the bot token was refused: {failure.response.get('error')}"
        return [bad("Slack token", said, "Copy the Bot User OAuth Token again, or reinstall the app.")]
    except (aiohttp.ClientError, TimeoutError) as failure:
        return [
            bad(
                "Slack token",
                f"Slack is out of reach ({type(failure).__name__})",
                "Check SLACK_API_URL and the network.",
            )
        ]
    token = good("Slack token", f"{answer['user']} in {answer['team']}")
    return [token, _scopes(answer.headers.get("x-oauth-scopes", ""))]


def _scopes(granted: str) -> Probe:
    has = {scope.strip() for scope in granted.split(",") if scope.strip()}
    missing = [scope for scope in SCOPES if scope not in has]
    if missing:
        return bad(
            "Slack scopes", f"missing: {', '.join(missing)}", "Update the app from manifest.yml and reinstall it."
        )
    return good("Slack scopes", f"{len(SCOPES)} of {len(SCOPES)}")


async def probe_client(client: AsyncWebClient) -> list[Probe]:
    """The bot's own connection, tried now."""
    began = time.perf_counter()
    try:
        answer = await client.auth_test()
    except (SlackApiError, aiohttp.ClientError, TimeoutError) as failure:
        return [bad("Slack", type(failure).__name__, "Check the network and the bot's token.")]
    said = f"{answer['user']} in {answer['team']}, {(time.perf_counter() - began) * 1e3:.0f} ms"
    return [good("Slack", said), _scopes(answer.headers.get("x-oauth-scopes", ""))]


def probe_access(settings: Settings) -> Probe:
    """Whether anyone is named in a role."""
    roster = Roster.of(settings)
    if not roster.has_admin:
        everyone = "everyone may start studies, and nobody is an admin"
        named = "only those named may start studies, and nobody is an admin"
        remedy = "Set OPTIMIZE_BOT_ADMINS (and OPTIMIZE_BOT_RUNNERS) to Slack ids; `whoami` tells yours."
        return doubtful("Access", everyone if roster.is_open else named, remedy)
    return good("Access", "everyone may start studies" if roster.is_open else "only those named may start studies")


async def probe_mongo(services: Services) -> Probe:
    """A round trip to MongoDB."""
    began = time.perf_counter()
    count = await OptimizationStudy.count()
    kind = "your server" if services.settings.mongodb_address else "embedded server"
    return good("MongoDB", f"{kind}, {count} studies, {(time.perf_counter() - began) * 1e3:.0f} ms")


async def probe_data(services: Services) -> Probe:
    """What the warehouse holds."""
    coverage = services.market.warehouse.symbols()
    if not coverage:
        sources = ", ".join(services.settings.sources)
        return good("DuckDB", f"no bars stored yet; they are fetched when first asked for, from: {sources}")
    newest = max(row.last for row in coverage)
    return good("DuckDB", f"{len(coverage)} series, newest bar {newest:%Y-%m-%d}")


async def probe_workers(services: Services) -> Probe:
    """The worker processes, each of which has said that it is ready."""
    ready = await services.pool.ready()
    if ready < services.pool.size:
        return bad("Workers", f"{ready} of {services.pool.size} ready", "The log above says why one did not start.")
    return good("Workers", f"{ready} ready")


async def probe_disk(services: Services) -> Probe:
    """Room in the data directory."""
    free = shutil.disk_usage(services.settings.home).free
    said = f"{free / 2**30:.1f} GiB free in {services.settings.home}"
    return (
        good("Disk", said)
        if free >= LEAST_FREE_BYTES
        else bad("Disk", said, "Make room; studies stop when it is full.")
    )


async def probe_schedules(services: Services) -> Probe:
    """What is kept, and whether the last run went well."""
    count = await Schedule.find({"removed_at": None}).count()
    last = await ScheduleRun.find_all().sort("-started_at").first_or_none()
    if last is None:
        return good("Schedules", f"{count} kept, none has run yet")
    said = f"{count} kept; {last.schedule_name} ran last, at {last.started_at:%Y-%m-%d %H:%M} UTC"
    if last.failure is not None:
        remedy = f"`/optimize run {last.schedule_name}` runs it again."
        return doubtful("Schedules", f"{said}, without a result", remedy)
    return good("Schedules", said)


async def probe_refresh(services: Services) -> Probe:
    """When the bars in use are brought up to date, and which could not be."""
    if services.settings.refresh is None:
        return good("Refresh", "off")
    last = await Refresh.find({"ended_at": {"$ne": None}}).sort("-started_at").first_or_none()
    if last is None:
        return good("Refresh", f"daily at {services.settings.refresh}, not run yet")
    said = f"daily at {services.settings.refresh}, last at {last.started_at:%Y-%m-%d %H:%M} UTC, {last.n_series} series"
    failing = await FailingSeries.find_all().sort("symbol").to_list()
    if failing:
        names = ", ".join(f"{one.symbol} ({one.source})" for one in failing[:FAILING_NAMED])
        return doubtful("Refresh", f"{said}; not up to date: {names}", "`/optimize data` shows what is stored.")
    return good("Refresh", said)


#: Probes of what a running desk has, in the order told.
DESK_PROBES: tuple[Callable[[Services], Awaitable[Probe]], ...] = (
    probe_mongo,
    probe_data,
    probe_workers,
    probe_disk,
    probe_schedules,
    probe_refresh,
)


async def probe_desk(services: Services) -> list[Probe]:
    """Every probe of a running desk."""
    return [await probe(services) for probe in DESK_PROBES]
