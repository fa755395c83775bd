"""What is not recognised, or not understood, is reported by every import, and kept on request."""

from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest

from eventlog.format.event import ANOMALY, PAGE, exact_body
from eventlog.read.reader import read_one
from fetcher.imports.import_report import ImportReport
from fetcher.imports.replay_anomalies import replay_anomalies
from fetcher.sources import SOURCES
from tests.fetcher.importing import import_into, import_paths, models_list, write_files
from tests.fetcher.making import OTHER, WRITER, SteppingClock, lines

ONE = models_list(("a/b", 1))


def load(root: Path, files: list[Path], **more: Any) -> ImportReport:
    return import_into(root / "log", files, **more)


def anomalies(root: Path) -> list[tuple[bytes | None, dict[str, Any]]]:
    """Bytes and event of each anomaly."""
    events = [line for line in lines(root / "log", "openrouter") if line.kind == ANOMALY]
    return [
        (
            exact_body(line),
            orjson.loads(read_one(root / "log", line.source, line.writer, line.seq).line),
        )
        for line in events
    ]


def test_an_unrecognised_body_is_kept_once_if_that_is_asked_for(tmp_path: Path) -> None:
    files = write_files(tmp_path / "in", {"20250101.json": b"<html>", "20250102.json": ONE})

    without = load(tmp_path, files)
    reports = [load(tmp_path, files, keep_unrecognized=True) for _ in range(2)]

    assert (without.refused[0][:13], without.kept) == ("20250101.json", 0)
    assert [(report.kept, report.already, report.refused) for report in reports] == [
        (1, 1, ()),
        (0, 2, ()),
    ]
    assert all(report.quarantined[0].startswith("20250101.json: not a known") for report in reports)
    ((body, event),) = anomalies(tmp_path)
    assert body == b"<html>"
    assert event["observed_at"] == "2025-01-01T00:00:00.000000Z"
    assert event["reason"].startswith("not a known response of openrouter")
    assert event["import"] == {"file": "20250101.json"}
    assert not event.keys() & {"endpoint", "url", "status"}


def test_unrecognised_lines_are_kept_with_their_numbers(tmp_path: Path) -> None:
    body = b"\n".join([ONE, b"<a>", ONE.replace(b"a/b", b"c/d"), b'{"x":1}', b'{"x":2}'])

    load(tmp_path, write_files(tmp_path / "in", {"20250101.ndjson": body}), keep_unrecognized=True)

    ((kept, event),) = anomalies(tmp_path)
    assert kept == b'<a>\n{"x":1}\n{"x":2}'
    assert event["import"] == {"file": "20250101.ndjson", "lines": "2,4-5"}


def test_a_kept_body_is_replayed_when_it_is_recognised(tmp_path: Path) -> None:
    body = b'{"data":[{"id":"a/b","context_length":1}]}'  # without pricing: not recognised yet
    files = write_files(tmp_path / "in", {"20250101.json": body})
    load(tmp_path, files, keep_unrecognized=True)
    openrouter = SOURCES["openrouter"]
    (models, *others) = openrouter.endpoints
    models = attrs.evolve(models, recognise=lambda text: {} if text == body else None)
    newer = attrs.evolve(openrouter, endpoints=(models, *others))

    def replay(source: Any) -> ImportReport:
        return replay_anomalies(tmp_path / "log", source, writer=OTHER, now=SteppingClock())

    assert replay(openrouter).responses == 0
    assert (replay(newer).pages, replay(newer).already) == (1, 1)
    assert (
        import_paths(tmp_path / "log", newer, files, writer=WRITER, now=SteppingClock()).already
        == 1
    )


DOUBTFUL = b'{"data":[{"id":"a/b","context_length":1,"pricing":{}}],"total_count":6}'
NAMELESS = b'{"data":[{"id":"a/b"},{"x":1}]}'


@pytest.mark.parametrize(
    ("body", "outcome", "words"),
    [
        (DOUBTFUL, "doubtful", "total_count is 6"),
        (NAMELESS, "doubtful", "1 elements without an id"),
        (b'{"data":[', "quarantined", "not_json"),
    ],
)
def test_what_was_not_understood_is_reported_by_every_import(
    tmp_path: Path, body: bytes, outcome: str, words: str
) -> None:
    files = write_files(tmp_path / "in", {"20250101.json": body, "20250102.json": ONE})

    reports = [load(tmp_path, files, endpoint="/api/v1/models") for _ in range(2)]

    for report in reports:
        (reason,) = getattr(report, outcome)
        assert reason.startswith("20250101.json: ")
        assert words in reason
    assert reports[1].already == 2


def test_upstreams_own_words_are_the_reason_of_an_anomaly(tmp_path: Path) -> None:
    body = b'{"error":{"message":"No endpoints found","code":404}}'
    files = write_files(tmp_path / "in", {"20250101.json": body})

    load(tmp_path, files, endpoint="/api/v1/models/a/b/endpoints")

    ((kept, event),) = anomalies(tmp_path)
    assert (kept, event["reason"]) == (body, "unexpected: upstream says 'No endpoints found'")
    assert [line for line in lines(tmp_path / "log", "openrouter") if line.kind == PAGE] == []
