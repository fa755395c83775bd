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
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import msgspec
import orjson

from eventlog.scan import NotJson, Span, elements, members, values, whole

_STUB = re.compile(rb'\{"id":(?:-?\d+|"(?:[^"\\]|\\.)*")\}')
_SURROGATE = re.compile("[\ud800-\udfff]")


@attrs.frozen
class Identity:
    """How an element names itself."""

    reads: tuple[str, ...]
    """The members that are looked at."""
    spell: Callable[[Mapping[str, bytes]], bytes | None]
    """From those that are there to the id as JSON, as spelled; None: no entity."""
    member: str | None = None
    """The one member that is the id itself, an integer or a text that is not empty."""


@attrs.frozen
class Rule:
    """Where entities of one type sit in a body."""

    pointer: str
    type: str
    shape: str
    identity: Identity
    number_repeats: bool = False
    """Whether the k-th element with the same id gets the id `…~k` (k from 2)."""
    parent: tuple[str, str] | None = None
    """Type and id of what they belong to, where the request says so and not the body."""


class Entity(msgspec.Struct, frozen=True, gc=False):  # a Struct: a crawl has millions
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
    values: tuple[Any, ...] | None = None
    """Where orjson writes the whole response back unchanged: each entity as it reads it."""
    first: int | None = None
    """Where the first entity begins, if they lie in the response one after the other, a
    comma between them."""


def id_member(name: str) -> Identity:
    """The id that stands in a member: an integer, or a text that is not empty."""

    def spell(found: Mapping[str, bytes]) -> bytes | None:
        value = found.get(name, b"")
        is_text = value[:1] == b'"' and len(value) > 2
        return value if is_text or value.removeprefix(b"-").isdigit() else None

    return Identity((name,), spell, name)


def id_text(spelled: bytes) -> str:
    """The id as text, from its JSON spelling."""
    if spelled[:1] != b'"':
        return spelled.decode()
    text = spelled.decode("utf-8", "replace")
    if "\\" not in text:
        return text[1:-1]
    return _SURROGATE.sub("\ufffd", json.loads(text, strict=False))


def split(body: bytes, rules: Sequence[Rule]) -> Split:
    """The entities of a response, and what remains of it.

    Raises `NotJson` with the byte where the body stops being what the rules say;
    the caller keeps the whole body as an anomaly.
    """
    flat = _flat(body, rules[0]) if len(rules) == 1 else None
    if flat is not None:
        return flat
    work = _Work({rule.pointer: _children(rule, rules) for rule in rules}, [], [], {})
    root = whole(body)
    top = next((rule for rule in rules if rule.pointer == ""), None)
    if top is not None:
        taken = _take(work, root.of(body), top, top.parent)
        return Split(None if taken else body, tuple(work.found), ())
    pages = [rule for rule in rules if "*" not in rule.pointer]
    cuts = [cut for rule in pages for cut in _empty(work, body, root, rule)]
    return Split(_without(body, cuts), tuple(work.found), tuple(work.misfits))


_MOST_READ_BYTES = 8 * 1024 * 1024
"""As Python objects a response takes several times its bytes."""


def _flat(body: bytes, rule: Rule) -> Split | None:
    """The same of one array of entities without children, where every one has its id and
    orjson writes all of it back as it was: what it writes of an element is its bytes.
    """
    if len(body) > _MOST_READ_BYTES or "*" in rule.pointer or not rule.pointer:
        return None
    try:
        page = orjson.loads(body)
        holder, key, items = _array(page, rule.pointer)
        if items is None:
            return None
        bodies = list(map(orjson.dumps, items))
        holder[key] = orjson.Fragment(b"[\n]")  # orjson itself writes no line feed
        before, _, behind = orjson.dumps(page).partition(b"\n")
        if body != b"".join((before, b",".join(bodies), behind)):
            return None
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    names = _names(rule, items)
    if names is None:
        return None
    entities = tuple(
        Entity(rule.pointer, rule.type, rule.shape, name, body, rule.parent)
        for name, body in zip(names, bodies, strict=True)
    )
    return Split(before + behind, entities, (), tuple(items), len(before))


def _array(page: Any, pointer: str) -> tuple[Any, str, list[Any] | None]:
    """The array of a pointer, what holds it, and under which key; None if there is none."""
    *path, key = pointer.split("/")[1:]
    for name in path:
        page = page.get(name) if isinstance(page, dict) else None
    items = page.get(key) if isinstance(page, dict) else None
    return page, key, items if isinstance(items, list) else None


def _names(rule: Rule, items: Sequence[Any]) -> list[str] | None:
    """The id of each element; None where one has none."""
    if rule.identity.member is not None and not rule.number_repeats:
        plain = _whole_numbers(rule.identity.member, items)
        if plain is not None:
            return plain
    work = _Work({}, [], [], {})
    names = []
    for item in items:
        name = _name(rule.identity, item) if type(item) is dict else None
        if name is None:
            return None
        names.append(_numbered(work, rule, name) if rule.number_repeats else name)
    return names


def _whole_numbers(member: str, items: Sequence[Any]) -> list[str] | None:
    """The ids that a member holds; None unless every one is an integer."""
    try:
        ids = [item[member] for item in items]
    except (KeyError, TypeError):
        return None
    return list(map(str, ids)) if all(type(each) is int for each in ids) else None


def _name(identity: Identity, item: dict[str, Any]) -> str | None:
    if identity.member is not None:
        value = item.get(identity.member)
        if type(value) is int:
            return str(value)
        return value or None if type(value) is str else None
    read = {name: orjson.dumps(item[name]) for name in identity.reads if name in item}
    spelled = identity.spell(read)
    return id_text(spelled) if spelled is not None else None


