"""The log's own views: each column from the member of the line that it is named after."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from eventlog.event import ANOMALY, ENTITY, GONE, PAGE, PAGE_FAILED, RUN, Draft
from projector.sql import query
from projector.update import update
from tests.projector.conftest import WRITER
from tests.projector.few import rows, some, write_drafts
from tests.projector.logs import hours

SEGMENT = f"openrouter/2026-11-01/00-{WRITER}-000"
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
VIEWS = ("log.anomalies", "log.runs", "log.segments", "log.assets")

BODY = Draft(
    kind=ENTITY,
    run="run-1",
    epoch="2026-11-01T00",
    type="endpoint",
    id="a#t",
    parent_type="model",
    parent_id="a",
    shape="list?x=1",
    endpoint="/endpoints",
    hash="c1:1",
    repaired=True,
    body=b'{"tag":"t"}',
)
ANSWER = Draft(
    kind=PAGE,
    run="run-1",
    epoch="2026-11-01T00",
    endpoint="/models/:id/endpoints",
    params={"id": "a"},
    members={
        "url": "https://one",
        "status": 200,
        "ms": 12.5,
        "bytes": 321,
        "sha256": "ab12",
        "scope": "/a",
        "page_no": 3,
        "last": True,
        "roster": {"/x": [("endpoint", "a#t", 1)], "/y/*": [("model", "b", 1), ("model", "c", 1)]},
        "shapes": {"/x": "list?x=1", "/y/*": "list"},
    },
)
GIVEN_UP = Draft(
    kind=PAGE_FAILED,
    run="run-1",
    endpoint="/models",
    members={"url": "https://two", "status": 503, "error": "too busy", "scope": "/b", "page_no": 1},
)
ODD = Draft(
    kind=ANOMALY,
    run="run-1",
    epoch="2026-11-01T00",
    endpoint="/models",
    members={"reason": "not_json", "url": "https://three", "status": 201, "bytes": 4},
)
PROBED = Draft(
    kind=GONE,
    run="run-1",
    type="model",
    id="z",
    endpoint="/models/:id",
    members={"url": "https://four", "status": 404, "evidence": [{"status": 404}]},
)
ENDED = Draft(
    kind=RUN,
    run="run-1",
    epoch="2026-11-01T00",
    endpoint="/models",
    members={"state": "failed", "listing": "models", "pages": 7, "entities": 9, "why": "no key"},
)
KEPT_ASIDE = Draft(
    kind=ENTITY, type="model", id="big", shape="list", hash="c1:2", body_asset="f" * 64
)


DETAIL = Draft(
    kind=PAGE,
    members={"scope": "/c", "roster": {"": [("model", "d", 7)]}, "shapes": {"": "detail"}},
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A line of each kind, a quarter of an hour apart."""
    root = tmp_path_factory.mktemp("told")
    every = ([BODY, ANSWER], [GIVEN_UP], [ODD], [PROBED, ENDED, KEPT_ASIDE, DETAIL])
    write_drafts(root, "openrouter", [(hours(n / 4), each) for n, each in enumerate(every)])
    assert update(root, definitions=some(*VIEWS)).failed == ()
    return root


def records(root: Path, sql: str) -> list[dict[str, Any]]:
    found = query(root, sql)
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def without_nulls(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value is not None}


