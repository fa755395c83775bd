"""Imports of bare JSON: arrays saved alone, and dumps with one document per line."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from eventlog.format.event import PAGE, Line
from eventlog.read.reader import read_one
from fetcher.imports.import_report import ImportReport
from fetcher.imports.responses.bare_json import BareResponse, split_lines, wrap_document
from fetcher.sources import SOURCES
from tests.fetcher.importing import import_paths, write_pack
from tests.fetcher.making import WRITER, SteppingClock, lines, recordings, responses

OPENROUTER = SOURCES["openrouter"]
MODELS = [{"id": f"a/{n}", "context_length": 1, "pricing": {"prompt": str(n)}} for n in range(5)]
ROWS = [{"slug": f"a/{n}", "permaslug": f"a/{n}-1", "endpoint": None} for n in range(4)]
NAME = "20261121T050000Z"


def load(root: Path, *files: Path, source: str = "openrouter", **more: object) -> ImportReport:
    settings: dict[str, Any] = {"writer": WRITER, "now": SteppingClock(), **more}
    return import_paths(root, SOURCES[source], files, **settings)


def put(folder: Path, name: str, body: bytes) -> Path:
    path = folder / name
    path.write_bytes(body)
    return path


def pages(root: Path, source: str = "openrouter") -> list[Line]:
    return [line for line in lines(root, source) if line.kind == PAGE]


def provenance(root: Path, line: Line) -> dict[str, str]:
    members = orjson.loads(read_one(root, line.source, line.writer, line.seq).line)["import"]
    assert isinstance(members, dict)
    return members


def ndjson(*values: object) -> bytes:
    return b"\n".join(json.dumps(value).encode() for value in values) + b"\n"


@pytest.mark.parametrize(
    ("rows", "endpoint", "types"),
    [
        (MODELS, "/api/v1/models", {"model"}),
        (ROWS, "/api/frontend/v1/catalog/models", {"catalog"}),
    ],
)
def test_an_array_saved_alone_is_a_complete_listing(
    tmp_path: Path, rows: list[object], endpoint: str, types: set[str]
) -> None:
    body = b" " + json.dumps(rows).encode() + b"\n"
    file = put(tmp_path, f"{NAME}.json", body)

    reports = [load(tmp_path / "a", file) for _ in range(2)]

    (page,) = pages(tmp_path / "a")
    assert (page.endpoint, page.page_no, page.last) == (endpoint, 1, True)
    assert provenance(tmp_path / "a", page)["wrapped"] == "/data"
    assert list(responses(tmp_path / "a", "openrouter")) == [b'{"data":' + body.strip() + b"}"]
    assert {line.type for line in lines(tmp_path / "a", "openrouter")} - {None} == types
    assert [(report.pages, report.already) for report in reports] == [(1, 0), (0, 1)]


CIVITAI_ROWS: dict[str, list[dict[str, object]]] = {
    "/models": [{"id": 1, "modelVersions": []}],
    "/images": [{"id": 1, "url": "https://x", "postId": None}, {"id": 2, "url": "y", "postId": 3}],
    "/creators": [{"username": "a", "modelCount": 1, "link": "x"}, {"username": "b", "link": "y"}],
    "/tags": [{"name": "a", "link": "x"}, {"name": "b", "modelCount": 2, "link": "y"}],
}


@pytest.mark.parametrize("endpoint", list(CIVITAI_ROWS))
def test_an_array_of_civitai_saved_alone_is_recognised(tmp_path: Path, endpoint: str) -> None:
    rows = CIVITAI_ROWS[endpoint]
    file = put(tmp_path, f"{NAME}.json", json.dumps(rows).encode())

    report = load(tmp_path / "a", file, source="civitai")

    (page,) = pages(tmp_path / "a", "civitai")
    assert (page.endpoint, report.entities, report.refused) == (endpoint, len(rows), ())


@pytest.mark.parametrize("endpoint", list(CIVITAI_ROWS)[1:])
def test_entities_of_civitai_one_per_line_are_recognised(tmp_path: Path, endpoint: str) -> None:
    rows = CIVITAI_ROWS[endpoint]
    file = put(tmp_path, f"{NAME}.ndjson", ndjson(*rows))

    report = load(tmp_path / "a", file, source="civitai")

    (page,) = pages(tmp_path / "a", "civitai")
    assert (page.endpoint, report.entities, report.refused) == (endpoint, len(rows), ())
    assert (page.page_no, page.last) == (None, False)


def test_every_line_of_a_mixed_dump_of_civitai_is_recognised(tmp_path: Path) -> None:
    rows = [row for rows in zip(*list(CIVITAI_ROWS.values())[1:], strict=True) for row in rows]
    file = put(tmp_path, f"{NAME}.ndjson", ndjson(*rows))

    report = load(tmp_path / "a", file, source="civitai")

    assert (report.entities, report.pages, report.refused) == (6, 3, ())


def test_an_array_of_a_named_endpoint_is_its_response(tmp_path: Path) -> None:
    file = put(tmp_path, f"{NAME}.json", b'[{"id":7}]')

    report = load(tmp_path / "a", file, source="civitai", endpoint="/images?modelId=3")

    (page,) = pages(tmp_path / "a", "civitai")
    assert (report.entities, page.endpoint, page.params) == (1, "/images", {"modelId": "3"})


@pytest.mark.parametrize("suffix", [".ndjson", ".jsonl", ".jsonl.zst"])
def test_every_line_of_a_dump_can_be_a_response(tmp_path: Path, suffix: str) -> None:
    body = ndjson({"data": MODELS}, {"data": MODELS[:2]}, {"data": ROWS})
    packed = zstandard.ZstdCompressor().compress(body) if suffix.endswith("zst") else body
    file = put(tmp_path, NAME + suffix, packed)

    report = load(tmp_path / "a", file)

    assert report.refused == ()
    assert list(responses(tmp_path / "a", "openrouter")) == body.splitlines()
    line_numbers = [provenance(tmp_path / "a", page)["line"] for page in pages(tmp_path / "a")]
    assert line_numbers == ["1", "2", "3"]


@pytest.mark.parametrize("endpoint", [None, "/api/v1/models"])
def test_a_dump_with_one_entity_in_every_line_proves_no_absence(
    tmp_path: Path, endpoint: str | None
) -> None:
    file = put(tmp_path, f"{NAME}.ndjson", ndjson(*MODELS))

    report = load(tmp_path / "a", file, endpoint=endpoint)

    (page,) = pages(tmp_path / "a")
    assert (report.entities, page.page_no, page.last) == (5, None, False)
    assert provenance(tmp_path / "a", page)["lines"] == "1-5"


def test_a_long_dump_becomes_several_pages_and_a_second_import_adds_nothing(tmp_path: Path) -> None:
    many = [{"id": n, "modelVersions": []} for n in range(2500)]
    file = put(tmp_path, f"{NAME}.ndjson", ndjson(*many))

    reports = [load(tmp_path / "a", file, source="civitai", endpoint="/models") for _ in range(2)]

    assert [report.entities for report in reports] == [2500, 0]
    assert len(pages(tmp_path / "a", "civitai")) == 3
    assert reports[1].already == 3


def test_an_unknown_line_is_refused_and_the_others_are_imported(tmp_path: Path) -> None:
    body = ndjson({"data": MODELS}) + b"\n<html>\n" + ndjson({"data": ROWS})
    file = put(tmp_path, f"{NAME}.ndjson", body)

    report = load(tmp_path / "a", file)

    assert (report.pages, len(report.refused)) == (2, 1)
    assert "line 3" in report.refused[0]


def test_parts_are_extracted_from_every_line_of_a_dump(tmp_path: Path) -> None:
    rows = [{"permaslug": f"a/{n}", "endpoint": [{"id": f"uuid-{n}"}]} for n in range(3)]
    part = "$.endpoint=/api/frontend/v1/stats/endpoint?permaslug={permaslug}"
    file = put(tmp_path, f"{NAME}.jsonl", ndjson(*rows, {"permaslug": "b", "endpoint": None}))

    load(tmp_path / "a", file, parts=[part])

    events = lines(tmp_path / "a", "openrouter")
    assert [line.id for line in events if line.type == "endpoint"] == ["uuid-0", "uuid-1", "uuid-2"]
    assert [page.params for page in pages(tmp_path / "a")] == [
        {"permaslug": f"a/{n}"} for n in range(3)
    ]


@given(st.lists(st.sampled_from([*map(json.dumps, MODELS), "", "  ", '{"data":[]}'])))
def test_every_line_of_a_dump_is_part_of_a_response(texts: list[str]) -> None:
    body = "\n".join(texts).encode()

    responses = list(split_lines(OPENROUTER, body, 1, "/api/v1/models"))

    bodies = b"\n".join(bare.body for bare in responses if isinstance(bare, BareResponse))
    assert all(text.strip().encode() in bodies for text in texts)
    assert all(isinstance(bare, BareResponse) for bare in responses)


def test_a_byte_order_mark_before_bare_json_changes_nothing(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    array = put(tmp_path, f"{NAME}.json", mark + json.dumps(MODELS).encode())
    entities = put(tmp_path, f"{NAME}.ndjson", mark + ndjson(*MODELS))

    for file, is_complete in ((array, True), (entities, False)):
        report = load(tmp_path / file.suffix, file)

        (page,) = pages(tmp_path / file.suffix)
        assert (report.entities, report.refused, page.last) == (5, (), is_complete)


def test_a_document_that_is_not_an_array_of_entities_stays_as_it_is() -> None:
    assert wrap_document(OPENROUTER, b'{"data":[]}', None) == BareResponse(None, b'{"data":[]}')
    assert wrap_document(OPENROUTER, b"[1]", None) == BareResponse(None, b"[1]")


def test_a_recorded_pack_of_bare_members_is_imported(tmp_path: Path) -> None:
    folder = recordings() / "openrouter" / "history" / "sui414-openrouter-pricing-data"
    loose = sorted(folder.glob("2026*.json.zst"))
    bodies = {
        path.name.removesuffix(".zst"): zstandard.ZstdDecompressor().decompress(
            path.read_bytes(), max_output_size=2**26
        )
        for path in loose
    }
    selected = {name: body for name, body in bodies.items() if "rankings" not in name}

    report = load(tmp_path / "a", write_pack(tmp_path / "2026-07-20.tar.zst", selected))

    assert report.refused == ()
    assert {page.endpoint for page in pages(tmp_path / "a")} == {
        "/api/v1/models",
        "/api/frontend/v1/all-providers",
    }
    assert report.entities > 300
