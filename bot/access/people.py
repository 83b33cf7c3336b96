"""People as Slack knows them (language, time zone, groups, channels), cached for a while."""

import asyncio
import logging
import math
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from bot.documents.current_workspace import workspace
from optimizer.lazy import LazyModule
from reports.languages import LANGUAGES, Language

if TYPE_CHECKING:
    import aiohttp
    from slack_sdk import errors
    from slack_sdk.web.async_client import AsyncWebClient
else:
    # A terminal has people too, and no Slack.
    aiohttp, errors = LazyModule("aiohttp"), LazyModule("slack_sdk.errors")

log = logging.getLogger(__name__)

Value = TypeVar("Value")

#: An acknowledgement must not wait longer than this for Slack's data of a person.
WAIT_SECONDS = 0.5
KEEP_SECONDS = 3600.0
#: Shorter for groups: people notice when somebody joins or leaves one.
KEEP_GROUP_SECONDS = 300.0
#: A private channel's members are read again after this, and a public channel's kind after `KEEP_SECONDS`.
KEEP_MEMBERS_SECONDS = 300.0
#: While Slack does not answer, members that were read longer ago than this count no more.
LONGEST_MEMBERS_SECONDS = 3600.0
#: Longest wait for the facts of a channel; nothing is acknowledged after it.
CHANNEL_SECONDS = 3.0
#: Members on a page, and most pages that are read of a channel.
_MEMBERS, _PAGES = 999, 50
#: Slack's answers that are about the channel: it does not exist, or the bot is not in it.
_NO_CHANNEL = ("channel_not_found", "not_in_channel")
#: Seconds until the next request after one that failed.
RETRY_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Person:
    """Slack's data of a person; None where Slack has no value or did not answer."""

    language: Language | None = None
    time_zone: str | None = None
    name: str = ""  # display name, else the full name
    team_id: str = ""  # of the workspace they belong to


@dataclass(frozen=True, kw_only=True)
class Channel:
    """Slack's data of a channel; one that the bot cannot look into is private and has no known members."""

    is_public: bool = False
    members: frozenset[str] = frozenset()  # of a private channel


class People:
    """Cache of Slack's people and user groups, of each workspace for itself."""

    def __init__(
        self,
        client: "AsyncWebClient",
        *,
        keep_members: float = KEEP_MEMBERS_SECONDS,
        longest_members: float = LONGEST_MEMBERS_SECONDS,
    ) -> None:
        self._client = client
        self._keep_members = keep_members
        self._longest_members = longest_members
        self._persons: dict[str, tuple[float, Person]] = {}
        self._groups: dict[str, tuple[float, frozenset[str]]] = {}
        self._channels: dict[str, tuple[float, Channel]] = {}
        self._channels_read_at: dict[str, float] = {}
        self._teams: dict[str, tuple[float, str]] = {}

    async def person(self, user_id: str) -> Person:
        """Return the person with this id."""
        key = _here(user_id)
        if (known := _unexpired(self._persons, key)) is not None:
            return known
        answer = await _call_in_time(self._client.users_info(user=user_id, include_locale=True))
        found = _person(answer["user"]) if answer else None
        return _remember(self._persons, key, found, instead=Person(), seconds=KEEP_SECONDS)

    async def members(self, group_id: str) -> frozenset[str]:
        """Return the ids of a user group's members; the last known ones while Slack does not answer."""
        key = _here(group_id)
        if (known := _unexpired(self._groups, key)) is not None:
            return known
        answer = await _call_in_time(self._client.usergroups_users_list(usergroup=group_id))
        found = frozenset(answer["users"]) if answer else None
        return _remember(self._groups, key, found, instead=frozenset(), seconds=KEEP_GROUP_SECONDS)

    async def home_team(self) -> str:
        """Return the id of the workspace that is worked for; empty as long as Slack has never answered."""
        key = workspace()
        if (known := _unexpired(self._teams, key)) is not None:
            return known
        answer = await _call_in_time(self._client.auth_test())
        found = str(answer["team_id"]) if answer else None
        return _remember(self._teams, key, found, instead="", seconds=math.inf)

    async def channel(self, channel_id: str) -> Channel:
        """Return a channel; while Slack does not answer, as it was at most an hour ago."""
        key = _here(channel_id)
        if (known := _unexpired(self._channels, key)) is not None:
            return known
        found = await self._read_channel(channel_id)
        if found is not None:
            self._channels_read_at[key] = _now()
        elif _now() - self._channels_read_at.get(key, -math.inf) > self._longest_members:
            self._channels.pop(key, None)
        seconds = KEEP_SECONDS if found is not None and found.is_public else self._keep_members
        return _remember(self._channels, key, found, instead=Channel(), seconds=seconds)

    async def _read_channel(self, channel_id: str) -> Channel | None:
        """Ask Slack about a channel; None when it does not answer."""
        try:
            async with asyncio.timeout(CHANNEL_SECONDS):
                answer = await self._client.conversations_info(channel=channel_id)
                if not answer["channel"].get("is_private", True):
                    return Channel(is_public=True)
                return Channel(members=await self._read_members(channel_id))
        except errors.SlackApiError as refusal:
            if refusal.response.get("error") in _NO_CHANNEL:
                return Channel()
            log.warning("channel_unknown channel=%s error=%s", channel_id, refusal.response.get("error"))
        except (aiohttp.ClientError, TimeoutError) as failure:
            log.warning("channel_unknown channel=%s error=%s", channel_id, type(failure).__name__)
        return None

    async def _read_members(self, channel_id: str) -> frozenset[str]:
        found, cursor = set[str](), ""
        for _ in range(_PAGES):
            page = await self._client.conversations_members(channel=channel_id, limit=_MEMBERS, cursor=cursor or None)
            found |= set(page["members"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor", "")
            if not cursor:
                break
        return frozenset(found)


async def _call_in_time(call: Awaitable[Any]) -> Any:
    """Return Slack's answer, or None when Slack refuses or takes too long."""
    try:
        return await asyncio.wait_for(call, WAIT_SECONDS)
    except (errors.SlackApiError, aiohttp.ClientError, TimeoutError) as failure:
        log.warning("people_unknown error=%s", failure)
        return None


def _person(user: dict[str, Any]) -> Person:
    language = str(user.get("locale", "")).partition("-")[0]
    profile = user.get("profile") or {}
    name = profile.get("display_name") or profile.get("real_name") or ""
    return Person(
        language=language if language in LANGUAGES else None,
        time_zone=user.get("tz") or None,
        name=name,
        team_id=str(user.get("team_id") or ""),
    )


def _here(slack_id: str) -> str:
    """Return the key of what Slack names in the current workspace."""
    return f"{workspace()}/{slack_id}"


def _now() -> float:
    return asyncio.get_running_loop().time()


def _unexpired(kept: dict[str, tuple[float, Value]], key: str) -> Value | None:
    until, value = kept.get(key, (0.0, None))
    return value if _now() < until else None


def _remember(
    kept: dict[str, tuple[float, Value]], key: str, found: Value | None, *, instead: Value, seconds: float
) -> Value:
    """Cache what was found; otherwise the former value, or `instead`, for a short time."""
    _, before = kept.get(key, (0.0, instead))
    value = before if found is None else found
    kept[key] = (_now() + (RETRY_SECONDS if found is None else seconds), value)
    return value
