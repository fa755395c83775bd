"""Joins an envelope and the stored bodies into the response: the inverse of `split`. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence

from eventlog.body.json_spans import (
    NotJson,
    Span,
    elements_or_object,
    locate,
    member_spans,
    replace_spans,
    value_span,
)
from eventlog.body.split_rules import is_child, key_of

_STUB = re.compile(rb'\{"id":(?:-?\d+|"(?:[^"\\]|\\.)*")\}')


def join(envelope: bytes | None, bodies: Mapping[str, Sequence[bytes]]) -> bytes:
    """Returns the response that `split` took apart.

    `bodies`: per pointer, the stored bytes in the order of the roster. The result equals
    the response byte for byte if the response had no white space between its elements
    and no misfits. The writer compares both, and stores the complete response if they differ.
    """
    queues = {pointer: iter(stored) for pointer, stored in bodies.items()}
    if envelope is None:
        return _fill(_next(queues, ""), "", queues)
    root = value_span(envelope)
    cuts = []
    for pointer in (pointer for pointer in bodies if "*" not in pointer):
        span = locate(envelope, root, pointer)
        if span is None:
            raise NotJson(f"nothing at {pointer}", 0)
        filled = b",".join(_filled(pointer, queues))
        array = envelope[span.start : span.start + 1] == b"["
        cuts.append((Span(span.start + 1, span.end - 1) if array else span, filled))
    return replace_spans(envelope, cuts)


def _filled(pointer: str, queues: Mapping[str, Iterator[bytes]]) -> Iterator[bytes]:
    if not any(is_child(pointer, other) for other in queues):
        return queues[pointer]
    return (_fill(body, pointer, queues) for body in queues[pointer])


def _next(queues: Mapping[str, Iterator[bytes]], pointer: str) -> bytes:
    body = next(queues.get(pointer, iter(())), None)
    if body is None:
        raise NotJson(f"more stubs than entities at {pointer}", 0)
    return body


def _fill(body: bytes, pointer: str, queues: Mapping[str, Iterator[bytes]]) -> bytes:
    """Returns an entity with its stubs replaced by the stored children."""
    inside = tuple(other for other in queues if is_child(pointer, other))
    if not inside:
        return body
    names = tuple(map(key_of, inside))
    inner = member_spans(body, value_span(body), names)
    cuts: list[tuple[Span, bytes]] = []
    for other, name in zip(inside, names, strict=True):
        for part in elements_or_object(body, inner.get(name)):
            if _STUB.fullmatch(body, part.start, part.end):
                cuts.append((part, _fill(_next(queues, other), other, queues)))
    return replace_spans(body, cuts)
