"""Known responses: why one that cannot be split becomes an anomaly."""

import pytest

from eventlog.format.manifest import digest
from fetcher.imports.responses.bare_json import BareResponse
from fetcher.imports.responses.bare_responses import RecordingContent
from fetcher.imports.responses.known_responses import ReadResponse, recognise_responses, split_known
from fetcher.sources import SOURCES
from fetcher.split.last_pages import LastPages

OPENROUTER, CIVITAI = SOURCES["openrouter"], SOURCES["civitai"]
ENDPOINTS = "/api/v1/models/a/b/endpoints"


def result(body: bytes) -> ReadResponse | str:
    ((known,), _) = recognise_responses(
        OPENROUTER, RecordingContent([BareResponse(ENDPOINTS, body)])
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
        OPENROUTER, RecordingContent([BareResponse(None, body)])
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

    ((known,), _) = recognise_responses(CIVITAI, RecordingContent([BareResponse(None, body)]))

    assert known.response(CIVITAI).url == f"{CIVITAI.base_url}/{url}"


def test_a_response_of_no_known_endpoint_is_unrecognised_with_the_words_of_its_error() -> None:
    bare = [BareResponse(None, b'{"error":"gone away"}'), BareResponse("/nosuch", b"{}")]

    known, unrecognised = recognise_responses(OPENROUTER, RecordingContent(bare))

    assert known == []
    assert [item.reason for item in unrecognised] == [
        "not a known response of openrouter: upstream says 'gone away'",
        "openrouter has no endpoint for /nosuch",
    ]
