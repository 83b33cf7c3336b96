"""Operations: data, health, failures, and the audit."""

import asyncio
from dataclasses import dataclass
from html import unescape

from bot.access import audit
from bot.commands.common import visible
from bot.commands.outlook.forecast import waiting_symbols
from bot.context import Answer, Audience, BotContext, Listeners
from bot.delivery.facts import study_facts
from bot.documents.audit_log import AuditEntry, Outcome
from bot.grammar.commands import Audit, Failures, Health, ShowChanges, ShowData
from bot.ops.health_checks import probe_access, probe_client, probe_desk, probe_strategies
from bot.ops.operator_probes import probe_operation
from bot.origin import Origin
from bot.role import Role
from bot.schedules.change_effects import effects_of
from optimizer.domain.study_results import StudyState
from optimizer.errors import SomethingBroke, error_of
from optimizer.market.calendar_picture import picture
from optimizer.market.quality.data_findings import QualityReport
from optimizer.market.warehouse.warehouse import Coverage
from reports.facts import StudyFacts

LISTED = 10
#: Most findings shown, the most severe first.
FINDINGS = 8
#: Most series listed.
SERIES = 40
#: Most changes of stored bars listed, the last ones first.
CHANGES = 10


@dataclass(frozen=True, kw_only=True)
class BarCheck:
    """Quality report and calendar of a symbol's bars."""

    report: QualityReport
    picture: str


async def show_data(command: ShowData, origin: Origin, context: BotContext) -> Answer:
    """Show the stored bars; for one symbol also its data problems."""
    if command.symbol is None:
        series: list[Coverage] = await asyncio.to_thread(context.services.market.warehouse.symbols)
        message = origin.renderer.render("data", series=series[:SERIES], n_series=len(series))
        return Answer(message, Audience.THREAD)
    check = await asyncio.to_thread(check_bars, command, context)
    report = check.report
    message = origin.renderer.render(
        "data_symbol", report=report, findings=report.findings[:FINDINGS], n_findings=len(report.findings),
        picture=check.picture,
    )  # fmt: skip
    return Answer(message, Audience.THREAD)


def check_bars(wanted: ShowData, context: BotContext) -> BarCheck:
    """Check a symbol's bars now; raises UnknownSymbol, NoTimeframe or UnknownTimeframe."""
    assert wanted.symbol is not None, "without a symbol every series is listed"
    bars, report = context.services.market.checked_bars(
        wanted.symbol, timeframe=wanted.timeframe, source=wanted.source, now=context.clock()
    )
    return BarCheck(report=report, picture=picture(bars, report))


async def show_changes(command: ShowChanges, origin: Origin, context: BotContext) -> Answer:
    """Show the last changes in a symbol's stored bars, and the finished studies and champions that rest on them.

    Raises UnknownSymbol, UnknownSource, UnknownTimeframe or NoTimeframe.
    """
    market = context.services.market
    series = await asyncio.to_thread(
        market.stored_series, command.symbol, timeframe=command.timeframe, source=command.source
    )
    changes = await asyncio.to_thread(market.warehouse.changes, [one.key for one in series])
    among = await visible(origin, context)
    rows = await effects_of(changes[:CHANGES], market.warehouse, context.champions, among)
    message = origin.renderer.render("data_changes", symbol=command.symbol, rows=rows, n_changes=len(changes))
    return Answer(message, Audience.THREAD)


async def health(command: Health, origin: Origin, context: BotContext) -> Answer:
    """Check every part now."""
    probes = [
        *await probe_client(context.client, context.services.settings),
        *await probe_desk(context.services),
        *await probe_operation(context.services),
        *probe_strategies(),
        probe_access(context.services.settings),
    ]
    return Answer(origin.renderer.render("health", probes=probes))


async def failures(command: Failures, origin: Origin, context: BotContext) -> Answer:
    """Show the studies that failed last, the faults of the bot itself, and symbols whose bars forecasts wait for."""
    among = await visible(origin, context)
    studies = await context.services.studies.list_studies(among=among, states=(StudyState.FAILED,), limit=LISTED)
    # What others typed is for those who may see all that is requested privately.
    only_of = None if origin.role >= Role.APPROVER and not origin.is_overheard else origin.user_id
    broken = await audit.latest(LISTED, outcomes=(Outcome.BROKE,), user_id=only_of)
    facts = [study_facts(study, now=context.clock()) for study in studies]
    rows = [(study, _reason(study, origin)) for study in facts]
    waiting = (await waiting_symbols(origin, context))[:LISTED]
    return Answer(origin.renderer.render("failures", rows=rows, broken=broken, waiting=waiting))


def _reason(study: StudyFacts, origin: Origin) -> str:
    """Return why a study failed, escaped."""
    assert study.failure is not None, "only failed studies are listed"
    return origin.renderer.error(study.failure.error or SomethingBroke(reference=study.failure.reference))


async def show_audit(command: Audit, origin: Origin, context: BotContext) -> Answer:
    """Show the audit, newest entries first."""
    rows = [(entry, _why(entry, origin)) for entry in await audit.latest(command.limit)]
    return Answer(origin.renderer.render("audit", rows=rows))


def _why(entry: AuditEntry, origin: Origin) -> str:
    """Return why a command was refused, in the reader's language where the error was kept; not escaped."""
    return unescape(origin.renderer.error(error_of(entry.error))) if entry.error else entry.reason


LISTENERS: Listeners = {
    ShowData: show_data,
    ShowChanges: show_changes,
    Health: health,
    Failures: failures,
    Audit: show_audit,
}
