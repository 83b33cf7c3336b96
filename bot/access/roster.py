"""Roles of people: viewer < runner < approver < admin, by Slack user or user-group ids from the settings.

A person who is not named may read the help and nothing else. A fresh installation names nobody; so that it can
be tried at all, everyone is then a runner (who starts studies and stops their own), and nobody adopts,
configures or reads the audit. Naming anyone in any role ends that. People of another workspace are nobody unless
their ids, or groups with them, are named.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.access.people import People
from bot.role import Role
from bot.runtime.settings import Settings
from optimizer.errors import UserError

EVERYONE = "*"
#: The setting that names the people of a role.
SETTING_OF = {
    Role.ADMIN: "OPTIMIZE_BOT_ADMINS",
    Role.APPROVER: "OPTIMIZE_BOT_APPROVERS",
    Role.RUNNER: "OPTIMIZE_BOT_RUNNERS",
    Role.VIEWER: "OPTIMIZE_BOT_VIEWERS",
}


class Denied(UserError):
    """Raised when a person may not do what they requested."""


class NotAllowed(Denied):
    """Raised when the user's role is too low. Facts: what, needs, has, setting, user."""


class NotYours(Denied):
    """Raised when somebody other than the owner or an approver changes a study. Facts: study, owner."""


@dataclass(frozen=True, kw_only=True)
class Roster:
    """Ids of each role; `*` is everyone in the bot's own workspace, an id that begins with S a user group."""

    ids: Mapping[Role, tuple[str, ...]]

    @classmethod
    def of(cls, settings: Settings) -> "Roster":
        """Build the roster that the settings name; with nobody named, everyone is a runner."""
        named = {
            Role.ADMIN: settings.admins,
            Role.APPROVER: settings.approvers,
            Role.RUNNER: settings.runners,
            Role.VIEWER: settings.viewers,
        }
        return cls(ids=named if any(named.values()) else {Role.RUNNER: (EVERYONE,)})

    @property
    def is_open(self) -> bool:
        """True if everyone in the workspace may start studies."""
        return EVERYONE in (*self.ids.get(Role.RUNNER, ()), *self.ids.get(Role.APPROVER, ()))

    @property
    def has_admin(self) -> bool:
        """True if anyone may change settings and read the audit."""
        return bool(self.ids.get(Role.ADMIN))


class Access:
    """Looks up the roles of people in the roster; the person at this machine, `local_user`, is an admin."""

    def __init__(self, roster: Roster, people: People, *, local_user: str = "") -> None:
        self._roster = roster
        self._people = people
        self._local_user = local_user

    async def role_of(self, user_id: str, team_id: str = "") -> Role:
        """Return the highest role that names a person, directly or by a group; `*` names those of the workspace.

        `team_id` is the workspace that Slack sent with the request, for a person whose own is not known.
        """
        if user_id and user_id == self._local_user:
            return Role.ADMIN
        for role in sorted(self._roster.ids, reverse=True):
            if await self._is_named(user_id, team_id, self._roster.ids[role]):
                return role
        return Role.NOBODY

    async def _is_named(self, user_id: str, team_id: str, ids: tuple[str, ...]) -> bool:
        if user_id in ids or (EVERYONE in ids and await self._is_of_workspace(user_id, team_id)):
            return True
        for group_id in (name for name in ids if name.startswith("S")):
            if user_id in await self._people.members(group_id):
                return True
        return False

    async def _is_of_workspace(self, user_id: str, team_id: str) -> bool:
        """Check whether a person is of the bot's own workspace; Slack Connect brings those of others into channels."""
        own, theirs = await self._people.home_team(), (await self._people.person(user_id)).team_id or team_id
        return bool(own) and own == theirs


def require(role: Role, *, needs: Role, what: str, user_id: str) -> None:
    """Raise NotAllowed unless the role is high enough."""
    if role < needs:
        raise NotAllowed(
            what=what, needs=needs.name.lower(), has=role.name.lower(), setting=SETTING_OF[needs], user=user_id
        )
