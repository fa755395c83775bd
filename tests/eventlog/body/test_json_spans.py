"""Spans: members and elements of any body, strict JSON or not."""

import pytest

from eventlog.body.json_spans import (
    NotJson,
    Span,
    all_member_spans,
    element_spans,
    locate,
    member_spans,
    member_values,
    value_of,
    value_span,
)
from eventlog.body.split import split
from eventlog.body.split_rules import Rule, id_member

STRICT = b' \xef\xbb\xbf{"a" : [1 , "]" ] ,"b":{"c":{}},"a\\u0062":2,"b":3} '.strip(b" ")
LOOSE = STRICT.replace(b"2,", b"NaN,")


@pytest.mark.parametrize("body", [STRICT, LOOSE, STRICT + b"\r\n\t "])
def test_members_of_any_body_are_found(body: bytes) -> None:
    root = value_span(body)
    assert root.start == 3
    every = all_member_spans(body, root)

    assert list(every) == ["a", "b", "ab"]
    assert every["a"].of(body) == b'[1 , "]" ]'
    assert every["b"].of(body) == b"3"  # of repeated keys the last counts
    assert member_spans(body, root, ("b", "none")) == {"b": every["b"]}
    assert member_values(root.of(body), ("ab", "none", "b")) == {
        "ab": every["ab"].of(body),
        "b": b"3",
    }


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf", b"\n\t ", b"\xef\xbb\xbf\r\n"])
@pytest.mark.parametrize("value", [b'{"a":1,"b":2}', b'{"a":1,"b":NaN}'])
def test_what_precedes_a_value_changes_nothing(prefix: bytes, value: bytes) -> None:
    assert value_of(prefix + value + b"\n") == value
    assert member_values(prefix + value, ("a",)) == {"a": b"1"}


@pytest.mark.parametrize("body", [b"", b" ", b"\xef\xbb\xbf", b"[1]", b"\xef\xbb\xbf[1]"])
def test_what_is_no_object_has_no_members(body: bytes) -> None:
    with pytest.raises(NotJson, match="expected an object"):
        member_values(body, ("a",))


def test_a_pointer_is_followed_through_objects_only() -> None:
    body = b'{"a":{"b":[{"c":1}]},"d":5}'
    root = value_span(body)

    assert locate(body, root, "") == root
    assert locate(body, root, "/a/b") == Span(body.index(b"["), body.index(b"]") + 1)
    for pointer in ("/a/b/c", "/d/x", "/none", "/none/x"):
        assert locate(body, root, pointer) is None


@pytest.mark.parametrize(
    "array",
    [b"[]", b"[ ]", b"[1]", b'[ 1 , "," , [2,3],{"a":[]} ]', b"[NaN]", b'[NaN , "]" ,[]]'],
)
def test_elements_are_slices_without_white_space(array: bytes) -> None:
    body = b"  " + array
    elements = [span.of(body) for span in element_spans(body, Span(2, len(body)))]

    inner = array[1:-1].strip()
    expected = {
        b'1 , "," , [2,3],{"a":[]}': [b"1", b'","', b"[2,3]", b'{"a":[]}'],
        b'NaN , "]" ,[]': [b"NaN", b'"]"', b"[]"],
    }
    assert elements == expected.get(inner, [inner] if inner else [])


@pytest.mark.parametrize("array", [b"[NaN", b"[NaN}", b"[NaN]]", b"[NaN] 5", b'["NaN]'])
def test_an_array_that_does_not_end_in_its_span_is_rejected(array: bytes) -> None:
    with pytest.raises(NotJson):
        element_spans(array, Span(0, len(array)))


@pytest.mark.parametrize("body", [b'{"a":NaN,5}', b'{"a":NaN,"b"}', b'{"a":NaN,"x:y"}'])
def test_a_member_without_key_or_colon_is_rejected(body: bytes) -> None:
    with pytest.raises(NotJson, match="expected a member"):
        all_member_spans(body, Span(0, len(body)))


def test_a_page_that_is_truncated_inside_a_string_is_rejected() -> None:
    body = b'{"items":[{"id":1,"text":"x}]}'  # more was to follow
    with pytest.raises(NotJson):
        split(body, [Rule("/items", "model", "list", id_member("id"))])
