"""Links sign in once and soon, cookies name a session, and neither can be made up."""

import asyncio
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.access.sign_in import LINK_LIVES, SESSION_LIVES, LinkExpired, LinkUsed, NotMyLink, SignIn
from bot.documents.sessions import WebSession
from optimizer.storage.driver import collection_of

#: Far enough ahead that MongoDB's own clock forgets nothing meanwhile.
from tests.refused import refused

START = datetime(2031, 5, 4, 9, 30, tzinfo=UTC)


class Hours:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
def sign_in(home: Path, hours: Hours) -> SignIn:
    return SignIn.of(home, hours)


@pytest.mark.usefixtures("documents")
async def test_a_link_signs_in_whom_it_was_made_for(sign_in: SignIn) -> None:
    link, cookie = await sign_in.redeem(sign_in.link_for("U0ALICE1", "T0"), "ko")

    session = await sign_in.session(cookie)
    assert link.user_id == "U0ALICE1"
    assert session is not None
    assert (session.user_id, session.team_id, session.language) == ("U0ALICE1", "T0", "ko")


@pytest.mark.usefixtures("documents")
async def test_looking_at_a_link_does_not_use_it_up(sign_in: SignIn) -> None:
    ticket = sign_in.link_for("U0ALICE1")

    for _ in range(3):
        await sign_in.read(ticket)

    assert (await sign_in.redeem(ticket, "en"))[1]


@pytest.mark.usefixtures("documents")
async def test_a_link_works_once_also_for_two_at_the_same_moment(sign_in: SignIn) -> None:
    ticket = sign_in.link_for("U0ALICE1")

    ends = await asyncio.gather(*(sign_in.redeem(ticket, "en") for _ in range(8)), return_exceptions=True)

    assert [type(end) for end in ends if isinstance(end, BaseException)] == [LinkUsed] * 7
    assert await WebSession.count() == 1
    with pytest.raises(LinkUsed):
        await sign_in.read(ticket)


@pytest.mark.usefixtures("documents")
async def test_a_link_is_over_after_ten_minutes(sign_in: SignIn, hours: Hours) -> None:
    ticket = sign_in.link_for("U0ALICE1")
    hours.now += LINK_LIVES - timedelta(seconds=1)
    await sign_in.read(ticket)
    hours.now += timedelta(seconds=1)

    with refused(LinkExpired, match="more than 10 minutes"):
        await sign_in.redeem(ticket, "en")
    assert await WebSession.count() == 0


@pytest.mark.usefixtures("documents")
async def test_no_link_can_be_made_up(sign_in: SignIn, home: Path, hours: Hours) -> None:
    ticket = sign_in.link_for("U0ALICE1")
    stranger = SignIn(b"another secret", hours)
    body, _, signature = ticket.rpartition(".")
    flipped = "A" if ticket[5] != "A" else "B"
    forged = ["", "x", ".", ticket[:-1], f"{ticket[:5]}{flipped}{ticket[6:]}", stranger.link_for("U0ALICE1"), body,
              f".{signature}", f"{body}.", f"{body}.{signature}{signature}", "é.ü", "\x00.\x00"]  # fmt: skip

    for each in forged:
        with pytest.raises(NotMyLink):
            await sign_in.redeem(each, "en")
    assert await WebSession.count() == 0


@pytest.mark.usefixtures("documents")
async def test_a_cookie_or_a_forms_token_is_no_link_and_a_link_no_cookie(sign_in: SignIn) -> None:
    ticket = sign_in.link_for("U0ALICE1")
    _, cookie = await sign_in.redeem(sign_in.link_for("U0ALICE1"), "en")

    assert await sign_in.session(ticket) is None
    with pytest.raises(NotMyLink):
        await sign_in.read(cookie)


@pytest.mark.usefixtures("documents")
async def test_a_forged_cookie_names_nobody(sign_in: SignIn, hours: Hours) -> None:
    _, cookie = await sign_in.redeem(sign_in.link_for("U0ALICE1"), "en")
    _, strange = await SignIn(b"another secret", hours).redeem(
        SignIn(b"another secret", hours).link_for("U0BOB2"), "en"
    )

    for forged in ("", "x", cookie[:-2], cookie[1:], strange, cookie.rpartition(".")[0], "ü", "\x00"):
        assert await sign_in.session(forged) is None


@pytest.mark.usefixtures("documents")
async def test_a_session_ends_after_its_time(sign_in: SignIn, hours: Hours) -> None:
    _, cookie = await sign_in.redeem(sign_in.link_for("U0ALICE1"), "en")
    hours.now += SESSION_LIVES - timedelta(seconds=1)
    assert await sign_in.session(cookie) is not None

    hours.now += timedelta(seconds=1)
    assert await sign_in.session(cookie) is None


@pytest.mark.usefixtures("documents")
async def test_what_is_stored_does_not_open_the_door(sign_in: SignIn) -> None:
    _, cookie = await sign_in.redeem(sign_in.link_for("U0ALICE1"), "en")
    stored = str(await collection_of(WebSession).find_one({}))

    assert cookie not in stored
    assert cookie.rpartition(".")[0] not in stored


@pytest.mark.usefixtures("documents")
async def test_a_forms_token_is_good_for_its_session_only(sign_in: SignIn) -> None:
    sessions = [await sign_in.session((await sign_in.redeem(sign_in.link_for("U0ALICE1"), "en"))[1]) for _ in range(2)]
    one, other = sessions
    assert one is not None
    assert other is not None

    assert sign_in.is_form_token(sign_in.form_token(one), one)
    assert not sign_in.is_form_token(sign_in.form_token(one), other)
    assert not sign_in.is_form_token("", one)
    assert not sign_in.is_form_token("ü", one)


def test_the_secret_is_kept_and_only_its_owner_may_read_it(home: Path, hours: Hours) -> None:
    one, other = SignIn.of(home, hours), SignIn.of(home, hours)

    file = home / "pages.secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_bytes()) == 32
    assert [path.name for path in home.iterdir()] == ["pages.secret"]
    assert one._read_ticket(other.link_for("U0ALICE1")).user_id == "U0ALICE1"
