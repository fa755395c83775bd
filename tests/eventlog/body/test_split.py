"""Splitting and joining are inverse, byte for byte if nothing is between the elements."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.body.join import join
from eventlog.body.json_spans import NotJson
from eventlog.body.split import Split, split
from eventlog.body.split_rules import Entity, Rule, id_member, id_text
from eventlog.body.value_hash import parsed_value_hash, value_hash
from tests.eventlog.making import json_values, spelled

RULES = (
    Rule("/items", "model", "list", id_member("id")),
    Rule("/items/*/versions", "version", "embedded", id_member("id")),
    Rule("/items/*/versions/*/files", "file", "embedded", id_member("id")),
    Rule("/items/*/creator", "creator", "embedded", id_member("username")),
)
ONE = (
    Rule("", "model", "detail", id_member("id")),
    Rule("/versions", "version", "embedded", id_member("id")),
)
ids = st.integers(0, 10**20) | st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4
)
extra = st.dictionaries(st.text(min_size=1, max_size=3), json_values, max_size=2)


def having(**members: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    named = st.fixed_dictionaries({}, optional=members)
    return st.builds(lambda more, found: more | found, extra, named)


files = st.builds(lambda rest, name: rest | {"id": name}, having(), ids)
versions = st.builds(
    lambda rest, name: rest | {"id": name}, having(files=st.lists(files, max_size=2)), ids
)
models = st.builds(
    lambda rest, name: rest | {"id": name},
    having(versions=st.lists(versions, max_size=3), creator=st.just({"username": "x"})),
    ids,
)
pages = st.builds(
    lambda rest, items: rest | {"items": items}, having(), st.lists(models, max_size=4)
)


def compact(value: object, ascii_only: bool) -> bytes:
    text = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def bodies(found: Split) -> dict[str, list[bytes]]:
    stored: dict[str, list[bytes]] = {}
    for entity in found.entities:
        stored.setdefault(entity.pointer, []).append(entity.body)
    return stored


def rejoined(body: bytes, rules: tuple[Rule, ...]) -> bytes:
    parts = split(body, rules)
    stored = bodies(parts)
    for rule in rules:
        stored.setdefault(rule.pointer, [])
    return join(parts.envelope, stored)


@given(pages, st.booleans())
def test_join_is_the_inverse_of_split(value: object, ascii_only: bool) -> None:
    body = compact(value, ascii_only)

    assert rejoined(body, RULES[:3]) == body


@given(st.data(), pages)
def test_white_space_does_not_change_the_value_hash(data: st.DataObject, value: object) -> None:
    body = data.draw(spelled(value)).encode()

    assert json.loads(rejoined(body, RULES[:3])) == value


@given(models, st.booleans())
def test_one_entity_is_split_and_joined(value: object, ascii_only: bool) -> None:
    body = compact(value, ascii_only)

    assert rejoined(body, ONE) == body
    assert split(body, ONE).envelope is None


@given(pages, st.booleans(), st.sampled_from(["id", "username"]))
def test_the_fast_path_and_the_slow_path_split_a_flat_page_alike(
    value: object, ascii_only: bool, member: str
) -> None:
    body = compact(value, ascii_only)
    rule = Rule("/items", "model", "list", id_member(member), number_repeats=True)
    fast, slow = split(body, [rule]), split(body + b" ", [rule])

    assert fast.entities == slow.entities
    assert fast.misfits == slow.misfits
    assert fast.envelope == (slow.envelope or b" ")[:-1]
    for entity, read in zip(fast.entities, fast.values or (), strict=False):
        assert parsed_value_hash(read) == value_hash(entity.body)


@given(st.data(), pages)
def test_each_body_is_a_slice_with_stubs_for_its_children(
    data: st.DataObject, value: dict[str, list[dict[str, object]]]
) -> None:
    body = data.draw(spelled(value)).encode()
    entities = list(split(body, RULES[:1]).entities)

    assert all(entity.body in body for entity in entities)
    assert [json.loads(entity.body) for entity in entities] == value["items"]


def test_children_follow_their_parent_and_contain_its_id() -> None:
    body = b'{"items":[{"id":1,"versions":[{"id":7},{"id":"8"}],"creator":{"username":"me"}}]}'

    assert split(body, RULES).entities == (
        Entity(
            "/items",
            "model",
            "list",
            "1",
            b'{"id":1,"versions":[{"id":7},{"id":"8"}],"creator":{"id":"me"}}',
            None,
        ),
        Entity("/items/*/versions", "version", "embedded", "7", b'{"id":7}', ("model", "1")),
        Entity("/items/*/versions", "version", "embedded", "8", b'{"id":"8"}', ("model", "1")),
        Entity(
            "/items/*/creator", "creator", "embedded", "me", b'{"username":"me"}', ("model", "1")
        ),
    )
    assert rejoined(body, RULES) == body


def test_a_child_without_an_id_stays_in_its_parent() -> None:
    body = b'{"items":[{"id":1,"versions":[{"name":"x"},{"id":2},3]}]}'
    parts = split(body, RULES)

    assert parts.entities[0].body == b'{"id":1,"versions":[{"name":"x"},{"id":2},3]}'
    assert [each.id for each in parts.entities] == ["1", "2"]
    assert rejoined(body, RULES) == body


def test_an_element_without_an_id_is_a_misfit() -> None:
    found = split(b'{"items":[{"id":1},{"x":2},3,{"id":""}]}', RULES)

    assert [bytes_ for _, bytes_ in found.misfits] == [b'{"x":2}', b"3", b'{"id":""}']


@pytest.mark.parametrize("value", [b"{}", b'{"error":{"code":500}}', b'{"1":{"id":1}}'])
def test_an_object_without_an_id_in_place_of_the_array_is_a_misfit(value: bytes) -> None:
    page = b'{"items":%s}' % value

    result = split(page, RULES)

    assert (result.envelope, result.entities) == (page, ())
    assert result.misfits == (("/items", value),)


@pytest.mark.parametrize(
    "bad",
    [
        b'{"id":5,"t":"\\ud800"}',
        b'{"id":5,"t":NaN}',
        b'{"id":5,"t":"\xff"}',
        b'{"id":5,"t":"\x01"}',
        b'{"id":5,"t":' + b"[" * 3000 + b"]" * 3000 + b"}",
        b'{"id":5,"t":"]},{"}',
    ],
)
def test_an_invalid_entity_does_not_affect_the_others(bad: bytes) -> None:
    good = [b'{"id":%d,"s":"]}"}' % n for n in range(3)]
    body = b'{"items":[' + b",".join([*good, bad]) + b'],"next":null}'
    parts = split(body, RULES)

    assert [each.body for each in parts.entities] == [*good, bad]
    assert parts.envelope == b'{"items":[],"next":null}'
    assert rejoined(body, RULES) == body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<html>",
        b'{"items":',
        b'{"items":[',
        b'{"items":[{"id":1}',
        b"[]",
        b"null",
        b"{}",
        b'{"items":null}',
        b'{"items":[{"id":1}]',
        b'{"items":[{"id":1]}}',
    ],
)
def test_a_body_that_does_not_fit_the_rules_is_rejected(body: bytes) -> None:
    with pytest.raises(NotJson):
        split(body, RULES)


@given(st.data(), pages)
def test_a_truncated_page_is_never_accepted_as_complete(data: st.DataObject, value: object) -> None:
    body = compact(value, True)
    torn = body[: data.draw(st.integers(0, len(body) - 1))]

    with pytest.raises(NotJson):
        split(torn, RULES)


@pytest.mark.parametrize(
    ("spelling", "text"),
    [(b"5", "5"), (b'"5"', "5"), (b'"a\\u0041\\/"', "aA/"), (b'"\\ud83d\\ude00"', "😀")],
)
def test_ids_are_read_as_text(spelling: bytes, text: str) -> None:
    assert id_text(spelling) == text


def test_repeated_ids_can_be_numbered() -> None:
    rules = (Rule("/items", "model", "list", id_member("id"), number_repeats=True),)
    found = split(b'{"items":[{"id":1},{"id":2},{"id":1},{"id":1}]}', rules)

    assert [each.id for each in found.entities] == ["1", "2", "1~2", "1~3"]
