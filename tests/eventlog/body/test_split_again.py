"""Splitting by comparison with an earlier response equals splitting as a whole."""

import random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.body.json_spans import NotJson
from eventlog.body.split import split
from eventlog.body.split_again import NOT_PARSED, EarlierSplit, earlier_split, split_again
from eventlog.body.split_rules import Rule, id_member

RULE = Rule("/page/data", "model", "list", id_member("id"))
ELEMENTS = [
    b'{"id":1}',
    b'{"id":1,"n":"x"}',
    b'{"id":12}',
    b'{"id":"a/b","text":"},{\\"id\\":7}"}',
    b'{"id":3,"list":[{"id":1},{"id":1,"n":"x"}]}',
    b'{"id":4,"n":1.0}',
    b'{"id":4,"n":1.50}',
    b'{"id":5,"a":1,"a":2}',
    '{"id":"é","n":"ö"}'.encode(),
    b'{"id":"\xff"}',
    b'{"id":6, "n":1}',
    b'{"n":1}',
    b"{}",
    b"7",
    b'"a"',
    b"null",
    b'[{"id":1}]',
    b'{"id":8,"deep":' + b"[" * 150 + b"]" * 150 + b"}",
    b'{"id":9,"deep":' + b"[" * 252 + b"]" * 252 + b"}",
]
USUAL = ELEMENTS[:6]


def page_with(elements: list[bytes], after: bytes = b'],"count":1}}') -> bytes:
    return b'{"page":{"data":[' + b",".join(elements) + after


def earlier_of(body: bytes, rule: Rule = RULE) -> EarlierSplit | None:
    parts = split(body, [rule])
    if parts.first is None or parts.envelope is None:
        return None
    return earlier_split(rule, parts.envelope, parts.first, parts.entities)


def check_law(body: bytes, earlier: EarlierSplit) -> bool:
    """Checks the law of `split_again`; returns whether the response was split."""
    again = split_again(body, earlier)
    if again is None:
        return False
    parts, numbers = again
    whole = split(body, [RULE])
    assert attrs.evolve(parts, values=None) == attrs.evolve(whole, values=None)
    for number, entity, value, parsed in zip(
        numbers, parts.entities, parts.values or (), whole.values or (), strict=True
    ):
        if number is None:
            assert value == parsed
        else:
            assert value is NOT_PARSED
            assert earlier.entities[number].body == entity.body
    return True


@given(
    st.lists(st.sampled_from(USUAL), min_size=1, max_size=5),
    st.lists(st.sampled_from(ELEMENTS), max_size=6),
)
def test_any_response_is_split_as_a_whole_or_with_the_same_result(
    before: list[bytes], now: list[bytes]
) -> None:
    earlier = earlier_of(page_with(before))
    assert earlier is not None

    check_law(page_with(now), earlier)


@given(st.data())
def test_a_response_with_any_byte_changed_has_the_same_result(data: st.DataObject) -> None:
    body = bytearray(page_with(USUAL))
    earlier = earlier_of(bytes(body))
    assert earlier is not None
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        change = data.draw(st.sampled_from([b"", b",", b"}", b"]", b'"', b"{", b"\\", b" ", b"1"]))
        body[at : at + data.draw(st.integers(0, 1))] = change
    changed = bytes(body)

    try:
        split(changed, [RULE])
    except NotJson:
        assert split_again(changed, earlier) is None
    else:
        check_law(changed, earlier)


@pytest.mark.parametrize(
    "now",
    [
        USUAL,
        USUAL[1:],
        [*USUAL, b'{"id":99}'],
        [b'{"id":98}', *USUAL],
        [*USUAL[:2], b'{"id":97,"n":"]}"}', *USUAL[3:]],
        random.Random(1).sample(USUAL, len(USUAL)),
        [USUAL[0], USUAL[0]],
        [b'{"id":96}'],
        [*USUAL[:2], ELEMENTS[4], *USUAL[3:]],
        [*USUAL[:2], ELEMENTS[4]],
    ],
)
def test_changed_new_removed_and_moved_elements_need_no_complete_split(now: list[bytes]) -> None:
    earlier = earlier_of(page_with(USUAL))
    assert earlier is not None

    assert check_law(page_with(now), earlier)


@pytest.mark.parametrize(
    "body",
    [
        page_with([]),
        page_with(USUAL, b'],"count":2}}'),
        page_with(USUAL) + b"\n",
        page_with([b"", *USUAL]),
        page_with([*USUAL, b""]),
        page_with([b"".join(USUAL)]),
        page_with([b";".join(USUAL)]),
        page_with([b";".join([b'{"id":97}', *USUAL])]),
        b'{"page":{"data":[{"id":7,"x":[],"count":1}}',
        page_with([b'{"n":1}']),
        page_with([ELEMENTS[-1]]),
    ],
)
def test_other_responses_are_split_as_a_whole(body: bytes) -> None:
    earlier = earlier_of(page_with([*USUAL, b'{"id":7,"x":[],"count":1}']))
    assert earlier is not None

    assert split_again(body, earlier) is None


def test_entities_whose_ids_depend_on_their_order_are_not_compared() -> None:
    numbered = attrs.evolve(RULE, number_repeats=True)

    assert earlier_of(page_with(USUAL), numbered) is None
    assert earlier_of(page_with([])) is None


def test_only_the_changed_elements_are_parsed() -> None:
    earlier = earlier_of(page_with(USUAL))
    assert earlier is not None

    again = split_again(page_with([*USUAL[:3], b'{"id":97}', *USUAL[4:]]), earlier)

    assert again is not None
    assert again[1] == (0, 1, 2, None, 4, 5)
