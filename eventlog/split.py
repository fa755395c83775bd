"""Splitting: the entities of a response, as slices of its own bytes. Pure.

A rule says where entities sit: a JSON Pointer, `*` for every element of an outer
array (`/items`, `/items/*/modelVersions`, the empty pointer for the whole body).

    response ──split──> page (its arrays emptied) + entities (children as stubs)
             <──join─── page + the stored bodies, in the order of the roster

A stub is exactly `{"id":<id as upstream spelled it>}`. An element without an id is
no entity: it stays where it stands.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence

import attrs

from eventlog.scan import NotJson, Span, elements, members, whole

_STUB = re.compile(rb'\{"id":(?:-?\d+|"(?:[^"\\]|\\.)*")\}')

Identify = Callable[[bytes, Mapping[str, Span]], bytes | None]
"""From a buffer and the members of an element to its id as JSON, as spelled; None: no entity."""


@attrs.frozen
class Rule:
    """Where entities of one type sit in a body."""

    pointer: str
    type: str
    shape: str
    identify: Identify
    number_repeats: bool = False
    """Whether the k-th element with the same id gets the id `…~k` (k from 2)."""


@attrs.frozen
class Entity:
    """One entity of a response."""

    pointer: str
    type: str
    shape: str
    id: str
    body: bytes
    """Its own bytes, each stored child replaced by a stub."""
    parent: tuple[str, str] | None
    """Type and id of what it came inside."""


@attrs.frozen
class Split:
    """A response taken apart."""

    envelope: bytes | None
    """The response with every split array emptied; None where it is one entity."""
    entities: tuple[Entity, ...]
    """In order of appearance, a parent before its children."""
    misfits: tuple[tuple[str, bytes], ...]
    """Elements of split arrays that have no id, with their pointer. They are not in
    `envelope`: such a response is kept whole."""


def id_member(name: str) -> Identify:
    """The id that stands in a member: an integer, or a text that is not empty."""

    def identify(buffer: bytes, found: Mapping[str, Span]) -> bytes | None:
        span = found.get(name)
        value = span.of(buffer) if span else b""
        return value if value[:1] == b'"' != value[1:2] or value.isdigit() else None

    return identify


def id_text(spelled: bytes) -> str:
    """The id as text, from its JSON spelling."""
    if spelled[:1] == b'"':
        return str(json.loads(spelled.decode("utf-8", "replace"), strict=False))
    return spelled.decode()


def split(body: bytes, rules: Sequence[Rule]) -> Split:
    """The entities of a response, and what remains of it.

    Raises `NotJson` with the byte where the body stops being what the rules say;
    the caller keeps the whole body as an anomaly.
    """
    found: list[Entity] = []
    misfits: list[tuple[str, bytes]] = []
    work = _Work(body, {rule.pointer: rule for rule in rules}, found, misfits, {})
    root = whole(body)
    top = work.rules.get("")
    if top is not None:
        _take(work, root, top, None)
        return Split(None if found else body, tuple(found), tuple(misfits))
    cuts = [cut for rule in _page_rules(rules) for cut in _empty(work, root, rule)]
    return Split(_without(body, cuts), tuple(found), tuple(misfits))


@attrs.frozen
class _Work:
    body: bytes
    rules: Mapping[str, Rule]
    found: list[Entity]
    misfits: list[tuple[str, bytes]]
    repeats: dict[tuple[str, str], int]


def _page_rules(rules: Sequence[Rule]) -> list[Rule]:
    return [rule for rule in rules if "*" not in rule.pointer]


def locate(body: bytes, root: Span, pointer: str) -> Span | None:
    """Where the value of a pointer without `*` lies. None where it is missing."""
    span = root
    for key in pointer.split("/")[1:]:
        if body[span.start : span.start + 1] != b"{":
            return None
        inner = members(body, span).get(key)
        if inner is None:
            return None
        span = inner
    return span


def _empty(work: _Work, root: Span, rule: Rule) -> list[tuple[Span, bytes]]:
    """Take what a page rule points at; the cut that empties it."""
    span = locate(work.body, root, rule.pointer)
    opening = work.body[span.start : span.start + 1] if span else b""
    if span is None:
        raise NotJson(f"nothing at {rule.pointer}", root.start)
    if opening == b"{":
        taken = _take(work, span, rule, None)
        return [(span, _stub(taken))] if taken is not None else []
    if opening != b"[":
        raise NotJson(f"expected an array at {rule.pointer}", span.start)
    for element in elements(work.body, span):
        if _take(work, element, rule, None) is None:
            work.misfits.append((rule.pointer, element.of(work.body)))
    return [(Span(span.start + 1, span.end - 1), b"")]


def _take(work: _Work, span: Span, rule: Rule, parent: tuple[str, str] | None) -> bytes | None:
    """Take one element as an entity, and its children; its spelled id."""
    if work.body[span.start : span.start + 1] != b"{":
        return None
    try:
        inner = members(work.body, span)
    except NotJson:
        return None
    spelled = rule.identify(work.body, inner)
    if spelled is None:
        return None
    name = _numbered(work, rule, id_text(spelled))
    place = len(work.found)
    cuts = [
        cut
        for child in _children(work, rule)
        for cut in _take_children(work, inner, child, (rule.type, name))
    ]
    body = _without(span.of(work.body), [(_shift(cut, -span.start), new) for cut, new in cuts])
    entity = Entity(rule.pointer, rule.type, rule.shape, name, body, parent)
    work.found.insert(place, entity)
    return spelled


def _numbered(work: _Work, rule: Rule, name: str) -> str:
    if not rule.number_repeats:
        return name
    count = work.repeats.get((rule.pointer, name), 0) + 1
    work.repeats[rule.pointer, name] = count
    return name if count == 1 else f"{name}~{count}"


def _children(work: _Work, rule: Rule) -> list[Rule]:
    return [child for child in work.rules.values() if _is_child(rule.pointer, child.pointer)]


def _is_child(pointer: str, other: str) -> bool:
    prefix = _inside(pointer)
    return other != pointer and other.startswith(prefix) and "/" not in other[len(prefix) :]


def _inside(pointer: str) -> str:
    """What the pointers of children begin with. A page object stands without `*`."""
    return f"{pointer}/*/" if pointer else "/"


def _take_children(
    work: _Work, inner: Mapping[str, Span], rule: Rule, parent: tuple[str, str]
) -> list[tuple[Span, bytes]]:
    span = inner.get(rule.pointer.rsplit("/", 1)[1])
    opening = work.body[span.start : span.start + 1] if span else b""
    if span is None or opening not in (b"[", b"{"):
        return []
    try:
        parts = elements(work.body, span) if opening == b"[" else [span]
    except NotJson:
        return []
    taken = ((part, _take(work, part, rule, parent)) for part in parts)
    return [(part, _stub(spelled)) for part, spelled in taken if spelled is not None]


def _stub(spelled: bytes) -> bytes:
    return b'{"id":' + spelled + b"}"


def _shift(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by)


def _without(body: bytes, cuts: list[tuple[Span, bytes]]) -> bytes:
    """The body with each span replaced. Spans do not overlap."""
    pieces: list[bytes] = []
    at = 0
    for span, new in sorted(cuts, key=lambda cut: cut[0].start):
        pieces += (body[at : span.start], new)
        at = span.end
    return b"".join((*pieces, body[at:]))


def join(envelope: bytes | None, bodies: Mapping[str, Sequence[bytes]]) -> bytes:
    """The response again: the inverse of `split`.

    `bodies`: per pointer the stored bytes in the order of the roster. Equal to the
    response byte for byte where it had no white space between its elements and no
    misfits; the writer compares, and keeps the whole response where it is not.
    """
    queues = {pointer: iter(stored) for pointer, stored in bodies.items()}
    if envelope is None:
        return _fill(next(queues[""]), "", queues)
    root = whole(envelope)
    cuts = []
    for pointer in (pointer for pointer in bodies if "*" not in pointer):
        span = locate(envelope, root, pointer)
        if span is None:
            raise NotJson(f"nothing at {pointer}", 0)
        filled = b",".join(_fill(body, pointer, queues) for body in queues[pointer])
        array = envelope[span.start : span.start + 1] == b"["
        cuts.append((Span(span.start + 1, span.end - 1) if array else span, filled))
    return _without(envelope, cuts)


def _fill(body: bytes, pointer: str, queues: Mapping[str, "object"]) -> bytes:
    """An entity with its stubs replaced by the stored children."""
    inside = [other for other in queues if _is_child(pointer, other)]
    if not inside:
        return body
    inner = members(body, whole(body))
    cuts: list[tuple[Span, bytes]] = []
    for other in sorted(inside, key=lambda name: _start(inner, name)):
        for part in _slots(body, inner.get(other.rsplit("/", 1)[1])):
            cuts.append((part, _fill(next(queues[other]), other, queues)))  # type: ignore[call-overload]
    return _without(body, cuts)


def _start(inner: Mapping[str, Span], pointer: str) -> int:
    span = inner.get(pointer.rsplit("/", 1)[1])
    return span.start if span else -1


def _slots(body: bytes, span: Span | None) -> list[Span]:
    """The stubs in an array, or the one object that is a stub."""
    if span is None or body[span.start : span.start + 1] not in (b"[", b"{"):
        return []
    array = body[span.start : span.start + 1] == b"["
    parts = elements(body, span) if array else [span]
    return [part for part in parts if _STUB.fullmatch(body, part.start, part.end)]
