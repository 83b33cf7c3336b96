"""API keys of programs: create, look up, grant, revoke.

A key is 256 random bits, so neither it nor its SHA-256 can be guessed: a slow hash with a salt protects
what people make up, and would cost every request its time. Only the digest is stored.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from bot.documents.sessions import KEY_OWNER, ApiKey
from bot.grammar.errors import NotAWord
from bot.role import Role
from optimizer.errors import BadValue, UnknownWord, UserError
from optimizer.storage.driver import collection_of

#: Makes a key found by mistake in a file or a log easy to recognise, for people and for scanners.
PREFIX = "obk_"
ROLES = (Role.VIEWER, Role.RUNNER, Role.APPROVER, Role.ADMIN)

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,29}")
_CHANNEL = re.compile(r"[CDG][A-Z0-9]{2,30}")
_SECRET = re.compile(r"obk_[A-Za-z0-9_-]{43}")


class UnknownRole(UnknownWord):
    """Raised for a word that is no role. Facts: word, known, nearest."""


class UnknownKey(UnknownWord):
    """Raised for a name that no key has. Facts: word, nearest."""


class NotAChannel(BadValue):
    """Raised for a word that is no channel's id. Facts: word."""


class KeyExists(UserError):
    """Raised when the name belongs to another key. Facts: key."""


@dataclass(frozen=True)
class KeyIdentity:
    """Name and role of a valid key."""

    key_name: str
    role: Role


def owner_of(name: str) -> str:
    """Return the owner that studies of this key have."""
    return KEY_OWNER + name


def read_role(word: str) -> Role:
    """Return the role that a word names. Raises UnknownRole."""
    known = {role.name.lower(): role for role in ROLES}
    if word.lower() not in known:
        raise UnknownRole.of(word, known)
    return known[word.lower()]


async def add_key(name: str, role: Role, *, created_by: str, now: datetime) -> str:
    """Create a key and return its text, which is shown only once. Raises NotAWord, KeyExists."""
    if not _NAME.fullmatch(name):
        raise NotAWord(name="NAME", value=name)
    text = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(
        key_name=name, role_name=role.name.lower(), digest=_digest(text), created_by=created_by, created_at=now
    )
    try:
        await key.insert()
    except DuplicateKeyError as clash:
        raise KeyExists(key=name) from clash
    return text


async def revoke_key(name: str, *, now: datetime) -> None:
    """Revoke a key from the next request on. Raises UnknownKey."""
    await (await _valid_key(name)).set({"revoked_at": now})


async def grant_channel(name: str, channel_id: str) -> None:
    """Let a key post in a channel that is not public, and see its studies. Raises UnknownKey, NotAChannel."""
    if not _CHANNEL.fullmatch(channel_id):
        raise NotAChannel(word=channel_id)
    key = await _valid_key(name)
    await key.set({"channels": sorted({*key.channels, channel_id})})


async def _valid_key(name: str) -> ApiKey:
    key = await ApiKey.find_one({"key_name": name, "revoked_at": None})
    if key is None:
        raise UnknownKey.of(name, [each.key_name for each in await all_keys() if each.revoked_at is None])
    return key


async def all_keys() -> list[ApiKey]:
    """Return every key ever created, by name, the newest of a name first."""
    return await ApiKey.find_all().sort("key_name", "-created_at").to_list()


async def find_key(text: str) -> KeyIdentity | None:
    """Return the identity of a key, None if unknown or revoked. Called for every request, so it reads little."""
    if not _SECRET.fullmatch(text):
        return None
    found = await collection_of(ApiKey).find_one({"digest": _digest(text), "revoked_at": None})
    return KeyIdentity(found["key_name"], Role[found["role_name"].upper()]) if found else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
