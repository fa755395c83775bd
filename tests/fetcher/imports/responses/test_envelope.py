"""Envelopes of other collectors: their responses as slices, each with its endpoint."""

import json
from pathlib import Path

import pytest

from eventlog.errors import Invalid
from eventlog.format.event import ANOMALY, ENTITY, PAGE, exact_body
from fetcher.imports.responses.bare_json import BareResponse
from fetcher.imports.responses.envelope import extract_responses, parse_envelope_part
from fetcher.source import match_url
from fetcher.sources import SOURCES
from tests.fetcher.importing import import_into, models_list, write_files
from tests.fetcher.making import WRITER, lines, recordings

ENVELOPE = (
    b'{"generated":"x","models":{"data":[]},"endpoints":{"a/b":{"data": 1},"c/d:free":null,'
    b'"e/f":{"error":"timeout"}},"rows":[{"modelId":"g/h","response":{"n":0.10}}]}'
)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("$.models=/api/v1/models", [("/api/v1/models", b'{"data":[]}')]),
        ("$['models']=/api/v1/models", [("/api/v1/models", b'{"data":[]}')]),
        ("$.nothing=/x", []),
        ("$.generated.models=/x", []),
        (
            "$.endpoints.*=/m/{key}/e",
            [("/m/a/b/e", b'{"data": 1}'), (None, b"null"), ("/m/e/f/e", b'{"error":"timeout"}')],
        ),
        ("$.rows[*].response=/m/{modelId}/e", [("/m/g/h/e", b'{"n":0.10}')]),
        ("$=/whole", [("/whole", ENVELOPE)]),
    ],
)
def test_a_part_selects_responses_and_their_endpoints(
    part: str, expected: list[tuple[str, bytes]]
) -> None:
    (responses,) = extract_responses(ENVELOPE, [parse_envelope_part(part)]).values()

    assert all(isinstance(response, BareResponse) for response in responses)
    assert [(bare.endpoint, bare.body) for bare in responses] == expected  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["models=/x", "$.models", "$..models=/x", "$.a b=/x", "$.a="])
def test_an_invalid_part_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_envelope_part(text)

    assert "--part" in str(caught.value.hint)


def test_a_placeholder_without_a_value_is_an_error_of_its_match_only() -> None:
    envelope = b'{"rows":[{"response":1,"slug":"a"},{"response":2},{"response":3,"slug":null}]}'
    part = parse_envelope_part("$.rows[*].response=/m/{slug}/e")

    (responses,) = extract_responses(envelope, [part]).values()

    assert responses[0] == BareResponse("/m/a/e", b"1")
    assert ["no member slug next to" in str(response) for response in responses[1:]] == [True, True]


@pytest.mark.parametrize(
    ("value", "endpoint"),
    [
        (b"-0", "/m/-0"),
        (b"1.10", "/m/1.10"),
        (b"9" * 5000, "/m/" + "9" * 5000),
        (b'"a\tb"', "/m/a%09b"),
        (b'"\xff"', "/m/%EF%BF%BD"),
        (b"NaN", "/m/nan"),
        (b"[" * 100_000 + b"]" * 100_000, None),
    ],
    ids=lambda value: str(value)[:9],
)
def test_a_placeholder_takes_a_member_as_it_is_spelled(value: bytes, endpoint: str | None) -> None:
    envelope = b'[{"id":%s,"response":1}]' % value
    part = parse_envelope_part("$[*].response=/m/{id}")

    ((response,),) = extract_responses(envelope, [part]).values()

    assert getattr(response, "endpoint", None) == endpoint
    assert endpoint is not None or "no member id next to" in str(response)


@pytest.mark.parametrize(
    "key", ["a/b%2Fc", "a/b?c", "a/b#c", "a/b c+d&e=f;g", "a/ü%", "~a/b:free@1"]
)
@pytest.mark.parametrize(
    "endpoint",
    ["/api/v1/models/{key}/endpoints", "/api/frontend/v1/stats/endpoint?permaslug={key}"],
)
def test_a_key_is_part_of_the_id_as_it_is_spelled(key: str, endpoint: str) -> None:
    part = parse_envelope_part(f"$.*={endpoint}")
    envelope = json.dumps({key: 1}).encode()

    ((bare,),) = extract_responses(envelope, [part]).values()

    assert isinstance(bare, BareResponse)
    _, params = match_url(SOURCES["openrouter"], "https://openrouter.ai", bare.endpoint or "")
    assert "/".join(params.values()) == key


def test_a_value_at_the_beginning_is_a_whole_path_or_url() -> None:
    envelope = b'[{"url":"https://x/a%2Fb?c=%20","n":1}]'

    ((bare,),) = extract_responses(envelope, [parse_envelope_part("$[*].n={url}&d={url}")]).values()

    assert isinstance(bare, BareResponse)
    assert bare.endpoint == "https://x/a%2Fb?c=%20&d=https://x/a%252Fb%3Fc%3D%2520"


def test_a_key_that_is_not_valid_unicode_is_an_error() -> None:
    ((error,),) = extract_responses(
        rb'{"\ud800":1}', [parse_envelope_part("$.*=/m/{key}")]
    ).values()

    assert "a name that is not valid Unicode" in str(error)


def test_an_envelope_becomes_one_run_with_a_page_for_each_response(tmp_path: Path) -> None:
    endpoints = {"a/b": {"data": {"id": "a/b", "endpoints": [{"tag": "t"}]}}, "c/d": {"error": "x"}}
    body = json.dumps(
        {"models": json.loads(models_list(("a/b", 1))), "endpoints": endpoints}
    ).encode()
    files = write_files(tmp_path / "in", {"20260815T121622Z.json": body})
    parts = ["$.models=/api/v1/models", "$.endpoints.*=/api/v1/models/{key}/endpoints"]

    report = import_into(tmp_path / "log", files, parts=parts)
    again = import_into(tmp_path / "log", files, parts=parts)

    events = lines(tmp_path / "log", "openrouter")
    assert (report.pages, report.anomalies, again.already) == (2, 1, 3)
    assert len({line.run for line in events}) == 1
    assert [line.id for line in events if line.kind == ENTITY] == ["a/b", "a/b#t"]
    assert [line.scope for line in events if line.kind == PAGE] == [
        "/api/v1/models",
        "/api/v1/models/a/b/endpoints",
    ]
    assert [exact_body(line) for line in events if line.kind == ANOMALY] == [b'{"error": "x"}']


@pytest.mark.recordings
def test_a_recorded_envelope_of_models_providers_and_endpoints_is_imported(tmp_path: Path) -> None:
    history = recordings() / "openrouter" / "history" / "dthinkr-openrouter-uptime"

    report = import_into(
        tmp_path,
        [history / "20260815T115937Z.json.zst"],
        parts=[
            "$.models=/api/v1/models?output_modalities=all",
            "$.providers=/api/v1/providers",
            "$.endpoints.*=/api/v1/models/{key}/endpoints",
        ],
    )

    assert report.refused == ()
    assert report.pages > 400
    pages = [line for line in lines(tmp_path, "openrouter", WRITER) if line.kind == PAGE]
    assert sum(page.last for page in pages) == report.pages
