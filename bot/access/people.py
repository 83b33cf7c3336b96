"""People as Slack knows them (language, time zone, members of user groups), cached for a while."""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from reports.languages import LANGUAGES, Language

log = logging.getLogger(__name__)

Value = TypeVar("Value")

#: An acknowledgement must not wait longer than this for Slack's data of a person.
WAIT_SECONDS = 0.5
KEEP_SECONDS = 3600.0
#: Shorter for groups: people notice when somebody joins or leaves one.
KEEP_GROUP_SECONDS = 300.0
#: Seconds until the next request after one that failed.
RETRY_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Person:
    """Slack's data of a person; None where Slack has no value or did not answer."""

    language: Language | None = None
    time_zone: str | None = None
    name: str = ""  # display name, else the full name


class People:
    """Cache of Slack's people and user groups."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._persons: dict[str, tuple[float, Person]] = {}
        self._groups: dict[str, tuple[float, frozenset[str]]] = {}

    async def person(self, user_id: str) -> Person:
        """Return the person with this id."""
        if (known := _unexpired(self._persons, user_id)) is not None:
            return known
        answer = await _call_in_time(self._client.users_info(user=user_id, include_locale=True))
        found = _person(answer["user"]) if answer else None
        return _remember(self._persons, user_id, found, instead=Person(), seconds=KEEP_SECONDS)

    async def members(self, group_id: str) -> frozenset[str]:
        """Return the ids of a user group's members; the last known ones while Slack does not answer."""
        if (known := _unexpired(self._groups, group_id)) is not None:
            return known
        answer = await _call_in_time(self._client.usergroups_users_list(usergroup=group_id))
        found = frozenset(answer["users"]) if answer else None
        return _remember(self._groups, group_id, found, instead=frozenset(), seconds=KEEP_GROUP_SECONDS)


async def _call_in_time(call: Awaitable[Any]) -> Any:
    """Return Slack's answer, or None when Slack refuses or takes too long."""
    try:
        return await asyncio.wait_for(call, WAIT_SECONDS)
    except (SlackApiError, aiohttp.ClientError, TimeoutError) as failure:
        log.warning("people_unknown error=%s", failure)
        return None


def _person(user: dict[str, Any]) -> Person:
    language = str(user.get("locale", "")).partition("-")[0]
    profile = user.get("profile") or {}
    name = profile.get("display_name") or profile.get("real_name") or ""
    return Person(language=language if language in LANGUAGES else None, time_zone=user.get("tz") or None, name=name)


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
