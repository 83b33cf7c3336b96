"""Signing in: a personal link that the bot sends, valid for one use within ten minutes, then a cookie.

A link carries the user's id, signed; its use is stored in MongoDB. Opening it only shows a button, because
programs that preview links open them too; the button uses it up. The cookie is signed as well and names
a session in MongoDB, so that signing out ends it for good. A role is never stored: it is looked up at every request.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from itsdangerous import BadSignature, Signer, URLSafeSerializer
from pymongo.errors import DuplicateKeyError

from bot.documents.sessions import UsedLink, WebSession
from optimizer.clock import Clock
from optimizer.errors import UserError
from reports.render import Language

LINK_LIVES = timedelta(minutes=10)
SESSION_LIVES = timedelta(hours=12)
_SECRET_FILE = "pages.secret"  # noqa: S105 - a file's name
_SECRET_BYTES = 32


class SignInNeeded(UserError):
    """Raised when nobody is signed in, or no longer."""


class NotMyLink(UserError):
    """Raised for a sign-in link whose signature is wrong."""


class LinkExpired(UserError):
    """Raised for a sign-in link that is too old. Facts: minutes."""


class SecretTooShort(UserError):
    """Raised for a secret on the disk that could be guessed. Facts: file, n and least (bytes)."""


class LinkUsed(LinkExpired):
    """Raised for a sign-in link that was used before."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """Content of a sign-in link."""

    user_id: str
    team_id: str
    nonce: str
    expires_at: datetime


class SignIn:
    """Makes and reads links, opens and closes sessions."""

    def __init__(self, secret: bytes, clock: Clock) -> None:
        self._clock = clock
        self._links = URLSafeSerializer(secret, salt="link", signer_kwargs=dict(_SIGNING))
        self._cookies = Signer(secret, salt="cookie", **_SIGNING)
        self._forms = Signer(secret, salt="form", **_SIGNING)

    @classmethod
    def of(cls, home: Path, clock: Clock) -> "SignIn":
        """Build it for a data directory; creates the secret when there is none. Raises SecretTooShort."""
        return cls(_secret(home / _SECRET_FILE), clock)

    def link_for(self, user_id: str, team_id: str = "") -> str:
        """Return the ticket of a new link for one person."""
        expires = self._clock() + LINK_LIVES
        return str(self._links.dumps([user_id, team_id, secrets.token_urlsafe(16), int(expires.timestamp())]))

    async def read(self, ticket: str) -> Link:
        """Return the content of a link, which stays usable; raises NotMyLink, LinkExpired and LinkUsed."""
        link = self._read_ticket(ticket)
        if await UsedLink.find_one(UsedLink.nonce == link.nonce) is not None:
            raise LinkUsed
        return link

    async def redeem(self, ticket: str, language: Language) -> tuple[Link, str]:
        """Use a link up and open a session; returns the link and the cookie's value. Raises as `read` does."""
        link, now = self._read_ticket(ticket), self._clock()
        try:
            await UsedLink(nonce=link.nonce, expires_at=link.expires_at + LINK_LIVES).insert()
        except DuplicateKeyError as used:
            raise LinkUsed from used
        key = secrets.token_urlsafe(32)
        session = WebSession(
            digest=_digest(key),
            user_id=link.user_id,
            team_id=link.team_id,
            language=language,
            created_at=now,
            expires_at=now + SESSION_LIVES,
        )
        await session.insert()
        return link, self._cookies.sign(key).decode()

    async def session(self, cookie: str) -> WebSession | None:
        """Return the session that a cookie names, while it is valid; None for any other cookie."""
        try:
            key = self._cookies.unsign(cookie.encode()).decode()
        except (BadSignature, UnicodeError):
            return None
        session = await WebSession.find_one(WebSession.digest == _digest(key))
        return session if session is not None and session.expires_at > self._clock() else None

    def form_token(self, session: WebSession) -> str:
        """Return the secret that every form of this session carries."""
        return self._forms.get_signature(session.digest).decode()

    def is_form_token(self, token: str, session: WebSession) -> bool:
        """Check that a form came from a page of this session."""
        return hmac.compare_digest(token.encode(), self.form_token(session).encode())

    def _read_ticket(self, ticket: str) -> Link:
        try:
            user_id, team_id, nonce, expires = self._links.loads(ticket)
        except (BadSignature, UnicodeError) as forged:
            raise NotMyLink from forged
        link = Link(user_id=user_id, team_id=team_id, nonce=nonce, expires_at=datetime.fromtimestamp(expires, UTC))
        if link.expires_at <= self._clock():
            raise LinkExpired(minutes=int(LINK_LIVES.total_seconds() // 60))
        return link


_SIGNING: Mapping[str, Any] = {"key_derivation": "hmac", "digest_method": hashlib.sha256}


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _secret(file: Path) -> bytes:
    """Return the secret in a file that only its owner may read; creates one when there is none."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(secrets.token_bytes(_SECRET_BYTES))
        try:
            os.link(fresh, file)  # whole or not at all, and never over another's
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    secret = file.read_bytes()
    if len(secret) < _SECRET_BYTES:
        raise SecretTooShort(file=file, n=len(secret), least=_SECRET_BYTES)
    return secret
