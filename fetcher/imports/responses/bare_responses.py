"""The responses in a recorded document or chunk of lines, and what is not recognised in it.

Pure. Everything in a recording is either a response or an `Unrecognised`.
"""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from eventlog.body.json_spans import NotJson
from fetcher.imports.recordings import RecordedResponse
from fetcher.imports.responses.bare_json import (
    EMPTY_PROVENANCE,
    BareResponse,
    split_lines,
    wrap_document,
)
from fetcher.imports.responses.envelope import EnvelopePart, extract_responses
from fetcher.source import Source, url_of
from fetcher.split.error_words import describe_body


@attrs.frozen
class Unrecognised:
    """Recorded bytes that are not known as a response."""

    reason: str
    body: bytes
    provenance: Mapping[str, str] = EMPTY_PROVENANCE
    count: int = 1
    """Number of documents or lines."""


@attrs.frozen
class RecordingContent:
    """What a recorded document or chunk of lines contains, in order."""

    responses: Sequence[BareResponse]
    unrecognised: Sequence[Unrecognised] = ()
    matched_parts: frozenset[str] = frozenset()
    """The envelope parts that matched at least one response."""


def read_recording(
    source: Source,
    recorded: RecordedResponse,
    endpoint: str | None,
    parts: Sequence[EnvelopePart],
) -> RecordingContent:
    """Returns the responses in a recording: as a whole, per line, or per envelope part."""
    if recorded.endpoint is not None:
        url = url_of("", recorded.endpoint, recorded.params)
        return RecordingContent([BareResponse(url, recorded.body)])
    if parts:
        return _read_envelopes(source, recorded, parts)
    if recorded.first_line is None:
        return RecordingContent([wrap_document(source, recorded.body, endpoint)])
    content = list(split_lines(source, recorded.body, recorded.first_line, endpoint))
    refused = [line for line in content if not isinstance(line, BareResponse)]
    return RecordingContent(
        [line for line in content if isinstance(line, BareResponse)],
        [_unknown_lines(recorded, refused)] if refused else [],
    )


def _unknown_lines(recorded: RecordedResponse, refused: Sequence[tuple[int, str]]) -> Unrecognised:
    """Returns the lines of a chunk that are not recognised, with the reason of the first one."""
    lines, start = recorded.body.split(b"\n"), recorded.first_line or 1
    numbers = [number for number, _ in refused]
    others = f" (and {len(refused) - 1} more lines)" if len(refused) > 1 else ""
    return Unrecognised(
        reason=f"line {numbers[0]}{others}: {refused[0][1]}",
        body=b"\n".join(lines[number - start] for number in numbers),
        provenance={"lines": ",".join(_ranges(numbers))},
        count=len(refused),
    )


def _ranges(numbers: Sequence[int]) -> Iterator[str]:
    """Yields ascending numbers as `7` and `9-12`."""
    first = 0
    for at, number in enumerate(numbers):
        if at + 1 == len(numbers) or numbers[at + 1] != number + 1:
            yield f"{number}" if first == at else f"{numbers[first]}-{number}"
            first = at + 1


def _read_envelopes(
    source: Source, recorded: RecordedResponse, parts: Sequence[EnvelopePart]
) -> RecordingContent:
    """Returns the responses in a document, or in every line; each must match a part."""
    responses: list[BareResponse] = []
    unrecognised: list[Unrecognised] = []
    matched: set[str] = set()
    refused: list[tuple[int, str]] = []
    for number, document in _documents(recorded):
        try:
            by_part = extract_responses(document, parts)
        except NotJson as problem:
            refused.append((number, str(problem)))
            continue
        matches = [(part, match) for part, found in by_part.items() for match in found]
        if not matches:
            refused.append((number, f"no --part matches anything in it: {describe_body(document)}"))
        for part, match in matches:
            if isinstance(match, NotJson):
                unrecognised.append(Unrecognised(f"--part '{part.text}': {match}", document))
            elif match.body != b"null":
                matched.add(part.text)
                responses.append(wrap_document(source, match.body, match.endpoint))
    if refused and recorded.first_line is None:
        unrecognised.append(Unrecognised(refused[0][1], recorded.body))
    elif refused:
        unrecognised.append(_unknown_lines(recorded, refused))
    return RecordingContent(responses, unrecognised, frozenset(matched))


def _documents(recorded: RecordedResponse) -> list[tuple[int, bytes]]:
    """Returns the document, or the lines of a chunk that are not blank, with their numbers."""
    if recorded.first_line is None:
        return [(1, recorded.body)]
    lines = enumerate(recorded.body.split(b"\n"), recorded.first_line)
    return [(number, line) for number, line in lines if line.strip()]
