"""A whole bot and a strict Slack, for the tests of what a person sees.

The bot is the real one: embedded MongoDB, warm workers, APScheduler, HTTP with signatures. One serves a
whole session, because it is made to; tests keep apart by the people and symbols they use.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from bot.cli.serve import run_bot
from bot.context import BotContext
from bot.documents.registry import DOCUMENTS as BOT_DOCUMENTS
from bot.runtime.processes import start_children
from bot.runtime.settings import Settings
from optimizer.clock import Clock, utc_now
from optimizer.market.providers.provider import Provider
from optimizer.market.providers.registry import ProviderSettings, make_providers
from optimizer.market.providers.sample import Sample
from optimizer.storage.documents import DOCUMENTS as STUDY_DOCUMENTS
from optimizer.storage.documents import OptimizationStudy, rank_of
from optimizer.storage.driver import collection_of
from optimizer.studies import scheduler
from reports.render import LANGUAGES, renderer_of
from tests.slack.driver import Driver
from tests.slack.inspection import SIGNING_SECRET, Slack
from tests.slack.strict import StrictSlack
from tests.slack.wire import Delivery, HttpWire
from tests.slack.workspace import Message

#: What is said at once of an answer that takes longer.
WORKING = {renderer_of(language).notice("working").text for language in LANGUAGES}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The Slack, the bot's office and the people who act."""

    slack: Slack
    context: BotContext
    act: Driver
    url: str
    #: Binds the documents and the kinds of jobs to this bot again, whatever ran since.
    bind_again: Callable[[], None]

    async def start(self, text: str, *, user: str = "alice") -> tuple[str, Message]:
        """Type a start command; returns the study's name and its root message."""
        delivery = await self.act.command(text, user=user)
        name = await self.study_of(delivery)
        return name, await self.root(name)

    async def tell(self, text: str, *, user: str = "alice") -> str:
        """Type a command; returns all that the asker is told, as it was sent."""
        answer = await self.told(await self.act.command(text, user=user))
        return str(dict(sorted(answer.items())))  # in one order, whether it came with the acknowledgement or after it

    async def told(self, delivery: Delivery) -> dict[str, Any]:
        """What the asker was told in the end: in the acknowledgement, or on a busy machine after it."""
        assert delivery.status == 200, delivery.body
        assert delivery.response_url is not None
        replies = delivery.response_url.replies

        async def look() -> dict[str, Any] | None:
            answers = [reply.body for reply in replies if not reply.body.get("replace_original")]
            return next((answer for answer in reversed(answers) if answer["text"] not in WORKING), None)

        return await self.slack.eventually(look, seconds=120, what=f"the answer to {delivery.payload}")

    async def finished(self, text: str, *, user: str = "alice", least: int = 2) -> tuple[str, Message]:
        """Type a start command and wait until its result is told; returns the study's name and its root message."""
        name, root = await self.start(text, user=user)
        await self.answers(root, least=least, seconds=300)  # the first study may wait for the compiler
        return name, root

    async def detailed(self, verdict: Message, *, user: str = "alice") -> Message:
        """Ask for the details of a result; returns the message that follows its decision."""
        await self.act.click(verdict, "study_report", user=user)

        async def look() -> Message | None:
            thread = await self.slack.thread(verdict.channel, verdict.thread_ts)
            return next((m for m in thread if "study_more" in str(m.blocks)), None)

        return await self.slack.eventually(look, seconds=120, what="the details")

    async def verdict(self, root: Message) -> Message:
        """The first message of a result, once it is there."""

        async def look() -> Message | None:
            replies = await self.slack.thread(root.channel, root.ts)
            return next((m for m in replies if "study_adopt" in str(m.blocks)), None)

        return await self.slack.eventually(look, seconds=300, what="the verdict")

    async def adopt(self, verdict: Message, *, user: str) -> str:
        """Adopt the winner of a result: by its button, or by the menu, which asks first; returns what is answered."""
        answer = await self.told(await self.act.click(verdict, "study_adopt", user=user))
        if "study_adopt" not in str(answer):
            return str(answer)
        shown = await self.slack.private(await self.slack.user_id(user))
        offered = next(message for message in reversed(shown) if "study_adopt" in str(message.blocks))
        return str(await self.told(await self.act.click(offered, "study_adopt", user=user)))

    async def study_of(self, delivery: Delivery) -> str:
        """The study named in an acknowledgement, or on a busy machine in the answer that follows it."""
        assert delivery.status == 200, delivery.body
        assert delivery.response_url is not None

        async def look() -> str | None:
            return study_in(str(delivery.answer)) or study_in(str(delivery.response_url.replies))

        return await self.slack.eventually(look, seconds=180, what=f"the answer to {delivery.payload['text']}")

    async def n_studies(self, user: str = "alice") -> int:
        """How many studies this person has started; others start theirs meanwhile."""
        return await OptimizationStudy.find({"created_by": await self.slack.user_id(user)}).count()

    async def root(self, name: str) -> Message:
        """The root message of a study, once it is there."""
        channel = await self.slack.channel_id()

        async def look() -> Message | None:
            return next((m for m in await self.slack.messages(channel) if name in str(m.blocks)), None)

        return await self.slack.eventually(look, seconds=180, what=f"root of {name}")

    async def answers(self, root: Message, *, least: int = 1, seconds: float = 120.0) -> list[Message]:
        """The thread's messages, once there are at least so many."""

        async def look() -> list[Message] | None:
            replies = (await self.slack.thread(root.channel, root.ts))[1:]
            return replies if len(replies) >= least else None

        return await self.slack.eventually(look, seconds=seconds, what=f"{least} replies")


