"""Counts of an import: they add up, in the middle and at the end, and again."""

import gzip
import json
from pathlib import Path

import pytest

from fetcher.imports.find_recordings import find_recordings
from fetcher.imports.import_report import ImportReport
from fetcher.imports.importer import import_recordings
from fetcher.imports.responses.envelope import parse_envelope_part
from fetcher.sources import SOURCES
from tests.fetcher.importing import models_list, write_files, write_pack
from tests.fetcher.making import WRITER, SteppingClock

ONE, TWO = models_list(("a/b", 1)), models_list(("a/b", 1), ("c/d", 2))
LINES = b"\n".join([ONE, b"<html>", TWO, b"{}", b"", *[ONE] * 1500]) + b"\n"
ENVELOPE = json.dumps(
    {"data": {f"{n}": {"error": f"x{n}"} for n in range(4)}, "m": json.loads(ONE)}
)


def steps(root: Path, paths: list[Path], keep: bool, parts: tuple[str, ...]) -> list[ImportReport]:
    """Imports; returns the report after each recorded response, and the last one."""
    reports: list[ImportReport] = []
    last = import_recordings(
        root,
        SOURCES["openrouter"],
        find_recordings(paths, None, "name", lambda error: None),
        writer=WRITER,
        now=SteppingClock(),
        parts=tuple(map(parse_envelope_part, parts)),
        keep_unrecognized=keep,
        on_progress=reports.append,
    )
    return [*reports, last]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(
    "parts", [(), ("$.m=/api/v1/models", "$.data.*=/api/v1/models/a/{key}/endpoints")]
)
def test_the_outcomes_of_all_responses_add_up(
    tmp_path: Path, keep: bool, parts: tuple[str, ...]
) -> None:
    files = write_files(
        tmp_path / "in",
        {
            "20250101.json": ONE,
            "20250102.json": b"<html>",
            "20250103.ndjson": LINES,
            "20250104.json": ENVELOPE.encode(),
            "20250105.json.gz": gzip.compress(ONE)[:-3],
            "20250106.json": ONE,
            "a-20250106.json": ONE,
        },
    )
    files.append(write_pack(tmp_path / "a.tar.zst", {"20250107.json": TWO, "20250108.json": b"{"}))

    runs = [steps(tmp_path / "log", files, keep, parts) for _ in range(2)]

    for report in (report for run in runs for report in run):
        outcomes = report.pages + report.already + report.kept + report.left_out
        assert report.responses == outcomes
        assert report.responses <= report.expected
    first, second = (run[-1] for run in runs)
    assert first.responses == first.expected == second.responses == second.expected
    assert first.responses == (1517 if parts else 1511)
    assert (second.pages, second.kept, second.left_out) == (0, 0, first.left_out)
    assert (first.left_out == 0) == keep
    assert (first.refused, first.quarantined) == (second.refused, second.quarantined)
