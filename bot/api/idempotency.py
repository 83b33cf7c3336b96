"""Doing a request once however often it is sent: an Idempotency-Key names it, its answer is kept for a day.

The key is claimed before anything is started and given back when nothing was; the studies carry the claim's own
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


async def once(claim: ApiRequest, kind: type[Answer], work: Callable[[str], Awaitable[Answer]]) -> tuple[Answer, bool]:
    """The answer of `work`, or the one it gave the first time, and whether it was given before.

    `work` is handed a name for what it stores. Callers take turns, so that of two equal requests at once the
    second sees the answer of the first. Raises KeyReused for another request with the same key.
    """
    kept = await _claimed(claim)
    if kept.fingerprint != claim.fingerprint:
        raise KeyReused(word=claim.idempotency_key)
    if kept.answer is not None:
        return kind.model_validate(kept.answer), True
    try:
        answer = await work(f"api-{kept.id}")
    except (UserError, BadFields):
        await kept.delete()
        raise
    await kept.set({"answer": answer.model_dump(mode="json")})
    return answer, False


def claim_of(key_name: str, idempotency_key: str, request: OptimizationRequest, now: datetime) -> ApiRequest:
    """What a request claims."""
    body = json.dumps(request.model_dump(mode="json"), sort_keys=True)
    fingerprint = hashlib.sha256(body.encode()).hexdigest()
    return ApiRequest(key_name=key_name, idempotency_key=idempotency_key, fingerprint=fingerprint, created_at=now)


async def _claimed(claim: ApiRequest) -> ApiRequest:
    """The claim, stored now or before."""
    try:
        return await claim.insert()
    except DuplicateKeyError:
        first = await ApiRequest.find_one({"key_name": claim.key_name, "idempotency_key": claim.idempotency_key})
        # Forgotten at this very moment, a day after: then it is new.
        return first or await claim.insert()