def charts_in(messages: Sequence[Message]) -> list[str]:
    """The titles of the charts among messages: pictures, and those that Slack draws in a message of their own."""
    found = []
    for message in messages:
        found += [file["title"] for file in message.files if file["name"].endswith(".png")]
        found += [block["title"] for block in message.blocks[:1] if block["type"] == "data_visualization"]
    return found


def study_in(text: str) -> str | None:
    """The first study's name in a text."""
    found = re.search(r"opt-[0-9a-f]{4,}", text)
    return found[0] if found else None


async def rank_again(study_name: str) -> None:
    """Store the rank of a study whose result a test has changed, as storing a result does."""
    study = await OptimizationStudy.find_one(OptimizationStudy.study_name == study_name)
    assert study is not None
    assert study.summary is not None
    rank = rank_of(study.spec, study.summary)
    stored = {"rank": rank.model_dump() if rank else None}
    await collection_of(OptimizationStudy).update_one({"study_name": study_name}, {"$set": stored})


class SetClock:
    """A clock that stands where it was set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The moment it shows."""
        return self.now


def bindings_now() -> Callable[[], None]:
    """Return what binds documents and kinds of jobs to the bot that they are bound to now."""
    bound = {model: model._document_settings for model in (*STUDY_DOCUMENTS, *BOT_DOCUMENTS)}
    handlers = dict(scheduler._handlers)

    def bind_again() -> None:
        for model, settings in bound.items():
            model._document_settings = settings
        scheduler.bind(handlers)

    return bind_again


@contextmanager
def kept_bindings() -> Iterator[None]:
    """A process binds documents and kinds of jobs once; inside the block another bot may, and the first goes on after.

    The other one needs an event loop of its own, so that the first stands still meanwhile.
    """
    bind_again = bindings_now()
    try:
        yield
    finally:
        bind_again()


@pytest.fixture
def other_bots_keep_theirs() -> Iterator[None]:
    """A second bot may run inside the test."""
    with kept_bindings():
        yield


def settings_for(home: Path, slack: Slack, **more: str) -> Settings:
    """A bot of its own, pointed at the Slack of the test; its one worker is enough where studies follow each other."""
    return Settings.model_validate(
        {
            "OPTIMIZE_BOT_HOME": home,
            "OPTIMIZE_BOT_WORKERS": 1,
            "OPTIMIZE_BOT_PORT": 0,
            "OPTIMIZE_BOT_ADMINS": "U0BOB2",
            "OPTIMIZE_BOT_RUNNERS": "S0RUNNERS",  # alice and kim
            "OPTIMIZE_BOT_APPROVERS": "U0ANNA4",  # who comes into the workspace where a test invites her
            "OPTIMIZE_BOT_VIEWERS": "U0VERA5",  # the same
            "SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": SecretStr(slack.bot_token),
            "SLACK_SIGNING_SECRET": SecretStr(SIGNING_SECRET),
            **more,
        }
    )


class LiveSample(Sample):
    """The sample as a source that may have new bars, so that schedules of it are allowed."""

    is_live = True


def live_providers(home: Path) -> Sequence[Provider]:
    """The sources of a bot, with a sample that may have new bars."""
    _, *others = make_providers(ProviderSettings(cache_folder=home / "cache"))
    return [LiveSample(), *others]


@asynccontextmanager
async def opened(
    slack: Slack, settings: Settings, *, clock: Clock = utc_now, providers: Sequence[Provider] = ()
) -> AsyncIterator[Stage]:
    """A bot in a Slack, and people who act there."""
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    async with (
        start_children(settings) as children,
        run_bot(settings, client, children, clock=clock, providers=providers) as bot,
    ):
        url = f"http://127.0.0.1:{bot.port}/slack/events"
        async with HttpWire(url) as wire:
            yield Stage(slack=slack, context=bot.context, act=Driver(slack, wire), url=url, bind_again=bindings_now())


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The one bot of the session."""
    home = tmp_path_factory.mktemp("home")
    async with (
        StrictSlack() as slack,
        opened(slack, settings_for(home, slack, OPTIMIZE_BOT_WORKERS="2"), providers=live_providers(home)) as stage,
    ):
        yield stage
        stage.bind_again()


async def serving(shared: Stage) -> Stage:
    """That shared bot once it serves again, for tests and for what they share within a module.

    It stood still while tests without it ran: after a quarter of a minute it serves only once its lease is renewed.
    """
    shared.bind_again()
    async with asyncio.timeout(60):
        while not shared.context.may_serve():
            await asyncio.sleep(0.05)
    return shared


@pytest_asyncio.fixture(loop_scope="session")
async def stage(shared: Stage) -> AsyncIterator[Stage]:
    """The shared bot; what it must not do fails the test that made it do so."""
    yield await serving(shared)
    await asyncio.sleep(0)
    shared.slack.assert_no_violations()
