from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from avatar_server.conversation.clauses import clauses


@given(st.text(max_size=400), st.integers(1, 60))
def test_clauses_are_the_text_in_pieces(text: str, limit: int) -> None:
    position = 0
    for index, clause in clauses(text, limit):
        assert index == position
        assert 0 < len(clause) <= limit
        position += len(clause)
        assert text[index:position] == clause
    assert position == len(text)


def cut(text: str, limit: int) -> list[str]:
    return [clause for _, clause in clauses(text, limit)]


def test_short_text_stays_whole() -> None:
    assert cut("Dr. Smith left. So did I.", 200) == ["Dr. Smith left. So did I."]


def test_cuts_at_the_last_sentence_that_fits() -> None:
    assert cut("One. Two! Three, four five six.", 14) == ["One. Two! ", "Three, ", "four five six."]


def test_decimals_and_names_are_not_sentence_ends() -> None:
    assert cut("pi is 3.14159 or more", 15) == ["pi is 3.14159 ", "or more"]


def test_cuts_chinese_without_spaces() -> None:
    assert cut("你好世界。今天天气很好，我们去吧", 8) == [
        "你好世界。",
        "今天天气很好，",
        "我们去吧",
    ]


def test_cuts_inside_a_word_that_is_too_long() -> None:
    assert cut("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]
