"""The value hash: independent of the spelling, and equal on the fast and the slow path."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.body import value_hash as normalize
from eventlog.body.value_hash import (
    depth_at_most,
    is_strict,
    normal_form,
    parsed_value_hash,
    parsed_value_hashes,
    strict_value_hash,
    value_hash,
)
from tests.eventlog.making import HOSTILE, json_values, spelled


@given(st.data(), json_values)
def test_spelling_does_not_change_the_hash(data: st.DataObject, value: object) -> None:
    spelling = data.draw(spelled(value)).encode()
    other_spelling = data.draw(spelled(value)).encode()

    assert value_hash(spelling) == value_hash(other_spelling)


@given(st.data(), json_values)
def test_the_fast_path_and_the_slow_path_write_the_same_bytes(
    data: st.DataObject, value: object
) -> None:
    body = data.draw(spelled(value)).encode()

    assert normalize._by_json_decoder(body) == normalize._by_tokens(body)


@given(json_values)
def test_the_normal_form_is_the_same_value_and_its_own_normal_form(value: object) -> None:
    body = json.dumps(value).encode()
    form = normal_form(body)

    assert json.loads(form) == value
    assert normal_form(form) == form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"1", b"1.0"),
        (b"-0", b"0"),
        (b"1e400", b"1e401"),
        (b"1234567890123456789012345", b"1234567890123456789012346"),
        (b'{"a":1,"a":2}', b'{"a":2,"a":1}'),
        (b'{"a":1,"a":2}', b'{"a":2}'),
        (b'"a"', b'"A"'),
        (b"null", b'"null"'),
        (b"[1,2]", b"[2,1]"),
        (b'{"a":1e5}', b'{"a":100000}'),
    ],
)
def test_different_values_have_different_hashes(one: bytes, other: bytes) -> None:
    assert value_hash(one) != value_hash(other)


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b' { "b" : 1 , "a" : [ 1.10 , -0 ] } ', b'{"a":[1.10,-0],"b":1}'),
        (b'{"\\u0061":"\\u0041\\/\\u001f\\n"}', b'{"a":"A/\\u001f\\n"}'),
        ('{"ÿ":1,"\\ud83d\\ude00":2,"\uffff":3}'.encode(), '{"ÿ":1,"\uffff":3,"😀":2}'.encode()),
        (b'{"b":0,"a":1,"b":{"c":2,"c":1}}', b'{"a":1,"b":0,"b":{"c":2,"c":1}}'),
        (b"[]", b"[]"),
        (b"{}", b"{}"),
    ],
)
def test_examples_of_the_normal_form(body: bytes, form: bytes) -> None:
    assert normal_form(body) == form


@pytest.mark.parametrize("body", HOSTILE)
def test_any_bytes_have_a_hash(body: bytes) -> None:
    assert value_hash(body).startswith("c1:")
    assert len(value_hash(body)) == 35


@pytest.mark.parametrize("depth", [200, 253, 254, 255, 256])
def test_every_allowed_depth_is_hashed_by_value(depth: int) -> None:
    tight = b"[" * depth + b"]" * depth
    wide = b"[ " * depth + b" ]" * depth

    assert value_hash(tight) == value_hash(wide)


@given(
    st.binary(max_size=40)
    | st.text(alphabet='[]{}",:0123eE+-.\\u\ntrue', max_size=12).map(str.encode)
)
def test_strict_json_is_what_every_reader_accepts(body: bytes) -> None:
    if is_strict(body):
        json.loads(body, parse_constant=lambda name: pytest.fail(name))
        if b"e" not in body.lower():  # orjson refuses 1e400
            orjson.loads(body)


def test_brackets_in_strings_do_not_count_as_depth() -> None:
    body = b'["' + b"[" * 1000 + b'\\"{"]'

    assert depth_at_most(body, 1)
    assert is_strict(body)


def test_depth_257_is_too_deep() -> None:
    assert is_strict(b"[" * 256 + b"]" * 256)
    assert not is_strict(b"[" * 257 + b"]" * 257)


@pytest.mark.parametrize(("depth", "limit", "fits"), [(3, 3, True), (4, 3, False), (1, 0, False)])
@pytest.mark.parametrize("pair", [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth_counts_arrays_and_objects_that_are_open_at_once(
    depth: int, limit: int, fits: bool, pair: tuple[bytes, bytes]
) -> None:
    body = pair[0] * depth + b"1" + pair[1] * depth
    beside = b"[" + b",".join([b"[]", b"{}"] * 5) + b"]"

    assert depth_at_most(body, limit) is fits
    assert depth_at_most(beside, 2)
    assert not depth_at_most(beside, 1)


def test_invalid_utf_8_is_not_strict_and_is_hashed_unchanged() -> None:
    for body in (b'"\xff"', b'{"b":1,"a":"\xff"}', b'{"b":1, "a":NaN}', b""):
        assert not is_strict(body)
        assert normal_form(body) == body


def test_equal_keys_keep_their_order_whatever_their_values() -> None:
    body = b'{"b":2,"a":9,"b":1}'

    assert normal_form(body) == b'{"a":9,"b":2,"b":1}'


@given(st.lists(json_values, max_size=3))
def test_a_parsed_value_has_the_hash_of_its_bytes(values: list[object]) -> None:
    read = [orjson.loads(orjson.dumps(value)) for value in values if _is_plain(value)]
    hashes = [value_hash(orjson.dumps(value)) for value in read]

    assert parsed_value_hashes(read) == hashes
    assert [parsed_value_hash(value) for value in read] == hashes
    assert [strict_value_hash(orjson.dumps(value)) for value in read] == hashes
    assert parsed_value_hash({"b": 1, "a": 2}) == value_hash(b'{"a":2,"b":1}')


def _is_plain(value: object) -> bool:
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:  # an integer of more than 64 bits
        return False
    return True
