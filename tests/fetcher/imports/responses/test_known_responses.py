"""Known responses: why one that cannot be split becomes an anomaly."""

from collections.abc import Sequence

import attrs
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventlog.format.manifest import digest
from fetcher.imports.responses.bare_json import BareResponse
from fetcher.imports.responses.bare_responses import RecordingContent
from fetcher.imports.responses.known_responses import ReadResponse, recognise_responses, split_known
from fetcher.source import Params
from fetcher.sources import SOURCES
from fetcher.split.last_pages import LastPages

OPENROUTER, CIVITAI = SOURCES["openrouter"], SOURCES["civitai"]
ENDPOINTS = "/api/v1/models/a/b/endpoints"


def result(body: bytes) -> ReadResponse | str:
    ((known,), _) = recognise_responses(
        OPENROUTER, RecordingContent([BareResponse(ENDPOINTS, body)]), LastPages()
    )
    response = known.response(OPENROUTER)
    return split_known(known, response, LastPages(), digest(body))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"error":{"message":"No endpoints found","code":404}}', "unexpected: upstream says 'No"),
        (b'{"data":1}', "unexpected: "),
        (b'{"data":NaN}', "unexpected: "),
        (b'{"data":[', "not_json: "),
        (b"<html>", "not_json: "),
    ],
)
def test_json_is_never_called_not_json_and_the_words_of_an_error_are_shown(
    body: bytes, reason: str
) -> None:
    text = result(body)

    assert isinstance(text, str)
    assert text.startswith(reason)


def test_a_response_that_can_be_split_has_parts_and_a_continuation() -> None:
    read = result(b'{"data":{"id":"a/b","endpoints":[{"tag":"t"}]}}')

    assert isinstance(read, ReadResponse)
    assert (len(read.parts.entities), read.page.doubt) == (1, None)


@pytest.mark.parametrize("id_", ["/x", "x/", "/", ""])
def test_a_response_with_an_id_that_no_request_could_name_is_unrecognised(id_: str) -> None:
    body = b'{"data":{"id":"%s","endpoints":[]}}' % id_.encode()

    known, unrecognised = recognise_responses(
        OPENROUTER, RecordingContent([BareResponse(None, body)]), LastPages()
    )

    assert (known, len(unrecognised)) == ([], 1)


@pytest.mark.parametrize(
    ("id_", "url"),
    [
        (b"7", "models/7"),
        (b"-0", "models/-0"),
        (b'"m-2"', "models/m-2"),
        (b'"\\u00e4/b"', "models/%C3%A4%2Fb"),
        (b'""', "models/%22%22"),
        (b"null", "models/null"),
    ],
)
def test_a_detail_answers_the_request_for_its_own_id_as_it_is_spelled(id_: bytes, url: str) -> None:
    body = b'{"id":%s,"modelVersions":[]}' % id_

    ((known,), _) = recognise_responses(
        CIVITAI, RecordingContent([BareResponse(None, body)]), LastPages()
    )

    assert known.response(CIVITAI).url == f"{CIVITAI.base_url}/{url}"


def test_a_response_of_no_known_endpoint_is_unrecognised_with_the_words_of_its_error() -> None:
    bare = [BareResponse(None, b'{"error":"gone away"}'), BareResponse("/nosuch", b"{}")]

    known, unrecognised = recognise_responses(OPENROUTER, RecordingContent(bare), LastPages())

    assert known == []
    assert [item.reason for item in unrecognised] == [
        "not a known response of openrouter: upstream says 'gone away'",
        "openrouter has no endpoint for /nosuch",
    ]


def model(number: int, *outputs: str, **members: object) -> bytes:
    architecture = {"output_modalities": outputs}
    row = {"id": f"a/{number}", "pricing": {}, "context_length": 1, "architecture": architecture}
    return orjson.dumps(row | members)


MODELS = [
    *(model(number, "text", changed=changed) for number in (1, 2) for changed in (0, 1)),
    model(3, "image"),
    model(3, "text"),
    b'{"id":"a/4"}',
    b'{"id":7,"pricing":{},"context_length":1}',
]


def split_in_turn(bare: Sequence[BareResponse]) -> list[tuple[str, Params] | None]:
    """Returns the request of each response; each page is split before the next is recognised."""
    last, requests = LastPages(), list[tuple[str, Params] | None]()
    for response in bare:
        known, _ = recognise_responses(OPENROUTER, RecordingContent([response]), last)
        for item in known:
            split_known(item, item.response(OPENROUTER), last, digest(response.body))
        requests.append((known[0].endpoint.path, known[0].params) if known else None)
    return requests


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(MODELS), max_size=4),
            st.sampled_from([None, None, "/api/v1/models"]),
        ),
        max_size=6,
    )
)
@example([([MODELS[4]], "/api/v1/models"), ([MODELS[4]], None)])
@example([([MODELS[0]], None), ([MODELS[0], MODELS[4]], None)])
def test_a_page_is_recognised_as_it_is_alone_whatever_was_split_before(
    pages: list[tuple[list[bytes], str | None]],
) -> None:
    bare = [BareResponse(path, b'{"data":[%b]}' % b",".join(rows)) for rows, path in pages]

    assert split_in_turn(bare) == [split_in_turn([response])[0] for response in bare]


def test_only_new_elements_are_recognised_again() -> None:
    last, recognised = LastPages(), list[bytes]()
    endpoint = OPENROUTER.endpoints[0]

    def recognise(body: bytes) -> Params | None:
        recognised.append(body)
        return endpoint.recognise(body)

    first = attrs.evolve(endpoint, recognise=recognise)
    source = attrs.evolve(OPENROUTER, endpoints=(first, *OPENROUTER.endpoints[1:]))
    rows = [model(number, "text") for number in range(3)]
    bodies = [b'{"data":[%b]}' % b",".join(rows[n : n + 2]) for n in (0, 1, 1)]
    for body in bodies:
        content = RecordingContent([BareResponse(None, body)])
        ((known,), _) = recognise_responses(source, content, last)
        split_known(known, known.response(source), last, digest(body))

    assert recognised == [bodies[0], b'{"data":[%b]}' % rows[2]]
