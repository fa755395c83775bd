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
    ANSWER,
    BEGIN,
    BODY,
    DETAIL,
    ENDED,
    EVENTS,
    GIVEN_UP,
    KEPT_ASIDE,
    ODD,
    PROBED,
    SEGMENT,
)
from tests.projector.logs import hours

VIEWS = ("log.anomalies", "log.segments", "log.assets")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A line of each kind, a quarter of an hour apart."""
    root = tmp_path_factory.mktemp("told")
    every = ([BODY, ANSWER], [GIVEN_UP], [ODD], [PROBED, ENDED, KEPT_ASIDE, DETAIL])
    write_drafts(root, "openrouter", [(hours(n / 4), each) for n, each in enumerate(every)])
    assert update(root, definitions=some(*VIEWS)).failed == ()
    return root


def records(root: Path, sql: str) -> list[dict[str, Any]]:
    found = run_query(root, sql)
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def without_nulls(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value is not None}


def test_every_event_has_its_envelope_and_the_members_of_its_kind(told: Path) -> None:
    found = records(told, "FROM log.events ORDER BY seq")

    assert list(map(without_nulls, found)) == EVENTS


def test_a_page_has_what_was_asked_what_came_and_where_it_stands(told: Path) -> None:
    found = records(told, "FROM log.pages ORDER BY seq")
    stream = {"source": "openrouter", "writer": WRITER, "segment": SEGMENT}
    common = {**stream, "run": "run-1"}

    assert list(map(without_nulls, found)) == [
        {
            **common,
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
            **common,
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
            **stream,
            "observed_at": BEGIN + timedelta(minutes=45),
            "seq": 8,
            "kind": "page",
            "scope": "/c",
            "last": False,
            "entities": 1,
        },
    ]


def test_an_anomaly_has_its_reason_and_its_request(told: Path) -> None:
    assert records(told, "FROM log.anomalies") == [
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


def test_a_body_kept_aside_is_an_asset_and_one_in_its_line_is_not(told: Path) -> None:
    (found,) = records(told, "FROM log.assets")

    assert without_nulls(found) == {
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


def test_a_segment_has_its_seqs_its_instants_and_its_counts(told: Path) -> None:
    assert records(told, "FROM log.segments") == [
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


def test_a_sighting_is_an_event_a_roster_entry_or_a_probe(told: Path) -> None:
    columns = "epoch_us(_at), _writer, _type, _id, _shape, _scope, _listing, _gone, _seq"

    assert rows(told, f"SELECT {columns} FROM log.sightings ORDER BY _at, _id, _listing") == [
        (hours(0), WRITER, "endpoint", "a#t", "list?x=1", None, False, False, 1),
        (hours(0), WRITER, "endpoint", "a#t", "list?x=1", "/a", True, False, 1),
        (hours(0), WRITER, "model", "b", "list", "/a", True, False, 1),
        (hours(0), WRITER, "model", "c", "list", "/a", True, False, 1),
        (hours(0.75), WRITER, "model", "big", "list", None, False, False, 7),
        (hours(0.75), WRITER, "model", "d", "detail", None, False, False, 7),
        (hours(0.75), WRITER, "model", "z", None, None, False, True, 5),
    ]


def test_what_was_not_yet_observed_is_in_no_view_of_an_earlier_instant(told: Path) -> None:
    counts = [
        rows(told, f"SELECT count(*) FROM log.{view}", as_of=hours(0.25))[0][0]
        for view in ("events", "pages", "anomalies", "assets", "sightings")
    ]

    assert counts == [3, 2, 0, 0, 4]
