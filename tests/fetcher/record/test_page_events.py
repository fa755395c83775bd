"""Events of a response: they restore it exactly, and no body is stored twice."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import orjson
import pytest

from eventlog.body.json_spans import NotJson
from eventlog.body.split_rules import Rule, id_member
from eventlog.clock import DAY, HOUR
from eventlog.format.event import ANOMALY, ENTITY, PAGE, exact_body
from eventlog.format.event_codec import decode
from eventlog.read.bodies import body_of, response_of
from eventlog.read.reader import read_stream
from fetcher.record.journal import (
    Journal,
    append_batches,
    batch_of,
    close_journal,
    open_journal,
    page_batch,
)
from fetcher.record.page_events import place_body, response_anomaly
from fetcher.split.response import split_response
from tests.fetcher.making import (
    LIST,
    NESTED,
    PLACE,
    WRITER,
    SteppingClock,
    append_page,
    kinds,
    lines,
    page_of,
    response,
    responses,
)

HOSTILE = {
    "lone surrogate": rb'{"id":50,"name":"\ud800"}',
    "NaN": b'{"id":50,"score":NaN}',
    "invalid UTF-8": b'{"id":50,"name":"\xff\xfe"}',
    "control character": b'{"id":50,"name":"a\x01b"}',
    "depth 3000": b'{"id":50,"deep":' + b"[" * 3000 + b"]" * 3000 + b"}",
}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = open_journal(tmp_path, "civitai", WRITER, clock=SteppingClock())
    yield opened
    close_journal(opened)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_entity_does_not_affect_the_99_others(journal: Journal, name: str) -> None:
    hostile = HOSTILE[name]
    items = [b'{"id":%d,"name":"fine"}' % number for number in range(100)]
    items[50] = hostile
    body = b'{"items":[' + b",".join(items) + b'],"metadata":{"nextCursor":7}}'

    append_page(journal, body)

    events = lines(journal.stream.root, "civitai")
    assert kinds(events) == [ENTITY] * 100 + [PAGE]
    for line, item in zip(events, items, strict=False):
        assert exact_body(line) == item
        assert (line.body_raw is not None) == (item == hostile)
    assert list(responses(journal.stream.root, "civitai")) == [body]


def test_an_unchanged_entity_is_only_in_the_roster(journal: Journal) -> None:
    first = append_page(journal, page_of({"id": 1}, {"id": 2, "n": 1}))
    second = append_page(journal, page_of({"id": 1}, {"id": 2, "n": 2}))

    assert (first.stored, second.stored, second.unchanged) == (2, 1, 1)
    page = lines(journal.stream.root, "civitai")[-1]
    assert page.roster == {"/items": [("model", "1", 1), ("model", "2", 4)]}
    assert len(list(responses(journal.stream.root, "civitai"))) == 2


def test_a_change_of_white_space_is_stored_but_keeps_the_value_hash(journal: Journal) -> None:
    append_page(journal, b'{"items":[{"id":1,"n":2}]}')
    append_page(journal, b'{"items":[{"id":1, "n":2}]}')

    first, second = (line for line in lines(journal.stream.root, "civitai") if line.kind == ENTITY)
    assert first.hash == second.hash
    assert exact_body(second) == b'{"id":1, "n":2}'


def test_a_body_is_stored_again_after_thirty_days(journal: Journal) -> None:
    body, start = page_of({"id": 1}), 1_000_000 * HOUR
    stored = [
        append_page(journal, body, observed_at=start + after).stored
        for after in (0, 29 * DAY, 30 * DAY, 31 * DAY)
    ]

    assert stored == [1, 0, 1, 0]


def test_a_change_of_an_embedded_entity_does_not_store_its_parent_again(journal: Journal) -> None:
    versions = [{"id": number, "downloads": 5} for number in range(22)]
    first = append_page(journal, page_of({"id": 1, "versions": versions}), NESTED)
    versions[7]["downloads"] = 6
    second = append_page(journal, page_of({"id": 1, "versions": versions}), NESTED)

    assert (first.stored, second.stored, second.unchanged) == (23, 1, 22)
    stored = lines(journal.stream.root, "civitai")[-2]
    assert (stored.type, stored.id, stored.parent_id) == ("version", "7", "1")
    assert len(list(responses(journal.stream.root, "civitai"))) == 2


def test_the_same_entity_twice_in_a_page_is_stored_once_unless_it_differs(
    journal: Journal,
) -> None:
    body = page_of({"id": 1, "n": 1}, {"id": 1, "n": 1}, {"id": 1, "n": 2})

    assert append_page(journal, body).stored == 2
    assert list(responses(journal.stream.root, "civitai")) == [body]


def test_an_element_without_an_id_is_an_anomaly_and_the_page_keeps_the_exact_response(
    journal: Journal,
) -> None:
    body = page_of({"id": 1}, {"name": "no id"}, None, {"id": 2})

    append_page(journal, body)

    events = lines(journal.stream.root, "civitai")
    assert kinds(events) == [ENTITY, ENTITY, ANOMALY, ANOMALY, PAGE]
    assert [exact_body(line) for line in events[2:4]] == [b'{"name":"no id"}', b"null"]
    assert events[-1].body_raw is not None
    assert list(responses(journal.stream.root, "civitai")) == [body]


@pytest.mark.parametrize(
    "body",
    [
        b'{\n  "items": [\n    {"id": 1},\n    {"id": 2}\n  ]\n}\n',
        b'\xef\xbb\xbf{"items":[{"id":1},{"id":2}]}',
        b'{"items":[{"id":1},{"id":2}],"metadata":{"x":NaN}}',
        b' {"items":[ {"id":1} , {"id":2} ]} ',
    ],
)
def test_the_bytes_between_entities_are_restored(journal: Journal, body: bytes) -> None:
    append_page(journal, body)

    assert list(responses(journal.stream.root, "civitai")) == [body]
    page = lines(journal.stream.root, "civitai")[-1]
    assert orjson.loads(bytes(page.body))["items"] == []


def test_a_response_that_is_one_entity_has_no_envelope(journal: Journal) -> None:
    rules = (
        Rule("", "model", "detail", id_member("id")),
        Rule("/versions", "version", "embedded", id_member("id")),
    )
    body = b'{"id":15003,"versions":[{"id":1},{"id":2}]}'

    append_page(journal, body, rules)

    events = lines(journal.stream.root, "civitai")
    assert exact_body(events[0]) == b'{"id":15003,"versions":[{"id":1},{"id":2}]}'
    assert list(events[-1].roster) == ["", "/versions"]
    assert bytes(events[-1].body) == b""
    assert list(responses(journal.stream.root, "civitai")) == [body]


def test_an_empty_list_has_an_empty_roster(journal: Journal) -> None:
    append_page(journal, page_of())

    assert lines(journal.stream.root, "civitai")[-1].roster == {"/items": []}


def test_a_body_too_large_for_a_line_is_an_asset(journal: Journal) -> None:
    body = page_of({"id": 1, "text": "x" * 9_000_000})

    append_page(journal, body)

    events = lines(journal.stream.root, "civitai")
    assert events[0].body_asset is not None
    assert list(responses(journal.stream.root, "civitai")) == [body]


MIB = 1024 * 1024
FILLS = {
    "plain": b"x",
    "quotes": b'\\"',
    "controls": b"\x01",
    "escaped": b"\\u0001",
    "high": b"\xff",
}


@pytest.mark.parametrize(("size", "is_inline"), [(8 * 2**20, True), (8 * 2**20 + 1, False)])
def test_a_body_of_more_than_8_mib_is_placed_in_an_asset(size: int, is_inline: bool) -> None:
    assets: list[bytes] = []
    body = b'"' + b"x" * (size - 2) + b'"'

    placement = place_body(body, lambda asset: assets.append(asset) or "name")  # type: ignore[func-returns-value]

    assert (placement.body, placement.asset) == ((body, None) if is_inline else (None, "name"))
    assert assets == ([] if is_inline else [body])


def filled(head: bytes, fill: bytes, tail: bytes, size: int) -> bytes:
    """A body of at most `size` bytes that consists mostly of `fill`."""
    return head + fill * ((size - len(head) - len(tail)) // len(fill)) + tail


BODIES = {
    "an envelope": (b'{"items":[{"id":1}],"x":"', b'"}'),
    "an envelope with white space": (b'{"items":[{"id":1} , {"id":2}],"x":"', b'"}'),
    "an entity": (b'{"items":[{"id":1,"x":"', b'"}]}'),
    "an element without id": (b'{"items":[{"id":1},{"x":"', b'"}]}'),
    "an id": (b'{"items":[{"id":"', b'"}]}'),
    "a key": (b'{"items":[{"id":1}],"', b'":1}'),
    "no array": (b'{"x":"', b'"}'),
}


def is_slow(shape: str, fill: str, size: float) -> bool:
    """Whether a case is a slow test: most sizes, and most texts where only the place differs."""
    if shape in ("an entity", "an envelope with white space"):
        return size < 8 if shape != "an entity" else size == 8
    return size < 8 or fill != next(iter(FILLS))


CASES = [
    pytest.param(shape, fill, size, marks=[pytest.mark.slow] if is_slow(shape, fill, size) else [])
    for shape in BODIES
    for fill in FILLS
    for size in ([5.2, 8, 8.001] if fill != "controls" else [2.3])
    if fill != "controls" or shape in ("an envelope with white space", "an entity")
]


@pytest.mark.parametrize(("shape", "fill", "size"), CASES)
def test_a_response_is_restored_whatever_fills_it(
    journal: Journal, shape: str, fill: str, size: float
) -> None:
    """Bodies of about the length of a line, with characters that grow when escaped."""
    head, tail = BODIES[shape]
    body = filled(head, FILLS[fill], tail, int(size * MIB))

    assert restored(journal, body) == body


@pytest.mark.parametrize(
    "count",
    [20_000, 100_001, *(pytest.param(n, marks=pytest.mark.slow) for n in (99_999, 250_000))],
)
@pytest.mark.parametrize("length", [8, 60, pytest.param(400, marks=pytest.mark.slow)])
def test_a_response_with_any_number_of_entities_is_restored(
    journal: Journal, count: int, length: int
) -> None:
    items = b",".join(b'{"id":"%0*d"}' % (length, number) for number in range(count))
    body = b'{"items":[' + items + b"]}"

    assert restored(journal, body) == body


def restored(journal: Journal, body: bytes) -> bytes:
    """The response as restored from the log: a page, or an anomaly if it cannot be split."""
    try:
        append_page(journal, body)
    except NotJson as problem:
        draft = response_anomaly(response(body), PLACE, str(problem), journal.put)
        append_batches(journal, [batch_of(draft)])
    *_, last = read_stream(journal.stream.root, "civitai", WRITER)
    if decode(last.line).kind == ANOMALY:
        return body_of(journal.stream.root, last.line)
    return response_of(journal.stream.root, last.line)


def test_a_page_cursor_too_long_for_a_url_is_only_in_the_body(journal: Journal) -> None:
    place = attrs.evolve(PLACE, next_url="http://x/?cursor=" + "y" * 17_000_000)
    answer = response(page_of({"id": 1}))
    build = page_batch(journal, answer, place, split_response(answer, LIST), lambda _: None)

    append_batches(journal, [build])

    assert kinds(lines(journal.stream.root, "civitai")) == [ENTITY, PAGE]
