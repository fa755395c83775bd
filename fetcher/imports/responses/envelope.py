"""Envelopes: documents of another collector that contain several responses. Pure.

    $.models=/api/v1/models
    $.endpoints.*=/api/v1/models/{key}/endpoints
    $.data[*].response=/api/v1/models/{modelId}/endpoints

The text before the first `=` is a JSON path made of `$`, `.name`, `['name']`, `.*` and
`[*]`; the text after it is the endpoint. In the endpoint, `{key}` is replaced by the member
name (or element number) that the last `*` matched, and any other placeholder by a member of
the object that contains the response.
"""

import json
import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import attrs

from eventlog.body.json_spans import (
    NotJson,
    Span,
    all_member_spans,
    element_spans,
    member_spans,
    value_span,
)
from eventlog.errors import Invalid
from fetcher.imports.responses.bare_json import BareResponse

_STEP = re.compile(r"\.(?P<name>[A-Za-z_][\w-]*)|\.\*|\[\*\]|\['(?P<quoted>[^']+)'\]")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_ANY = None


@attrs.frozen
class EnvelopePart:
    """Where an envelope contains responses, and the endpoint that they answer."""

    steps: tuple[str | None, ...]
    """Names of members; None for every member or element."""
    endpoint: str
    """Endpoint with placeholders."""
    text: str
    """The part as the user wrote it."""


def parse_envelope_part(text: str) -> EnvelopePart:
    """Parses `JSONPATH=ENDPOINT`. Raises `Invalid` with an example."""
    path, equals, endpoint = text.partition("=")
    steps: list[str | None] = []
    at = 1
    while at < len(path) and (match := _STEP.match(path, at)):
        steps.append(match["name"] or match["quoted"])
        at = match.end()
    if not path.startswith("$") or at != len(path) or not equals or not endpoint:
        raise Invalid(
            f"part {text!r}: expected a JSON path, '=' and an endpoint",
            "for example: --part '$.endpoints.*=/api/v1/models/{key}/endpoints'",
        )
    return EnvelopePart(tuple(steps), endpoint, text)


def extract_responses(
    envelope: bytes, parts: Sequence[EnvelopePart]
) -> dict[EnvelopePart, list[BareResponse | NotJson]]:
    """Returns the matches of each part in an envelope, in order; their body may be null.

    A match without a value for a placeholder is the error that names it. Raises `NotJson` if
    the envelope is not JSON.
    """
    root = value_span(envelope)
    return {
        part: [
            _response(part.endpoint, envelope, match)
            for match in _matches(envelope, _Match(root, None, ""), part.steps)
        ]
        for part in parts
    }


def _response(endpoint: str, envelope: bytes, match: "_Match") -> BareResponse | NotJson:
    body = match.span.of(envelope)
    if body == b"null":
        return BareResponse(None, body)
    try:
        return BareResponse(_fill_in(endpoint, envelope, match), body)
    except NotJson as error:
        return error


@attrs.frozen
class _Match:
    span: Span
    parent: Span | None
    """The nearest object that contains it."""
    key: str
    """Member name or element number that the last `*` matched."""


def _matches(envelope: bytes, start: _Match, steps: tuple[str | None, ...]) -> Iterator[_Match]:
    if not steps:
        yield start
        return
    for match in _step(envelope, start, steps[0]):
        yield from _matches(envelope, match, steps[1:])


def _step(envelope: bytes, start: _Match, name: str | None) -> Iterator[_Match]:
    opening = envelope[start.span.start : start.span.start + 1]
    if name is not _ANY:
        if opening == b"{":
            member = member_spans(envelope, start.span, (name,)).get(name)
            if member is not None:
                yield _Match(member, start.span, start.key)
    elif opening == b"{":
        for key, span in all_member_spans(envelope, start.span).items():
            yield _Match(span, start.span, key)
    elif opening == b"[":
        for number, span in enumerate(element_spans(envelope, start.span)):
            yield _Match(span, start.parent, str(number))


def _fill_in(endpoint: str, envelope: bytes, match: _Match) -> str:
    """Replaces the placeholders of an endpoint."""
    placeholders = dict.fromkeys(_PLACEHOLDER.findall(endpoint))
    names = tuple(name for name in placeholders if name != "key")
    values = _texts(envelope, match.parent, names) | {"key": match.key}
    missing = [name for name in names if name not in values]
    if missing:
        raise NotJson(f"no member {missing[0]} next to the response", match.span.start)
    whole = _PLACEHOLDER.match(endpoint)  # a value that is a whole path or URL
    beginning = values[whole[1]] if whole else ""
    return beginning + _PLACEHOLDER.sub(
        lambda placeholder: _quoted(values[placeholder[1]], match.span.start),
        endpoint[whole.end() if whole else 0 :],
    )


def _quoted(value: str, at: int) -> str:
    """Returns a value for a URL, from which it is read back as it is spelled (`%2F`, `?`)."""
    try:
        return quote(value, safe="/:~@")
    except UnicodeEncodeError as error:
        raise NotJson("a name that is not valid Unicode", at) from error


def _texts(envelope: bytes, parent: Span | None, names: tuple[str, ...]) -> dict[str, str]:
    """Returns the named members of an object as text, numbers as spelled, without nulls."""
    if parent is None or not names:
        return {}
    spans = member_spans(envelope, parent, names)
    values = {name: _decode(span.of(envelope)) for name, span in spans.items()}
    return {name: str(value) for name, value in values.items() if value is not None}


def _decode(text: bytes) -> object:
    """Decodes a member; None if it cannot be decoded."""
    try:
        value: object = json.loads(
            text.decode("utf-8", "replace"), strict=False, parse_int=str, parse_float=str
        )
    except (ValueError, RecursionError):
        return None
    return value