def test_every_event_has_its_envelope_and_the_members_of_its_kind(told: Path) -> None:
    found = records(told, "FROM log.events ORDER BY seq")
    common = {"source": "openrouter", "writer": WRITER, "segment": SEGMENT, "repaired": False}
    run = {"run": "run-1", "epoch": "2026-11-01T00"}

    assert list(map(without_nulls, found)) == [
        {
            **common,
            **run,
            "observed_at": BEGIN,
            "seq": 1,
            "kind": "entity",
            "type": "endpoint",
            "id": "a#t",
            "parent_type": "model",
            "parent_id": "a",
            "shape": "list?x=1",
            "endpoint": "/endpoints",
            "hash": "c1:1",
            "repaired": True,
        },
        {
            **common,
            **run,
            "observed_at": BEGIN,
            "seq": 2,
            "kind": "page",
            "endpoint": "/models/:id/endpoints",
            "url": "https://one",
            "status": 200,
        },
        {
            **common,
            "run": "run-1",
            "observed_at": BEGIN + timedelta(minutes=15),
            "seq": 3,
            "kind": "page_failed",
            "endpoint": "/models",
            "url": "https://two",
            "status": 503,
            "why": "too busy",
        },
        {
            **common,
            **run,
            "observed_at": BEGIN + timedelta(minutes=30),
            "seq": 4,
            "kind": "anomaly",
            "endpoint": "/models",
            "url": "https://three",
            "status": 201,
            "why": "not_json",
        },
        {
            **common,
            "run": "run-1",
            "observed_at": BEGIN + timedelta(minutes=45),
            "seq": 5,
            "kind": "gone",
            "type": "model",
            "id": "z",
            "endpoint": "/models/:id",
            "url": "https://four",
            "status": 404,
            "why": '[{"status":404}]',
        },
        {
            **common,
            **run,
            "observed_at": BEGIN + timedelta(minutes=45),
            "seq": 6,
            "kind": "run",
            "endpoint": "/models",
            "state": "failed",
            "listing": "models",
            "pages": 7,
            "entities": 9,
            "why": "no key",
        },
        {
            **common,
            "observed_at": BEGIN + timedelta(minutes=45),
            "seq": 7,
            "kind": "entity",
            "type": "model",
            "id": "big",
            "shape": "list",
            "hash": "c1:2",
        },
        {**common, "observed_at": BEGIN + timedelta(minutes=45), "seq": 8, "kind": "page"},
    ]


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


def run(state: str, run: str = "r", **members: object) -> Draft:
    return Draft(kind=RUN, run=run, epoch="2026-11-01T02", members={"state": state, **members})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    write_drafts(
        root,
        "openrouter",
        [
            (hours(1), [run("created", listing="models"), run("created", "waits")]),
            (hours(2), [run("progressed", pages=1, entities=10), run("created", "at once")]),
            (hours(2), [run("completed", "at once", pages=2, entities=5)]),
            (hours(3), [run("failed", pages=4, entities=30, why="no key")]),
            (hours(4), [run("cleaned")]),
            *((hours(6), [run("created", f"tie{n}"), run("failed", f"tie{n}")]) for n in range(20)),
        ],
    )
    write_drafts(root, "civitai", [(hours(5), [run("cancelled", why="by hand")])])
    assert update(root, definitions=some("log.runs")).failed == ()
    return root


def test_a_run_has_its_last_state_its_last_counts_and_its_two_instants(runs: Path) -> None:
    columns = """source, run, epoch, listing, state, epoch_us(created_at), epoch_us(finished_at),
    pages, entities, why"""
    epoch = "2026-11-01T02"

    assert rows(
        runs, f"SELECT {columns} FROM log.runs WHERE run NOT LIKE 'tie%' ORDER BY 1, 2"
    ) == [
        ("civitai", "r", epoch, None, "cancelled", hours(5), hours(5), None, None, "by hand"),
        ("openrouter", "at once", epoch, None, "completed", hours(2), hours(2), 2, 5, None),
        ("openrouter", "r", epoch, "models", "cleaned", hours(1), hours(4), 4, 30, "no key"),
        ("openrouter", "waits", epoch, None, "created", hours(1), None, None, None, None),
    ]


def test_of_two_states_of_one_instant_the_later_event_counts(runs: Path) -> None:
    sql = "SELECT count(*), min(state), max(state) FROM log.runs WHERE run LIKE 'tie%'"

    assert rows(runs, sql) == [(20, "failed", "failed")]


def test_a_run_that_is_under_way_has_progressed_and_not_finished(runs: Path) -> None:
    sql = "SELECT state, finished_at, pages FROM log.runs WHERE run = 'r'"

    assert rows(runs, sql, as_of=hours(2)) == [("progressed", None, 1)]
