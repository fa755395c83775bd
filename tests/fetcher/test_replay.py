"""Replay: what could not be taken apart when it came, with the rules of today."""

from pathlib import Path

import attrs

from eventlog.event import ANOMALY, PAGE
from eventlog.rules import Rule, id_member
from fetcher.importer import import_paths
from fetcher.replay import replay
from fetcher.source import Source
from fetcher.sources import SOURCES
from tests.fetcher.making import OTHER, WRITER, Hand, lines, responses
from tests.fetcher.test_import import put

OPENROUTER = SOURCES["openrouter"]
BODY = b'{"list":[{"id":"a/b"}]}'


def knowing_more() -> Source:
    """The source, after its rules learnt of a new envelope."""
    models = attrs.evolve(
        OPENROUTER.endpoint("/api/v1/models"),
        rules=lambda params: (Rule("/list", "model", "list", id_member("id")),),
    )
    return attrs.evolve(OPENROUTER, endpoints=(models, *OPENROUTER.endpoints[1:]))


def quarantined(root: Path) -> None:
    files = put(root / "in", {"20250101.json": BODY})
    told = import_paths(
        root, OPENROUTER, files, writer=WRITER, endpoint="/api/v1/models", now=Hand()
    )
    assert told.anomalies == 1


def test_a_quarantined_body_becomes_events_at_its_own_time_once(tmp_path: Path) -> None:
    quarantined(tmp_path)

    told = replay(tmp_path, knowing_more(), writer=OTHER, now=Hand())
    again = replay(tmp_path, knowing_more(), writer=OTHER, now=Hand())

    assert (told.pages, told.stored, again.pages, again.already) == (1, 1, 0, 1)
    page = next(line for line in lines(tmp_path, "openrouter", OTHER) if line.kind == PAGE)
    assert page.observed_at == "2025-01-01T00:00:00.000000Z"
    assert list(responses(tmp_path, "openrouter", OTHER)) == [BODY]


def test_what_still_cannot_be_taken_apart_stays_where_it_is(tmp_path: Path) -> None:
    quarantined(tmp_path)

    assert replay(tmp_path, OPENROUTER, writer=OTHER, now=Hand()).responses == 0
    assert lines(tmp_path, "openrouter", OTHER) == []
    assert lines(tmp_path, "openrouter")[0].kind == ANOMALY
