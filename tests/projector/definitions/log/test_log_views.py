"""The log's own views: each column from the member of the line that it is named after."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from projector.query.select import run_query
from projector.update.update import update
from tests.projector.conftest import WRITER
from tests.projector.few import rows, some, write_drafts
from tests.projector.log_lines import (
    ANOMALOUS,
    ASSET_BODY,
    BEGIN,
    BODY,
    DETAIL,
    EVENTS,
    FAILED_PAGE,
    FAILED_RUN,
    RESPONSE,
    SEGMENT,
    TOMBSTONE,
)
from tests.projector.logs import hours

VIEWS = ("log.anomalies", "log.segments", "log.assets")


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with events of each kind, a quarter of an hour apart."""
    root = tmp_path_factory.mktemp("every-kind")
    batches = (
        [BODY, RESPONSE],
        [FAILED_PAGE],
        [ANOMALOUS],
        [TOMBSTONE, FAILED_RUN, ASSET_BODY, DETAIL],
    )
    write_drafts(root, "openrouter", [(hours(n / 4), drafts) for n, drafts in enumerate(batches)])
    assert update(root, definitions=some(*VIEWS)).failed == ()
    return root


def records(root: Path, sql: str) -> list[dict[str, Any]]:
    result = run_query(root, sql)
    return [dict(zip(result.columns, row, strict=True)) for row in result.rows]


def without_nulls(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value is not None}


def test_every_event_has_its_envelope_and_the_members_of_its_kind(every_kind: Path) -> None:
    events = records(every_kind, "FROM log.events ORDER BY seq")

    assert list(map(without_nulls, events)) == EVENTS


_STREAM = {"source": "openrouter", "writer": WRITER, "segment": SEGMENT}
_RUN = {**_STREAM, "run": "run-1"}
PAGES = [
    {
        **_RUN,
        "observed_at": BEGIN,
        "seq": 2,
        "kind": "page",
        "epoch": "2026-11-01T00",
        "endpoint": "/models/:id/endpoints",
        "params": '{"id":"a"}',
        "url": "https://one",
        "status": 200,
        "ms": 12.5,
        "bytes": 321,
        "sha256": "ab12",
        "scope": "/a",
        "page_no": 3,
        "last": True,
        "entities": 3,
    },
    {
        **_RUN,
        "observed_at": BEGIN + timedelta(minutes=15),
        "seq": 3,
        "kind": "page_failed",
        "endpoint": "/models",
        "url": "https://two",
        "status": 503,
        "scope": "/b",
        "page_no": 1,
        "last": False,
        "entities": 0,
        "why": "too busy",
    },
    {
        **_STREAM,
        "observed_at": BEGIN + timedelta(minutes=45),
        "seq": 8,
        "kind": "page",
        "scope": "/c",
        "last": False,
        "entities": 1,
    },
]
"""Rows of `log.pages`."""


def test_a_page_has_its_request_its_response_and_its_place_in_the_listing(every_kind: Path) -> None:
    pages = records(every_kind, "FROM log.pages ORDER BY seq")

    assert list(map(without_nulls, pages)) == PAGES


def test_an_anomaly_has_its_reason_and_its_request(every_kind: Path) -> None:
    assert records(every_kind, "FROM log.anomalies") == [
        {
            "observed_at": BEGIN + timedelta(minutes=30),
            "source": "openrouter",
            "writer": WRITER,
            "seq": 4,
            "run": "run-1",
            "epoch": "2026-11-01T00",
            "endpoint": "/models",
            "url": "https://three",
            "status": 201,
            "why": "not_json",
            "segment": SEGMENT,
        }
    ]


def test_a_body_in_a_file_of_its_own_is_an_asset_and_one_in_its_line_is_not(
    every_kind: Path,
) -> None:
    (asset,) = records(every_kind, "FROM log.assets")

    assert without_nulls(asset) == {
        "observed_at": BEGIN + timedelta(minutes=45),
        "source": "openrouter",
        "sha256": "f" * 64,
        "kind": "entity",
        "type": "model",
        "id": "big",
        "shape": "list",
        "writer": WRITER,
        "seq": 7,
        "segment": SEGMENT,
    }


def test_a_segment_has_its_seqs_its_instants_and_its_counts(every_kind: Path) -> None:
    assert records(every_kind, "FROM log.segments") == [
        {
            "segment": SEGMENT,
            "source": "openrouter",
            "writer": WRITER,
            "events": 8,
            "first_seq": 1,
            "last_seq": 8,
            "first_observed_at": BEGIN,
            "last_observed_at": BEGIN + timedelta(minutes=45),
            "entities": 2,
            "pages": 2,
        }
    ]


def test_a_sighting_is_an_event_a_roster_entry_or_a_probe(every_kind: Path) -> None:
    columns = "epoch_us(_at), _writer, _type, _id, _shape, _scope, _listing, _gone, _seq"

    assert rows(every_kind, f"SELECT {columns} FROM log.sightings ORDER BY _at, _id, _listing") == [
        (hours(0), WRITER, "endpoint", "a#t", "list?x=1", None, False, False, 1),
        (hours(0), WRITER, "endpoint", "a#t", "list?x=1", "/a", True, False, 1),
        (hours(0), WRITER, "model", "b", "list", "/a", True, False, 1),
        (hours(0), WRITER, "model", "c", "list", "/a", True, False, 1),
        (hours(0.75), WRITER, "model", "big", "list", None, False, False, 7),
        (hours(0.75), WRITER, "model", "d", "detail", None, False, False, 7),
        (hours(0.75), WRITER, "model", "z", None, None, False, True, 5),
    ]


def test_no_view_as_of_an_instant_shows_later_events(every_kind: Path) -> None:
    counts = [
        rows(every_kind, f"SELECT count(*) FROM log.{view}", as_of=hours(0.25))[0][0]
        for view in ("events", "pages", "anomalies", "assets", "sightings")
    ]

    assert counts == [3, 2, 0, 0, 4]