@attrs.frozen
class _Work:
    children: Mapping[str, tuple[Rule, ...]]
    found: list[Entity]
    misfits: list[tuple[str, bytes]]
    repeats: dict[tuple[str, str], int]


def _children(rule: Rule, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    return tuple(other for other in rules if _is_child(rule.pointer, other.pointer))


def _is_child(pointer: str, other: str) -> bool:
    prefix = f"{pointer}/*/" if pointer else "/"  # one object stands without `*`
    return other != pointer and other.startswith(prefix) and "/" not in other[len(prefix) :]


def _key(pointer: str) -> str:
    """The member in which the elements of a pointer stand."""
    return pointer.rsplit("/", 1)[1]


def locate(body: bytes, root: Span, pointer: str) -> Span | None:
    """Where the value of a pointer without `*` lies. None where it is missing."""
    span = root
    for key in pointer.split("/")[1:]:
        if body[span.start : span.start + 1] != b"{":
            return None
        inner = members(body, span, (key,)).get(key)
        if inner is None:
            return None
        span = inner
    return span


def _empty(work: _Work, body: bytes, root: Span, rule: Rule) -> list[tuple[Span, bytes]]:
    """Take what a page rule points at; the cut that empties it."""
    span = locate(body, root, rule.pointer)
    opening = body[span.start : span.start + 1] if span else b""
    if span is None:
        raise NotJson(f"nothing at {rule.pointer}", root.start)
    if opening == b"{":
        taken = _take(work, span.of(body), rule, rule.parent)
        return [(span, _stub(taken))] if taken is not None else []
    if opening != b"[":
        raise NotJson(f"expected an array at {rule.pointer}", span.start)
    for part in elements(body, span):
        element = part.of(body)
        if _take(work, element, rule, rule.parent) is None:
            work.misfits.append((rule.pointer, element))
    return [(Span(span.start + 1, span.end - 1), b"")]


def _take(work: _Work, element: bytes, rule: Rule, parent: tuple[str, str] | None) -> bytes | None:
    """Take one element as an entity, and its children; its spelled id."""
    try:
        spelled = rule.identity.spell(values(element, rule.identity.reads))
    except NotJson:
        return None
    if spelled is None:
        return None
    name = _numbered(work, rule, id_text(spelled))
    children = work.children[rule.pointer]
    place = len(work.found)
    cuts = _take_children(work, element, children, (rule.type, name)) if children else []
    body = _without(element, cuts) if cuts else element
    work.found.insert(place, Entity(rule.pointer, rule.type, rule.shape, name, body, parent))
    return spelled


def _numbered(work: _Work, rule: Rule, name: str) -> str:
    if not rule.number_repeats:
        return name
    count = work.repeats.get((rule.pointer, name), 0) + 1
    work.repeats[rule.pointer, name] = count
    return name if count == 1 else f"{name}~{count}"


def _take_children(
    work: _Work, element: bytes, rules: tuple[Rule, ...], parent: tuple[str, str]
) -> list[tuple[Span, bytes]]:
    cuts = []
    for rule, part in _places(element, rules):
        spelled = _take(work, part.of(element), rule, parent)
        if spelled is not None:
            cuts.append((part, _stub(spelled)))
    return cuts


def _places(element: bytes, rules: tuple[Rule, ...]) -> Iterator[tuple[Rule, Span]]:
    """Where the children of an element may stand, rule by rule."""
    names = tuple(_key(rule.pointer) for rule in rules)
    inner = members(element, Span(0, len(element)), names)
    for rule, name in zip(rules, names, strict=True):
        yield from ((rule, part) for part in _parts(element, inner.get(name)))


def _parts(body: bytes, span: Span | None) -> list[Span]:
    """The elements of an array, or the one object that stands in its place."""
    opening = body[span.start : span.start + 1] if span else b""
    if span is None or opening not in (b"[", b"{"):
        return []
    try:
        return elements(body, span) if opening == b"[" else [span]
    except NotJson:
        return []


def _stub(spelled: bytes) -> bytes:
    return b'{"id":' + spelled + b"}"


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
        return _fill(_next(queues, ""), "", queues)
    root = whole(envelope)
    cuts = []
    for pointer in (pointer for pointer in bodies if "*" not in pointer):
        span = locate(envelope, root, pointer)
        if span is None:
            raise NotJson(f"nothing at {pointer}", 0)
        filled = b",".join(_filled(pointer, queues))
        array = envelope[span.start : span.start + 1] == b"["
        cuts.append((Span(span.start + 1, span.end - 1) if array else span, filled))
    return _without(envelope, cuts)


def _filled(pointer: str, queues: Mapping[str, Iterator[bytes]]) -> Iterator[bytes]:
    if not any(_is_child(pointer, other) for other in queues):
        return queues[pointer]
    return (_fill(body, pointer, queues) for body in queues[pointer])


def _next(queues: Mapping[str, Iterator[bytes]], pointer: str) -> bytes:
    body = next(queues[pointer], None)
    if body is None:
        raise NotJson(f"more stubs than entities at {pointer}", 0)
    return body


def _fill(body: bytes, pointer: str, queues: Mapping[str, Iterator[bytes]]) -> bytes:
    """An entity with its stubs replaced by the stored children."""
    inside = tuple(other for other in queues if _is_child(pointer, other))
    if not inside:
        return body
    names = tuple(map(_key, inside))
    inner = members(body, whole(body), names)
    cuts: list[tuple[Span, bytes]] = []
    for other, name in zip(inside, names, strict=True):
        for part in _parts(body, inner.get(name)):
            if _STUB.fullmatch(body, part.start, part.end):
                cuts.append((part, _fill(_next(queues, other), other, queues)))
    return _without(body, cuts)
