"""Secrets in a backup: encrypted with a key that is derived of a passphrase."""

import base64
import json
import secrets
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from optimizer.errors import UserError

#: Cost of one guess at the passphrase: 64 MB and a tenth of a second.
_COST = {"n": 2**16, "r": 8, "p": 1}
_SALT_BYTES = 16


class WrongPassphrase(UserError):
    """Raised when a passphrase does not open the secrets of a backup."""


def seal(found: Mapping[str, str], passphrase: str) -> bytes:
    """Encrypt texts by name; the salt is in front."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return salt + _box(passphrase, salt).encrypt(json.dumps(dict(found)).encode())


def unseal(sealed: bytes, passphrase: str) -> dict[str, str]:
    """Decrypt what `seal` returned. Raises WrongPassphrase."""
    salt, token = sealed[:_SALT_BYTES], sealed[_SALT_BYTES:]
    try:
        opened: dict[str, str] = json.loads(_box(passphrase, salt).decrypt(token))
    except InvalidToken as failure:
        raise WrongPassphrase from failure
    return opened


def _box(passphrase: str, salt: bytes) -> Fernet:
    key = Scrypt(salt=salt, length=32, **_COST).derive(passphrase.encode())
    return Fernet(base64.urlsafe_b64encode(key))
