"""Keys: shown once, kept as a digest, gone when revoked; and what is done once is done once."""

import asyncio
import re
from datetime import UTC, datetime

import pytest
from beanie import PydanticObjectId
from pydantic import BaseModel

from bot.api.api_keys import (
    KeyExists,
    UnknownKey,
    UnknownRole,
    add_key,
    all_keys,
    find_key,
    owner_of,
    read_role,
    revoke_key,
)
from bot.api.errors import BadCursor, KeyReused
from bot.api.idempotency import make_claim, run_once
from bot.api.pagination import CURSOR_SHAPE, cursor_of, read_cursor
from bot.api.requests import OptimizationRequest
from bot.documents.sessions import ApiKey
from bot.grammar.errors import NotAWord
from bot.grammar.fields import BadFields
from bot.role import Role
from optimizer.storage.driver import collection_of
from reports.text.numbers import is_slack_user
from tests.refused import refused

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


async def _add(name: str = "ci", role: Role = Role.RUNNER) -> str:
    return await add_key(name, role, created_by="kim", now=NOW)


async def test_a_key_is_found_by_its_text_alone(documents: None) -> None:
    text = await _add()
    key = await find_key(text)

    assert key is not None
    assert (key.key_name, key.role) == ("ci", Role.RUNNER)
    assert [(each.role, each.created_by) for each in await all_keys()] == [(Role.RUNNER, "kim")]
    assert await find_key(text[:-1] + ("A" if text[-1] != "A" else "B")) is None
    assert await find_key("ci") is None


async def test_the_key_itself_is_kept_nowhere(documents: None) -> None:
    text = await _add()

    [stored] = await collection_of(ApiKey).find().to_list(None)
    assert re.fullmatch("[0-9a-f]{64}", stored["digest"])
    assert text not in str(stored)
    assert text.removeprefix("obk_") not in str(stored)


async def test_no_two_keys_are_alike(documents: None) -> None:
    assert len({await _add(f"k{i}") for i in range(20)}) == 20


async def test_a_revoked_key_opens_nothing_and_its_name_is_free(documents: None) -> None:
    old = await _add()
    with pytest.raises(KeyExists):
        await _add()
    await revoke_key("ci", now=NOW)
    new = await _add(role=Role.VIEWER)

    assert await find_key(old) is None
    found = await find_key(new)
    assert found is not None
    assert found.role is Role.VIEWER
    assert [key.revoked_at for key in await all_keys()].count(None) == 1


async def test_what_is_no_key_cannot_be_revoked(documents: None) -> None:
    await _add("nightly")

    with refused(UnknownKey, match="Did you mean `nightly`"):
        await revoke_key("nightl", now=NOW)
    await revoke_key("nightly", now=NOW)
    with pytest.raises(UnknownKey):
        await revoke_key("nightly", now=NOW)


@pytest.mark.parametrize("name", ["", "CI", "a b", "a:b", "-a", "a" * 31, "é", "a\n", "../x"])
async def test_a_name_is_one_plain_word(documents: None, name: str) -> None:
    with pytest.raises(NotAWord):
        await _add(name)


def test_roles_are_those_of_slack_and_somebody_has_one() -> None:
    assert [read_role(word) for word in ("viewer", "Runner", "approver", "ADMIN")] == list(Role)[1:]
    for word in ("nobody", "runer", ""):
        with pytest.raises(UnknownRole):
            read_role(word)


def test_no_key_has_the_name_of_a_person() -> None:
    assert not is_slack_user(owner_of("u0bob2abc"))


class _Answer(BaseModel):
    delivery: str


def _wanted(seed: int = 7) -> OptimizationRequest:
    return OptimizationRequest(symbol="IBM", strategy="rsi", seed=seed)


async def _echo(delivery: str) -> _Answer:
    return _Answer(delivery=delivery)


async def test_an_answer_is_given_again_and_the_work_is_not_done_again(documents: None) -> None:
    first, is_old = await run_once(make_claim("ci", "k", _wanted(), NOW), _Answer, _echo)

    async def never(delivery: str) -> _Answer:
        raise AssertionError(delivery)

    again, is_again = await run_once(make_claim("ci", "k", _wanted(), NOW), _Answer, never)
    assert (first, is_old, is_again) == (again, False, True)


async def test_a_key_does_not_stand_for_two_requests(documents: None) -> None:
    await run_once(make_claim("ci", "k", _wanted(), NOW), _Answer, _echo)

    with pytest.raises(KeyReused):
        await run_once(make_claim("ci", "k", _wanted(seed=8), NOW), _Answer, _echo)
    other, _ = await run_once(make_claim("other", "k", _wanted(seed=8), NOW), _Answer, _echo)
    assert other.delivery.startswith("api-")


async def test_work_that_was_refused_gives_its_key_back(documents: None) -> None:
    async def refuse(delivery: str) -> _Answer:
        raise BadFields({})

    with pytest.raises(BadFields):
        await run_once(make_claim("ci", "k", _wanted(), NOW), _Answer, refuse)
    assert not (await run_once(make_claim("ci", "k", _wanted(seed=8), NOW), _Answer, _echo))[1]


async def test_work_that_a_crash_cut_off_is_asked_for_under_the_same_name(documents: None) -> None:
    names: list[str] = []

    async def crash(delivery: str) -> _Answer:
        names.append(delivery)
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await run_once(make_claim("ci", "k", _wanted(), NOW), _Answer, crash)
    again, _ = await run_once(make_claim("ci", "k", _wanted(), NOW), _Answer, _echo)

    assert [again.delivery] == names


def test_a_cursor_is_read_back() -> None:
    identifier = PydanticObjectId()

    assert read_cursor(cursor_of(identifier)) == identifier
    assert re.fullmatch(CURSOR_SHAPE["pattern"], cursor_of(identifier))


@pytest.mark.parametrize("text", ["", "AAAA", "A" * 17, "AAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAA/", "é" * 16, "A" * 24])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(text)
