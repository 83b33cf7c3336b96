"""Where the pages are said to be, and what follows from it for cookies, forms and messages."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import Request
from pydantic import ValidationError

from bot.access.sign_in import SignIn
from bot.pages.errors import Forged
from bot.pages.session_guard import SessionGuard
from bot.runtime.settings import Settings
from optimizer.clock import utc_now
from reports.render import LANGUAGES, renderer_of
from tests.reports import facts


def settings(public_url: str = "", **more: object) -> Settings:
    return Settings.model_validate({"OPTIMIZE_BOT_HOME": Path("unused"), "PUBLIC_URL": public_url, **more})


def guard(public_url: str = "") -> SessionGuard:
    context = SimpleNamespace(services=SimpleNamespace(settings=settings(public_url)))
    return SessionGuard(context, SignIn(b"a secret", utc_now))  # type: ignore[arg-type]


def form(host: str, **headers: str) -> Request:
    named = {"host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = [(name.encode(), value.encode()) for name, value in named.items()]

    async def dispatch() -> dict[str, object]:
        return {"type": "http.request", "body": b"ticket=x", "more_body": False}

    return Request({"type": "http", "method": "POST", "path": "/sign-in", "headers": raw}, dispatch)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        ("https://Desk.Example.com/", "https://desk.example.com"),
        ("https://desk.example.com:443", "https://desk.example.com"),
        ("https://desk.example.com:8443", "https://desk.example.com:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_an_address_is_kept_as_browsers_write_it(typed: str, kept: str) -> None:
    assert settings(typed).public_url == kept


@pytest.mark.parametrize(
    "typed",
    ["desk.example.com", "http://desk.example.com", "ftp://localhost", "https://", "https://desk.example.com/optimizer",
     "https://desk.example.com?x=1", "https://me:secret-1@desk.example.com", "https://desk.example.com:x",
     "javascript:alert(1)"],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        settings(typed)


def test_without_an_address_the_pages_are_on_this_machine() -> None:
    assert settings(OPTIMIZE_BOT_PORT="3456").web_address == "http://127.0.0.1:3456"
    assert settings(OPTIMIZE_BOT_HOST="0.0.0.0").web_address == "http://127.0.0.1:3000"
    assert settings(OPTIMIZE_BOT_HOST="::1").web_address == "http://[::1]:3000"


def test_a_cookie_is_secure_wherever_the_address_is() -> None:
    public, local = guard("https://desk.example.com"), guard("http://localhost:3000")

    assert (public.is_secure, public.cookie) == (True, "__Host-optimize-bot")
    assert (local.is_secure, local.cookie) == (False, "optimize-bot")


@pytest.mark.parametrize(
    ("public_url", "host", "headers"),
    [
        ("https://desk.example.com", "desk.example.com", {"origin": "https://desk.example.com"}),
        ("https://desk.example.com", "10.0.0.7:3000", {"origin": "https://desk.example.com"}),  # behind a proxy
        ("", "127.0.0.1:3000", {"origin": "http://127.0.0.1:3000", "sec_fetch_site": "same-origin"}),
        ("", "localhost:3000", {"origin": "http://localhost:3000"}),
        ("", "127.0.0.1:3000", {}),  # no browser
    ],
)
async def test_a_form_from_our_own_page_is_read(public_url: str, host: str, headers: dict[str, str]) -> None:
    assert await guard(public_url).form(form(host, **headers)) == {"ticket": "x"}


@pytest.mark.parametrize(
    ("public_url", "host", "headers"),
    [
        ("https://desk.example.com", "desk.example.com", {"origin": "http://desk.example.com"}),
        ("https://desk.example.com", "desk.example.com", {"origin": "https://evil.example"}),
        ("https://desk.example.com", "evil.example", {"origin": "https://evil.example"}),
        ("https://desk.example.com", "desk.example.com", {"origin": "null"}),
        ("https://desk.example.com", "desk.example.com", {"sec_fetch_site": "same-site"}),
        ("", "evil.example:3000", {"origin": "http://evil.example:3000"}),  # a name that was made to point here
        ("", "127.0.0.1:3000", {"origin": "http://127.0.0.1:4000"}),
    ],
)
async def test_a_form_from_elsewhere_is_not(public_url: str, host: str, headers: dict[str, str]) -> None:
    with pytest.raises(Forged):
        await guard(public_url).form(form(host, **headers))


@pytest.mark.parametrize("language", LANGUAGES)
def test_messages_link_to_the_page_where_there_is_an_address(language: str) -> None:
    say = renderer_of(language)
    link = "<https://desk.example.com/studies/opt-7f3a|"

    for name in ("strong", "bare"):
        plain = facts.finished(name)
        linked = replace(plain, page_url="https://desk.example.com/studies/opt-7f3a")
        for message in (say.root, say.status, lambda study: say.result(study)[0]):
            assert link in str(message(linked).blocks)
            assert "|" not in str(message(plain).blocks[-2:])
