"""Who may see what is stored: `may_see` is the one rule, and `seen_by` is the same rule as a query.

A study or a schedule is stored with its audience: the workspace; its requester with the approvers; or the members of
one channel: each within its own Slack workspace. `bot/access/viewers.py` finds the audiences that somebody belongs to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bot.documents.current_workspace import HOME, in_workspace, of_workspace, workspace
from bot.documents.recurring import Schedule
from optimizer.storage.documents import WORKSPACE, OptimizationStudy
from optimizer.storage.driver import collection_of

#: Audience of what was requested privately or in a direct message: the requester and the approvers.
REQUESTER = "requester"
_CHANNEL = "channel:"


class Stored(Protocol):
    """Study, schedule or forecast."""

    @property
    def created_by(self) -> str:
        """Who requested it."""

    @property
    def audience(self) -> str:
        """Audience that it is stored with."""

    @property
    def team(self) -> str:
        """Workspace that it is of."""


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Somebody who looks: a person, a key, or everyone in a channel."""

    user_id: str = ""  # sees what they requested; empty: everyone in a channel
    audiences: frozenset[str] = frozenset({WORKSPACE})  # that they belong to
    team: str = HOME  # the workspace that they look from, and see nothing beyond
    sees_everything: bool = False  # the person at the bot's machine


def may_see(viewer: Viewer, stored: Stored) -> bool:
    """Return whether somebody may see a study, a schedule or a forecast."""
    is_own = bool(viewer.user_id) and stored.created_by == viewer.user_id
    is_here = stored.team == viewer.team
    return viewer.sees_everything or (is_here and (is_own or stored.audience in viewer.audiences))


def seen_by(viewer: Viewer) -> Mapping[str, Any]:
    """Return the query for what somebody may see."""
    if viewer.sees_everything:
        return {}
    open_to = {"audience": {"$in": sorted(viewer.audiences)}}
    with in_workspace(viewer.team):
        here = of_workspace()
    return here | ({"$or": [{"created_by": viewer.user_id}, open_to]} if viewer.user_id else open_to)


def channel_audience(channel_id: str) -> str:
    """Return the audience of a channel's members; of one in a further workspace its id has the workspace in front."""
    return _CHANNEL + _in_front() + channel_id


def readers_of(channel_id: str) -> Viewer:
    """Return everyone in a channel as one viewer, who sees what may be posted there."""
    return Viewer(audiences=frozenset({WORKSPACE, channel_audience(channel_id)}), team=workspace())


def _in_front() -> str:
    return f"{workspace()}/" if workspace() else ""


async def audience_channels() -> list[str]:
    """Return the channels of the current workspace whose members are an audience of any study or schedule."""
    query, found = {"audience": {"$regex": f"^{_CHANNEL}"}}, set[str]()
    for kind in (OptimizationStudy, Schedule):
        found |= set(await collection_of(kind).distinct("audience", query))
    names = [audience.removeprefix(_CHANNEL).rpartition("/") for audience in found]
    return sorted(name for team, _, name in names if team == workspace())


async def has_hidden(user_id: str) -> bool:
    """Return whether somebody requested anything that not everyone sees."""
    query = {"created_by": user_id, "audience": {"$ne": WORKSPACE}}
    kinds = (OptimizationStudy, Schedule)
    return any([await collection_of(kind).find_one(query, {"_id": 1}) for kind in kinds])


async def store_missing_audiences() -> None:
    """Store the audience of what earlier versions stored without one, as far as the channel's id tells it."""
    await _store_missing(Schedule, "channel_id")
    for schedule in await Schedule.find({"audience": {"$ne": WORKSPACE}}).to_list():
        query = {"audience": None, "origin.schedule": schedule.schedule_name}
        await collection_of(OptimizationStudy).update_many(query, {"$set": {"audience": schedule.audience}})
    await _store_missing(OptimizationStudy, "origin.channel_id")


async def _store_missing(kind: type[OptimizationStudy] | type[Schedule], channel: str) -> None:
    """Slack's ids of direct messages begin with D, and those of private channels once began with G."""
    collection, missing = collection_of(kind), {"audience": None}
    members = {"$concat": [_CHANNEL, f"${channel}"]}
    await collection.update_many({**missing, channel: {"$regex": "^D"}}, {"$set": {"audience": REQUESTER}})
    await collection.update_many({**missing, channel: {"$regex": "^G"}}, [{"$set": {"audience": members}}])
    await collection.update_many(missing, {"$set": {"audience": WORKSPACE}})
