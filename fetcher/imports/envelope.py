"""Parts: the responses inside another collector's envelope. Pure.

    $.models=/api/v1/models
    $.endpoints.*=/api/v1/models/{key}/endpoints
    $.data[*].response=/api/v1/models/{modelId}/endpoints

Left of the first `=` a JSON path: `$`, `.name`, `['name']`, `.*`, `[*]`. Right of it the
endpoint, in which `{key}` is the member that the last `*` stands for (the number of an
element), and any other name a member of the object that the part lies in.
"""

import json
import re
from collections.abc import Iterator, Sequence

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
from fetcher.imports.bare_json import Inner

_STEP = re.compile(r"\.(?P<name>[A-Za-z_][\w-]*)|\.\*|\[\*\]|\['(?P<quoted>[^']+)'\]")
_HOLE = re.compile(r"\{(\w+)\}")
_EVERY = None


@attrs.frozen
class Part:
    """Where responses lie in an envelope, and what they answer."""

    steps: tuple[str | None, ...]
    """Names of members; None for every member or element."""
    endpoint: str
    text: str
    """The part as the user wrote it."""


def parse_part(text: str) -> Part:
    """The part a text describes. Raises `Invalid` with what is accepted."""
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
    return Part(tuple(steps), endpoint, text)


def inner_responses(envelope: bytes, parts: Sequence[Part]) -> dict[Part, list[Inner]]:
    """Returns the responses of an envelope by part, in order.

    The list of a part is empty if the envelope has nothing at its path, or only null.
    Raises `NotJson` if the envelope is not valid JSON.
    """
    root = value_span(envelope)
    return {
        part: [
            Inner(_filled(part.endpoint, envelope, place), place.span.of(envelope))
            for place in _places(envelope, _Place(root, None, ""), part.steps)
            if place.span.of(envelope) != b"null"
        ]
        for part in parts
    }


@attrs.frozen
class _Place:
    span: Span
    inside: Span | None
    """The object it lies in."""
    key: str


def _places(envelope: bytes, at: _Place, steps: tuple[str | None, ...]) -> Iterator[_Place]:
    if not steps:
        yield at
        return
    for place in _step(envelope, at, steps[0]):
        yield from _places(envelope, place, steps[1:])


def _step(envelope: bytes, at: _Place, name: str | None) -> Iterator[_Place]:
    opening = envelope[at.span.start : at.span.start + 1]
    if name is not _EVERY:
        if opening == b"{":
            found = member_spans(envelope, at.span, (name,)).get(name)
            if found is not None:
                yield _Place(found, at.span, at.key)
    elif opening == b"{":
        for key, span in all_member_spans(envelope, at.span).items():
            yield _Place(span, at.span, key)
    elif opening == b"[":
        for number, span in enumerate(element_spans(envelope, at.span)):
            yield _Place(span, at.inside, str(number))


def _filled(endpoint: str, envelope: bytes, place: _Place) -> str:
    names = tuple(name for name in _HOLE.findall(endpoint) if name != "key")
    found = _texts(envelope, place.inside, names) | {"key": place.key}
    missing = [name for name in names if name not in found]
    if missing:
        raise NotJson(f"no {missing[0]} beside the part", place.span.start)
    return _HOLE.sub(lambda match: found[match[1]], endpoint)


def _texts(envelope: bytes, inside: Span | None, names: tuple[str, ...]) -> dict[str, str]:
    if inside is None or not names:
        return {}
    spans = member_spans(envelope, inside, names)
    values = {name: json.loads(span.of(envelope)) for name, span in spans.items()}
    return {name: str(value) for name, value in values.items() if value is not None}
