"""Workspaces that installed the app: Bolt's store of installations and of states, on MongoDB.

A token is encrypted with the first of the keys in OPTIMIZE_BOT_TOKEN_KEY and decrypted with any of them, so a key is
replaced by putting a new one in front of it, starting the bot once, and taking the old one away. In memory the tokens
are with the client that uses them (`slack_client.py`).
"""

import hashlib
import logging
import secrets
from collections.abc import Callable, MutableMapping, Sequence
from datetime import timedelta
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from slack_bolt.error import BoltError
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore

from bot.documents.current_workspace import HOME
from bot.documents.installed import OAuthState, SlackInstallation
from optimizer.clock import Clock
from optimizer.errors import UserError
from optimizer.storage.driver import collection_of
from optimizer.storage.outage import patiently

log = logging.getLogger(__name__)

#: Seconds between two looks for installations that another process stored or deleted.
RELOAD_SECONDS = 5.0
#: Most installations under way: whoever reaches the first page begins one.
MOST_STATES = 1_000
#: Time from the first page of an installation to its last.
STATE_LIVES = timedelta(minutes=10)


class WrongTokenKey(UserError):
    """Raised when no key opens the stored token of a workspace. Facts: team."""


class Installations(AsyncInstallationStore):
    """Stores installations, and keeps the tokens of a client as they are stored."""

    def __init__(
        self,
        keys: tuple[str, ...],
        tokens: MutableMapping[str, str],
        *,
        clock: Clock,
        home_team: Callable[[], str | None],
    ) -> None:
        """`tokens` are the client's, by team; `home_team` is the bot's own, whose token is in the settings."""
        self._newest = Fernet(keys[0])
        self._keys = keys
        self._tokens = tokens
        self._clock = clock
        self._home_team = home_team
        self._known: dict[str, SlackInstallation] = {}

    @property
    def logger(self) -> logging.Logger:
        """Logger, which the base class asks for."""
        return log

    def known(self, team_id: str) -> SlackInstallation | None:
        """Return the installation of a workspace as it was read last."""
        return self._known.get(team_id)

    def token_of(self, team_id: str) -> str | None:
        """Return the token of a workspace."""
        return self._tokens.get(team_id)

    async def load(self) -> None:
        """Read all installations, and encrypt again what an older key encrypted. Raises WrongTokenKey."""
        found = {each.team_id: each for each in await SlackInstallation.find_all().to_list()}
        tokens = {team_id: await self._open(each) for team_id, each in found.items()}
        self._known = found
        for team_id in set(self._tokens) - set(tokens) - {HOME}:
            del self._tokens[team_id]
        self._tokens.update(tokens)

    async def reload(self) -> None:
        """Read what another process changed, waiting out an outage of MongoDB."""
        await patiently(self.load, what="installations")

    async def _open(self, installation: SlackInstallation) -> str:
        """Return the token of an installation."""
        try:
            return self._newest.decrypt(installation.sealed_token.encode()).decode()
        except InvalidToken:
            pass
        token = open_token(installation, self._keys)
        await installation.set({"sealed_token": self._seal(token)})
        log.info("token_encrypted_again team=%s", installation.team_id)
        return token

    def _seal(self, token: str) -> str:
        return self._newest.encrypt(token.encode()).decode()

    async def async_save(self, installation: Installation) -> None:
        """Store an installation; a second one of a workspace replaces the first. Raises BoltError for a whole org."""
        team_id, token = installation.team_id, installation.bot_token
        if installation.is_enterprise_install or not team_id or not token:
            raise BoltError("the app is installed in single workspaces")
        if team_id == self._home_team():  # whose token the settings have
            return
        fields = {
            "team_name": installation.team_name or "",
            "app_id": installation.app_id or "",
            "bot_id": installation.bot_id or "",
            "bot_user_id": installation.bot_user_id or "",
            "scopes": list(installation.bot_scopes or ()),
            "sealed_token": self._seal(token),
            "installed_by": installation.user_id or "",
            "installed_at": self._clock(),
        }
        collection = collection_of(SlackInstallation)
        await collection.update_one({"team_id": team_id}, {"$set": fields}, upsert=True)
        await self.load()
        log.info("installed team=%s by=%s", team_id, installation.user_id)

    async def async_find_installation(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None = None,
        is_enterprise_install: bool | None = False,
    ) -> Installation | None:
        """Return the installation of a workspace, with its token."""
        found, token = self._known.get(team_id or ""), self._tokens.get(team_id or "")
        if found is None or token is None:
            return None
        return Installation(
            app_id=found.app_id,
            team_id=found.team_id,
            team_name=found.team_name,
            bot_token=token,
            bot_id=found.bot_id,
            bot_user_id=found.bot_user_id,
            bot_scopes=found.scopes,
            user_id=found.installed_by,
            installed_at=found.installed_at.timestamp(),
        )

    async def async_find_bot(
        self, *, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> Bot | None:
        """Return the bot of a workspace, with its token."""
        found = await self.async_find_installation(enterprise_id=enterprise_id, team_id=team_id)
        return found.to_bot() if found else None

    async def async_delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        """Delete the installation of a workspace."""
        await SlackInstallation.find({"team_id": team_id}).delete()
        await self.load()
        log.info("uninstalled team=%s", team_id)

    async def async_delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        """Delete nothing: a person's own token is never asked for."""


def open_token(installation: SlackInstallation, keys: Sequence[str]) -> str:
    """Return the token of an installation, decrypted with any of the keys. Raises WrongTokenKey."""
    try:
        return MultiFernet([Fernet(key) for key in keys]).decrypt(installation.sealed_token.encode()).decode()
    except InvalidToken as wrong:
        raise WrongTokenKey(team=installation.team_name or installation.team_id) from wrong


class OAuthStates(AsyncOAuthStateStore):
    """Stores the states of installations under way; each is good for one use."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def logger(self) -> logging.Logger:
        """Logger, which the base class asks for."""
        return log

    async def async_issue(self, *_: Any, **__: Any) -> str:
        """Return a new state; of too many the oldest is given up."""
        if await OAuthState.count() >= MOST_STATES:
            await collection_of(OAuthState).find_one_and_delete({}, sort=[("expires_at", 1)])
        state = secrets.token_urlsafe(32)
        await OAuthState(digest=_digest(state), expires_at=self._clock() + STATE_LIVES).insert()
        return state

    async def async_consume(self, state: str) -> bool:
        """Use a state up; returns False for one that is unknown, too old or was used before."""
        unexpired = {"digest": _digest(state), "expires_at": {"$gt": self._clock()}}
        return await collection_of(OAuthState).find_one_and_delete(unexpired) is not None


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
