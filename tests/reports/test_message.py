"""Messages within Slack's limits."""

import pytest

from reports.text.message import MAX_BLOCKS, MAX_SECTION, Block, Message, fit, split_text


def section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def table(n_rows: int) -> Block:
    cells = [[{"type": "raw_text", "text": str(i)}] for i in range(n_rows)]
    return {"type": "table", "rows": cells, "column_settings": [{"align": "left"}]}


def test_a_message_that_fits_is_left_alone() -> None:
    message = Message("text", [section("a"), table(3)])

    assert fit(message) == [message]


def test_too_many_blocks_become_several_messages() -> None:
    messages = fit(Message("text", [section(str(i)) for i in range(2 * MAX_BLOCKS + 1)]))

    assert [len(message.blocks) for message in messages] == [MAX_BLOCKS, MAX_BLOCKS, 1]
    assert all(message.text == "text" for message in messages)


def test_each_message_has_one_table_at_most() -> None:
    messages = fit(Message("text", [table(2), section("between"), table(2)]))

    assert [[block["type"] for block in message.blocks] for message in messages] == [["table", "section"], ["table"]]


def test_a_long_table_repeats_its_head() -> None:
    messages = fit(Message("text", [table(150)]))

    heads = [message.blocks[0]["rows"][0][0]["text"] for message in messages]
    assert heads == ["0", "0"]
    assert [len(message.blocks[0]["rows"]) for message in messages] == [100, 51]


def test_a_long_section_is_cut_between_words_and_loses_none() -> None:
    words = " ".join(f"word{i}" for i in range(1000))
    (message,) = fit(Message("text", [section(words)]))

    texts = [block["text"]["text"] for block in message.blocks]
    assert all(len(text) <= MAX_SECTION for text in texts)
    assert " ".join(texts) == words


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", [""]),
        ("abc", ["abc"]),
        ("abcdef", ["abcd", "ef"]),
        ("ab cdef", ["ab", "cdef"]),
        ("a\nb cde", ["a", "b", "cde"]),
    ],
)
def test_text_is_cut_at_line_ends_then_at_spaces_then_anywhere(text: str, pieces: list[str]) -> None:
    assert split_text(text, 4) == pieces
