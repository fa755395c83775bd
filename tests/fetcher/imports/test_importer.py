"""Importing: what a recorded response proves, the counts, and the provenance."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from eventlog.format.event import PAGE, RUN, Line
from eventlog.read.reader import read_one
from fetcher.imports.find_recordings import find_recordings
from fetcher.imports.import_report import ImportReport
from fetcher.imports.importer import import_recordings
from fetcher.sources import SOURCES
from tests.fetcher.importing import import_paths, models_list, write_files, write_pack
from tests.fetcher.making import OTHER, START, WRITER, SteppingClock, lines

OPENROUTER, CIVITAI = SOURCES["openrouter"], SOURCES["civitai"]
ONE, TWO = models_list(("a/b", 1)), models_list(("a/b", 1), ("c/d", 2))


def load(root: Path, *paths: Path, source: str = "openrouter", **more: Any) -> ImportReport:
    settings: dict[str, Any] = {"writer": WRITER, "now": SteppingClock(), **more}
    return import_paths(root / "log", SOURCES[source], paths, **settings)


def pages(root: Path, source: str = "openrouter") -> list[Line]:
    return [line for line in lines(root / "log", source) if line.kind == PAGE]


def members(root: Path, line: Line) -> dict[str, Any]:
    event = orjson.loads(read_one(root / "log", line.source, line.writer, line.seq).line)
    assert isinstance(event, dict)
    return event


@pytest.mark.parametrize(
    ("query", "page_no", "last"),
    [
        ("", 1, True),
        ("?output_modalities=all", 1, True),
        ("?offset=500&limit=500", None, False),
        ("?limit=500", 1, True),
        ("?page=2", None, False),
        ("?cursor=a", None, False),
    ],
)
def test_only_a_listing_recorded_from_its_beginning_is_complete(
    tmp_path: Path, query: str, page_no: int | None, last: bool
) -> None:
    files = write_files(tmp_path / "in", {"20250101.json": ONE})

    load(tmp_path, *files, endpoint=f"/api/v1/models{query}")

    (page,) = pages(tmp_path)
    assert (page.page_no, page.last, page.status) == (page_no, last, 200)


def test_a_first_page_with_a_next_page_is_numbered_and_not_the_last(tmp_path: Path) -> None:
    link = "/api/v1/models?offset=1&limit=1"
    body = json.dumps({**json.loads(ONE), "links": {"next": link}}).encode()

    load(
        tmp_path,
        *write_files(tmp_path / "in", {"20250101.json": body}),
        endpoint="/api/v1/models?limit=1",
    )

    (page,) = pages(tmp_path)
    assert (page.page_no, page.last, members(tmp_path, page)["next"]) == (1, False, link)


def test_a_page_of_a_source_whose_listings_prove_nothing_has_no_scope(tmp_path: Path) -> None:
    body = b'{"items":[{"id":1,"modelVersions":[]}],"metadata":{"total":1}}'

    load(tmp_path, *write_files(tmp_path / "in", {"20250101.json": body}), source="civitai")

    (page,) = pages(tmp_path, "civitai")
    assert (page.scope, page.page_no, page.last) == (None, 1, True)


def test_a_detail_is_not_a_page_of_a_listing(tmp_path: Path) -> None:
    body = b'{"id":7,"modelVersions":[]}'

    load(tmp_path, *write_files(tmp_path / "in", {"20250101.json": body}), source="civitai")

    (page,) = pages(tmp_path, "civitai")
    assert (page.endpoint, page.params, page.page_no, page.last) == (
        "/models/:id",
        {"id": "7"},
        None,
        False,
    )


def test_a_named_path_template_takes_its_parameters_from_the_body(tmp_path: Path) -> None:
    files = write_files(tmp_path / "in", {"20250101.json": b'{"id":7,"modelVersions":[]}'})

    report = load(tmp_path, *files, source="civitai", endpoint="/models/:id")

    assert report.refused == ()
    assert [page.params for page in pages(tmp_path, "civitai")] == [{"id": "7"}]


def test_an_import_counts_the_outcome_of_every_response(tmp_path: Path) -> None:
    nameless = b'{"data":[{"id":"a/b","context_length":1,"pricing":{"prompt":"1"}},{"x":1}]}'
    files = write_files(
        tmp_path / "in",
        {
            "20250101.json": ONE,
            "20250102.json": TWO,
            "20250103.json": nameless,
            "20250104.json": b"<html>",
        },
    )
    steps: list[ImportReport] = []

    report = load(tmp_path, *files, endpoint=None, on_progress=steps.append)

    assert (report.expected, report.responses, report.already) == (4, 4, 0)
    assert [step.responses for step in steps] == [1, 2, 3, 4]
    assert len(report.refused) >= 1
    assert (steps[1].pages, steps[1].entities, steps[1].stored, steps[1].unchanged) == (2, 3, 2, 1)


def test_an_element_without_an_id_is_counted_as_an_anomaly(tmp_path: Path) -> None:
    body = b'{"data":[{"id":"a/b"},{"x":1}]}'

    report = load(
        tmp_path, *write_files(tmp_path / "in", {"20250101.json": body}), endpoint="/api/v1/models"
    )

    assert (report.pages, report.entities, report.anomalies) == (1, 1, 1)


def test_the_same_response_under_two_names_is_imported_once(tmp_path: Path) -> None:
    files = write_files(tmp_path / "in", {"20250101.json": ONE, "a-20250101.json": ONE})

    report = load(tmp_path, *files)

    assert (report.pages, report.already) == (1, 1)


def test_the_same_bytes_at_two_instants_are_two_responses(tmp_path: Path) -> None:
    report = load(
        tmp_path, *write_files(tmp_path / "in", {"20250101.json": ONE, "20250102.json": ONE})
    )

    assert (report.pages, report.already, report.unchanged) == (2, 0, 1)


def test_provenance_names_file_and_member_and_the_run_is_the_same_for_every_importer(
    tmp_path: Path,
) -> None:
    tar = write_pack(tmp_path / "a.tar.zst", {"x/20250101.json": ONE})
    runs = []
    for number, writer in enumerate((WRITER, OTHER)):
        root = tmp_path / str(number)
        root.mkdir()
        load(root, tar, writer=writer)
        events = lines(root / "log", "openrouter", writer)
        page = next(line for line in events if line.kind == PAGE)
        assert members(root, page)["import"] == {"file": "a.tar.zst", "member": "x/20250101.json"}
        assert {line.run for line in events} == {page.run}
        assert str(page.run).startswith("import.")
        runs.append(page.run)

    assert runs[0] == runs[1]


def test_a_run_is_named_by_the_recorded_bytes_and_not_by_their_file(
    tmp_path: Path,
) -> None:
    runs = []
    for name, body in (
        ("a-20250101.json", ONE),
        ("b-20250101.json", ONE),
        ("a-20250101.json", TWO),
    ):
        root = tmp_path / str(len(runs))
        load(root, *write_files(root / "in", {name: body}))
        runs.append(pages(root)[0].run)

    assert runs[0] == runs[1] != runs[2]


def test_a_run_of_an_import_ends_with_its_state(tmp_path: Path) -> None:
    files = write_files(tmp_path / "in", {"20250101.json": ONE, "20250102.json": ONE[:-3]})

    load(tmp_path, *files, endpoint="/api/v1/models")

    ends = [
        members(tmp_path, line)
        for line in lines(tmp_path / "log", "openrouter")
        if line.kind == RUN
    ]
    assert [(end["state"], end["listing"], end["pages"]) for end in ends] == [
        ("completed", "import", 1),
        ("failed", "import", 0),
    ]


def test_a_stopped_import_keeps_what_it_has_imported(tmp_path: Path) -> None:
    files = write_files(tmp_path / "in", {f"2025010{day}.json": ONE for day in range(1, 6)})
    steps: list[ImportReport] = []

    first = import_recordings(
        tmp_path / "log",
        OPENROUTER,
        find_recordings(files, None, "name"),
        writer=WRITER,
        now=SteppingClock(),
        on_progress=steps.append,
        is_stopped=lambda: len(steps) == 2,
    )
    second = load(tmp_path, *files)

    assert (first.pages, second.pages, second.already) == (2, 3, 2)
    assert len(pages(tmp_path)) == 5


def test_with_an_unknown_endpoint_every_response_is_refused(tmp_path: Path) -> None:
    files = write_files(tmp_path / "in", {"20250101.json": ONE})

    report = load(tmp_path, *files, endpoint="/api/v1/modles")

    assert report.pages == 0
    assert report.refused[0].startswith("20250101.json: openrouter has no endpoint")


def test_a_given_time_takes_precedence_over_the_commit_time(tmp_path: Path) -> None:
    (file,) = write_files(tmp_path / "in", {"models.json": ONE})

    report = load(tmp_path, file, observed_at=START, time_from="git")

    assert (report.pages, pages(tmp_path)[0].observed_at[:19]) == (1, "2026-11-21T05:00:00")
