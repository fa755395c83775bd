"""Replay: anomalies that the current rules can split become events."""

from pathlib import Path

import attrs
import pytest

from eventlog.body.split_rules import Rule, id_member
from eventlog.clock import parse_us
from eventlog.format.event import ANOMALY, PAGE
from fetcher.imports.replay_anomalies import replay_anomalies
from fetcher.record.journal import append_batches, batch_of, close_journal, open_journal
from fetcher.record.page_events import response_anomaly
from fetcher.source import Source
from fetcher.sources import SOURCES
from tests.fetcher.importing import import_paths, write_files
from tests.fetcher.making import OTHER, PLACE, WRITER, SteppingClock, lines, response, responses

OPENROUTER = SOURCES["openrouter"]
DAY_1 = parse_us("2025-01-01T00:00:00Z")
BODY = b'{"list":[{"id":"a/b"}]}'


def with_new_rules() -> Source:
    """The source with rules for the envelope in `BODY`."""
    models = attrs.evolve(
        OPENROUTER.endpoint("/api/v1/models"),
        rules=lambda params: (Rule("/list", "model", "list", id_member("id")),),
    )
    return attrs.evolve(OPENROUTER, endpoints=(models, *OPENROUTER.endpoints[1:]))


def quarantined(root: Path) -> None:
    files = write_files(root / "in", {"20250101.json": BODY})
    report = import_paths(
        root, OPENROUTER, files, writer=WRITER, endpoint="/api/v1/models", now=SteppingClock()
    )
    assert report.anomalies == 1


def test_a_replayed_anomaly_becomes_events_at_its_own_time_once(tmp_path: Path) -> None:
    quarantined(tmp_path)

    report = replay_anomalies(tmp_path, with_new_rules(), writer=OTHER, now=SteppingClock())
    again = replay_anomalies(tmp_path, with_new_rules(), writer=OTHER, now=SteppingClock())

    assert (report.pages, report.stored, again.pages, again.already) == (1, 1, 0, 1)
    page = next(line for line in lines(tmp_path, "openrouter", OTHER) if line.kind == PAGE)
    assert page.observed_at == "2025-01-01T00:00:00.000000Z"
    assert list(responses(tmp_path, "openrouter", OTHER)) == [BODY]


def test_an_anomaly_that_still_cannot_be_split_stays(tmp_path: Path) -> None:
    quarantined(tmp_path)

    assert replay_anomalies(tmp_path, OPENROUTER, writer=OTHER, now=SteppingClock()).responses == 0
    assert lines(tmp_path, "openrouter", OTHER) == []
    assert lines(tmp_path, "openrouter")[0].kind == ANOMALY


@pytest.mark.parametrize(
    ("since", "until", "pages"),
    [(None, None, 1), (DAY_1, None, 1), (DAY_1 + 1, None, 0), (None, DAY_1 - 1, 0)],
)
def test_a_replay_is_limited_to_the_given_period(
    tmp_path: Path, since: int | None, until: int | None, pages: int
) -> None:
    quarantined(tmp_path)

    report = replay_anomalies(
        tmp_path, with_new_rules(), writer=OTHER, now=SteppingClock(), since=since, until=until
    )

    assert report.pages == pages


@pytest.mark.parametrize(("status", "pages"), [(200, 1), (404, 0), (500, 0), (503, 0)])
def test_the_body_of_an_error_response_is_not_replayed(
    tmp_path: Path, status: int, pages: int
) -> None:
    answer = response(BODY, endpoint="/api/v1/models", status=status)
    journal = open_journal(tmp_path, "openrouter", WRITER, clock=SteppingClock())
    append_batches(journal, [batch_of(response_anomaly(answer, PLACE, "not_json", journal.put))])
    close_journal(journal)

    assert (
        replay_anomalies(tmp_path, with_new_rules(), writer=OTHER, now=SteppingClock()).pages
        == pages
    )


def test_a_part_of_a_response_is_not_replayed_as_a_response(tmp_path: Path) -> None:
    body = b'{"data":{"data":[{"id":"a/b"}]}}'
    files = write_files(tmp_path / "in", {"20250101.json": body})
    report = import_paths(
        tmp_path, OPENROUTER, files, writer=WRITER, endpoint="/api/v1/models", now=SteppingClock()
    )

    assert report.anomalies == 1
    assert replay_anomalies(tmp_path, OPENROUTER, writer=OTHER, now=SteppingClock()).responses == 0
