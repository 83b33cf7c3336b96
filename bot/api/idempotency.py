"""Idempotent requests: an Idempotency-Key names a request, and its answer is kept for a day.

The key is claimed before anything is started and released when nothing was; the studies carry the claim's own
name, so that a crash between the two cannot start them twice either.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel
from pymongo.errors import DuplicateKeyError

from bot.api.errors import KeyReused
from bot.api.requests import OptimizationRequest
from bot.documents.sessions import ApiRequest
from bot.grammar.fields import BadFields
from optimizer.errors import UserError

Answer = TypeVar("Answer", bound=BaseModel)


async def run_once(
    claim: ApiRequest, kind: type[Answer], work: Callable[[str], Awaitable[Answer]]
) -> tuple[Answer, bool]:
    """Return the answer of `work`, or the stored first answer, and whether it was stored before.

    `work` gets a name for what it stores. Callers hold one lock, so that of two equal concurrent requests the
    second sees the answer of the first. Raises KeyReused for another request with the same key.
    """
    stored = await _claim(claim)
    if stored.fingerprint != claim.fingerprint:
        raise KeyReused(word=claim.idempotency_key)
    if stored.answer is not None:
        return kind.model_validate(stored.answer), True
    try:
        answer = await work(f"api-{stored.id}")
    except (UserError, BadFields):
        await stored.delete()
        raise
    await stored.set({"answer": answer.model_dump(mode="json")})
    return answer, False


def make_claim(key_name: str, idempotency_key: str, request: OptimizationRequest, now: datetime) -> ApiRequest:
    """Build the claim of a request."""
    body = json.dumps(request.model_dump(mode="json"), sort_keys=True)
    fingerprint = hashlib.sha256(body.encode()).hexdigest()
    return ApiRequest(key_name=key_name, idempotency_key=idempotency_key, fingerprint=fingerprint, created_at=now)


async def _claim(claim: ApiRequest) -> ApiRequest:
    """Store the claim, or return the one stored before."""
    try:
        return await claim.insert()
    except DuplicateKeyError:
        first = await ApiRequest.find_one({"key_name": claim.key_name, "idempotency_key": claim.idempotency_key})
        # The stored claim expired at this very moment: then this one is new.
        return first or await claim.insert()
