"""Everything in a recording is a response, or is named as unrecognised."""

from fetcher.imports.recordings import RecordedResponse
from fetcher.imports.responses.bare_responses import RecordingContent, Unrecognised, read_recording
from fetcher.imports.responses.envelope import parse_envelope_part
from fetcher.sources import SOURCES

OPENROUTER = SOURCES["openrouter"]


def read(body: bytes, *parts: str, first_line: int | None = None) -> RecordingContent:
    recorded = RecordedResponse(0, "x", None, body, first_line=first_line)
    return read_recording(OPENROUTER, recorded, None, [parse_envelope_part(part) for part in parts])


def test_unknown_lines_of_a_chunk_are_one_whole_with_their_numbers() -> None:
    body = b'{"a":1}\n\n{"data":[{"slug":"a","permaslug":"b","endpoint":null}]}\n<b>\n<c>\n'

    content = read(body, first_line=11)

    assert len(content.responses) == 1
    (unknown,) = content.unrecognised
    assert (unknown.body, unknown.count) == (b'{"a":1}\n<b>\n<c>', 3)
    assert unknown.provenance == {"lines": "11,14-15"}
    assert unknown.reason.startswith("line 11 (and 2 more lines): neither a response nor an entity")


def test_an_envelope_in_which_no_part_matches_is_unrecognised() -> None:
    part = "$.rows.*=/api/v1/models"

    assert read(b'{"other":1}', part).unrecognised == [
        Unrecognised("no --part matches anything in it: b'{\"other\":1}'…", b'{"other":1}')
    ]
    assert read(b'{"rows":{"a":null}}', part) == RecordingContent([], [])


def test_lines_in_which_no_part_matches_are_unrecognised_like_those_that_are_not_json() -> None:
    body = b'{"other":1}\n{"rows":{"a":{}}}\n\n<html>\n{"rows":{"a":null}}\n{bad\n'

    content = read(body, "$.rows.*=/api/v1/models", first_line=1)

    assert len(content.responses) == 1
    (unknown,) = content.unrecognised
    assert unknown.provenance == {"lines": "1,4,6"}
    assert unknown.reason.startswith("line 1 (and 2 more lines): no --part matches anything in it")


def test_a_match_that_cannot_be_addressed_does_not_end_the_others() -> None:
    body = b'{"rows":[{"r":{}},{"r":{},"id":"a/b"}]}'

    content = read(body, "$.rows[*].r=/api/v1/models/{id}/endpoints")

    assert [bare.endpoint for bare in content.responses] == ["/api/v1/models/a/b/endpoints"]
    (unknown,) = content.unrecognised
    assert "no member id next to the response" in unknown.reason
