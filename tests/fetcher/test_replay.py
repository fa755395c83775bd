"""Replay: what could not be taken apart when it came, with the rules of today."""

from pathlib import Path

import attrs
import pytest

from eventlog.clock import parse_us
from eventlog.event import ANOMALY, PAGE
from eventlog.rules import Rule, id_member
from fetcher.importer import import_paths
from fetcher.journal import close_journal, of_drafts, open_journal, write
from fetcher.observe import anomaly
from fetcher.replay import replay
from fetcher.source import Source
from fetcher.sources import SOURCES
from tests.fetcher.making import OTHER, PLACE, WRITER, Hand, lines, response, responses
from tests.fetcher.test_import import put

OPENROUTER = SOURCES["openrouter"]
DAY_1 = parse_us("2025-01-01T00:00:00Z")
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


@pytest.mark.parametrize(
    ("since", "until", "pages"),
    [(None, None, 1), (DAY_1, None, 1), (DAY_1 + 1, None, 0), (None, DAY_1 - 1, 0)],
)
def test_a_replay_keeps_to_the_time_it_is_given(
    tmp_path: Path, since: int | None, until: int | None, pages: int
) -> None:
    quarantined(tmp_path)

    told = replay(tmp_path, knowing_more(), writer=OTHER, now=Hand(), since=since, until=until)

    assert told.pages == pages


@pytest.mark.parametrize(("status", "pages"), [(200, 1), (404, 0), (500, 0), (503, 0)])
def test_the_body_of_an_answer_that_was_no_success_is_not_replayed(
    tmp_path: Path, status: int, pages: int
) -> None:
    answer = response(BODY, endpoint="/api/v1/models", status=status)
    journal = open_journal(tmp_path, "openrouter", WRITER, clock=Hand())
    write(journal, [of_drafts(anomaly(answer, PLACE, "not_json", journal.put))])
    close_journal(journal)

    assert replay(tmp_path, knowing_more(), writer=OTHER, now=Hand()).pages == pages
