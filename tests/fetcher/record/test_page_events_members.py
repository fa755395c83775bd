"""The members of a page and an anomaly, as the format describes them."""

import hashlib
from pathlib import Path
from typing import Any

import attrs
import orjson

from eventlog.read.reader import read_stream
from fetcher.record.journal import append_batches, batch_of, close_journal, open_journal, page_batch
from fetcher.record.page_events import response_anomaly
from fetcher.split.response import Response, split_response
from tests.fetcher.making import LIST, PLACE, WRITER, SteppingClock, page_of, response

BODY = page_of({"id": 1}, {"id": 2})
HEADERS = {"date": "Sat, 21 Nov 2026 05:00:00 GMT", "age": "7"}
IMPORT = {"file": "a.tar.zst", "member": "x.json", "commit": "0abc"}
FULL = attrs.evolve(PLACE, scope="all", page_no=3, next_url="http://127.0.0.1/models?cursor=4")


def written_event(
    root: Path, answer: Response, place: Any = FULL, reason: str | None = None
) -> Any:
    """Members of the last event of a response, as they are in the log."""
    journal = open_journal(root, "civitai", WRITER, clock=SteppingClock())
    try:
        if reason is None:
            parts = split_response(answer, LIST)
            build = page_batch(journal, answer, place, parts, lambda observed: None)
        else:
            build = batch_of(response_anomaly(answer, place, reason, journal.put))
        append_batches(journal, [build])
    finally:
        close_journal(journal)
    *_, record = read_stream(root, "civitai", WRITER)
    return orjson.loads(record.line)


def test_a_page_event_describes_the_request_the_response_and_its_place(tmp_path: Path) -> None:
    params = {"limit": "2"}
    answer = response(BODY, params=params, headers=HEADERS, ms=184, key_removed=True)

    page = written_event(tmp_path, answer, attrs.evolve(FULL, imported=IMPORT))

    expected = {
        "kind": "page",
        "run": "run-1",
        "epoch": "2026-11-21T05",
        "endpoint": "/models",
        "params": params,
        "url": "http://127.0.0.1/models",
        "status": 200,
        "headers": HEADERS,
        "ms": 184,
        "bytes": len(BODY),
        "sha256": hashlib.sha256(BODY).hexdigest(),
        "scope": "all",
        "page_no": 3,
        "last": True,
        "next": "http://127.0.0.1/models?cursor=4",
        "key_removed": True,
        "import": IMPORT,
        "roster": {"/items": [["model", "1", 1], ["model", "2", 2]]},
        "shapes": {"/items": "list"},
        "body": {"items": []},
    }
    assert {name: page[name] for name in expected} == expected
    assert page.keys() - expected.keys() == {"v", "source", "writer", "seq", "observed_at"}


def test_a_page_event_omits_members_without_a_value(tmp_path: Path) -> None:
    place = attrs.evolve(PLACE, is_last=False, page_no=None)

    page = written_event(tmp_path, response(BODY), place)

    absent = {"headers", "ms", "scope", "page_no", "last", "next", "key_removed", "import"}
    assert not absent & page.keys()


def test_an_anomaly_contains_its_reason_and_the_complete_body(tmp_path: Path) -> None:
    answer = response(b"<html>", headers=HEADERS, status=503, key_removed=True)

    event = written_event(tmp_path, answer, attrs.evolve(FULL, imported=IMPORT), "server")

    expected = {
        "kind": "anomaly",
        "reason": "server",
        "url": "http://127.0.0.1/models",
        "status": 503,
        "headers": HEADERS,
        "bytes": 6,
        "sha256": hashlib.sha256(b"<html>").hexdigest(),
        "key_removed": True,
        "import": IMPORT,
        "body_raw": "PGh0bWw+",
    }
    assert {name: event[name] for name in expected} == expected
