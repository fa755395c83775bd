"""The reader process returns what the import would have read itself, or nothing."""

from collections.abc import Sequence

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.format.manifest import digest
from fetcher.imports.responses.bare_json import BareResponse
from fetcher.imports.responses.bare_responses import RecordingContent
from fetcher.imports.responses.known_responses import KnownResponse, recognise_responses
from fetcher.imports.responses.reader_process import decode_response, read_and_encode
from fetcher.sources import SOURCES
from fetcher.split.last_pages import LastPages
from fetcher.split.response import split_response, with_value_hashes
from tests.fetcher.importing import models_list

OPENROUTER = SOURCES["openrouter"]
DETAIL = b'{"data":{"id":"a/b","endpoints":[{"tag":"t"},{"tag":"u"}]}}'

bodies = st.one_of(
    st.lists(
        st.tuples(st.sampled_from(["a/b", "c/d", "é/f"]), st.integers(0, 2)), min_size=1, max_size=4
    ).map(lambda chosen: models_list(*chosen)),
    st.sampled_from([DETAIL, models_list(("a/b", 1)).replace(b",", b", ")]),
)


def read_in_turn(documents: Sequence[bytes]) -> list[KnownResponse | None]:
    last = LastPages()
    encoded = [read_and_encode(OPENROUTER, body, last) for body in documents]
    return [
        decode_response(OPENROUTER, result, body) if result else None
        for result, body in zip(encoded, documents, strict=True)
    ]


@given(st.lists(bodies, max_size=6))
def test_the_response_and_its_parts_are_those_of_the_document_alone(
    documents: list[bytes],
) -> None:
    for body, read in zip(documents, read_in_turn(documents), strict=True):
        ((alone,), _) = recognise_responses(
            OPENROUTER, RecordingContent([BareResponse(None, body)]), LastPages()
        )
        rules = alone.endpoint.rules(alone.params)
        parts = with_value_hashes(split_response(alone.response(OPENROUTER), rules))

        assert read is not None and read.parts is not None
        assert (read.endpoint, read.params, read.bare) == (
            alone.endpoint,
            alone.params,
            alone.bare,
        )
        assert read.parts.sha256 == digest(body)
        assert attrs.evolve(read.parts, hashes=None) == attrs.evolve(parts, hashes=None)
        hashes = zip(read.parts.hashes or (), parts.hashes or (), strict=False)
        assert all(hash_ in (None, expected) for hash_, expected in hashes)


def test_only_new_entities_are_hashed() -> None:
    first, second = models_list(("a/b", 1)), models_list(("a/b", 1), ("c/d", 1))

    *_, read = read_in_turn([first, second])

    assert read is not None and read.parts is not None and read.parts.hashes is not None
    assert [hash_ is None for hash_ in read.parts.hashes] == [True, False]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"data":[',
        b'{"error":"gone away"}',
        models_list(("a/b", 1))[len(b'{"data":') : -1],
        b'{"data":{"id":"a/b","endpoints":[' + b"[" * 100_000,
    ],
)
def test_what_is_not_one_known_response_is_left_to_the_import(body: bytes) -> None:
    assert read_in_turn([body]) == [None]
