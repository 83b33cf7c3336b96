"""Every message in its older form: Slack would take it, and it says the same."""

import pytest

from reports.render import LANGUAGES, Language, renderer_of
from reports.text.message import Block
from reports.text.plain_blocks import NEW_KINDS, cell_text, has_new_blocks, plain_blocks
from tests.bot import answers, recurring
from tests.reports import kinds
from tests.slack.blocks import check_message_blocks

PERSON = {"type": "rich_text_section", "elements": [{"type": "user", "user_id": "U012AB3CD"}]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_older_slack_would_take_every_message_with_a_new_block(language: Language) -> None:
    say = renderer_of(language)
    everything = {**kinds.everything(say), **recurring.everything(say), **answers.everything(say)}
    with_new = [
        message.blocks for messages in everything.values() for message in messages if has_new_blocks(message.blocks)
    ]

    assert len(with_new) >= 20
    for blocks in with_new:
        older = plain_blocks(blocks)
        assert not NEW_KINDS & {block["type"] for block in older}
        assert not older or check_message_blocks(older) == []
        assert _cells(older) == _cells(blocks)


def _cells(blocks: list[Block]) -> list[list[str]]:
    tables = [block for block in blocks if "table" in block["type"]]
    return [[cell_text(cell) for cell in row] for table in tables for row in table["rows"]]


def test_a_person_and_a_channel_are_named_where_there_is_only_text() -> None:
    channel = {"type": "rich_text_section", "elements": [{"type": "channel", "channel_id": "C012AB3CD"}]}

    assert cell_text({"type": "rich_text", "elements": [PERSON]}) == "@U012AB3CD"
    assert cell_text({"type": "rich_text", "elements": [channel]}) == "#C012AB3CD"


def test_other_blocks_stay_as_they_are() -> None:
    blocks: list[Block] = [{"type": "divider"}, {"type": "section", "text": {"type": "mrkdwn", "text": "a"}}]

    assert plain_blocks(blocks) == blocks
    assert not has_new_blocks(blocks)
