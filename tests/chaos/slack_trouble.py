"""A Slack that is unwell or refuses the bot while studies run."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from tests.bot_process import BotProcess, bot_process
from tests.chaos.havoc import Havoc
from tests.chaos.studies import Ended, run
from tests.slack.faults import Fault
from tests.slack.strict import StrictSlack

#: What Slack answers on a bad day.
UNWELL = (
    Fault(status=429, error="ratelimited", retry_after=1),
    Fault(status=500, error="internal_error"),
    Fault(status=503, error="service_unavailable"),
    Fault(delay=2.0),
)
#: Slack's codes for a token that does not work (any more).
TOKEN_CODES = (
    *("token_revoked", "token_expired", "invalid_auth", "not_authed", "account_inactive", "missing_scope"),
    *("org_login_required", "team_access_not_granted", "ekm_access_denied", "accesslimited"),
)
#: Seconds until /readyz has to name the code, or that it is over; the bot asks once a minute when it sends nothing.
_NOTICED_SECONDS = 90.0


async def at_random(
    home: Path, n_studies: int, n_trials: int, faults: Sequence[Fault], *, seconds: float, seed: int
) -> tuple[Ended, int]:
    """Play the faults on two of five calls for so long; also returns how many were played."""
    slack = StrictSlack()
    slack.ledger.tolerate("file_not_found")  # of a file that only a proxy took

    @asynccontextmanager
    async def opener(*arguments: Any, **more: Any) -> AsyncIterator[BotProcess]:
        async with bot_process(*arguments, **more) as bot:
            playing = asyncio.create_task(_play(slack, faults, seconds, seed))
            try:
                yield bot
            finally:
                playing.cancel()

    ended = await run(home, n_studies, n_trials, Havoc(), slack=slack, spread=seconds, opener=opener)
    return ended, sum(bool(call.fault) for call in slack.ledger.calls)


async def _play(slack: StrictSlack, faults: Sequence[Fault], seconds: float, seed: int) -> None:
    with slack.faults.at_random(0.4, *faults, seed=seed):
        await asyncio.sleep(seconds)


async def tokens(
    home: Path, n_studies: int, n_trials: int, codes: Sequence[str], *, seconds: float
) -> tuple[Ended, list[str]]:
    """Refuse the bot with each code for so long; also returns the codes that /readyz named, until they were over."""
    slack = StrictSlack()
    named: list[str] = []

    async def strike(code: str, bot: BotProcess) -> bool:
        with suppress(TimeoutError):
            with slack.faults.outage("*.*", fault=Fault(error=code)):
                async with asyncio.timeout(_NOTICED_SECONDS):
                    while (await bot.ready())[1]["wrong"].get("slack") != code:
                        await asyncio.sleep(0.1)
                await asyncio.sleep(seconds)
            await bot.until_ready(seconds=_NOTICED_SECONDS)
            named.append(code)
        return True

    strikes = [("refused tokens", partial(strike, code)) for code in codes]
    ended = await run(home, n_studies, n_trials, Havoc(strikes=strikes, seed=16), slack=slack)
    return ended, named
