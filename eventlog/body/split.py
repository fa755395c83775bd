"""Splitting: the entities of a response, as slices of its own bytes. Pure.

Where they sit is said by rules (`rules.py`).

    response ──split──> page (its arrays emptied) + entities (children as stubs)
             <──join─── page + the stored bodies, in the order of the roster

A stub is exactly `{"id":<id as upstream spelled it>}`. An element without an id is
no entity: it stays where it stands.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import orjson

from eventlog.body.json_spans import (
    NotJson,
    Span,
    element_spans,
    elements_or_object,
    locate,
    member_spans,
    member_values,
    replace_spans,
    value_span,
)
from eventlog.body.split_rules import Entity, Identity, Rule, id_text, is_child, key_of


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


def split(body: bytes, rules: Sequence[Rule]) -> Split:
    """The entities of a response, and what remains of it.

    Raises `NotJson` with the byte where the body stops being what the rules say;
    the caller keeps the whole body as an anomaly.
    """
    flat = _flat(body, rules[0]) if len(rules) == 1 else None
    if flat is not None:
        return flat
    work = _Work({rule.pointer: _children(rule, rules) for rule in rules}, [], [], {})
    root = value_span(body)
    top = next((rule for rule in rules if rule.pointer == ""), None)
    if top is not None:
        taken = _take(work, root.of(body), top, top.parent)
        return Split(None if taken else body, tuple(work.found), ())
    pages = [rule for rule in rules if "*" not in rule.pointer]
    cuts = [cut for rule in pages for cut in _empty(work, body, root, rule)]
    return Split(replace_spans(body, cuts), tuple(work.found), tuple(work.misfits))


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
    return tuple(other for other in rules if is_child(rule.pointer, other.pointer))


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
    for part in element_spans(body, span):
        element = part.of(body)
        if _take(work, element, rule, rule.parent) is None:
            work.misfits.append((rule.pointer, element))
    return [(Span(span.start + 1, span.end - 1), b"")]


def _take(work: _Work, element: bytes, rule: Rule, parent: tuple[str, str] | None) -> bytes | None:
    """Take one element as an entity, and its children; its spelled id."""
    try:
        spelled = rule.identity.spell(member_values(element, rule.identity.reads))
    except NotJson:
        return None
    if spelled is None:
        return None
    name = _numbered(work, rule, id_text(spelled))
    children = work.children[rule.pointer]
    place = len(work.found)
    cuts = _take_children(work, element, children, (rule.type, name)) if children else []
    body = replace_spans(element, cuts) if cuts else element
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
    names = tuple(key_of(rule.pointer) for rule in rules)
    inner = member_spans(element, Span(0, len(element)), names)
    for rule, name in zip(rules, names, strict=True):
        yield from ((rule, part) for part in elements_or_object(element, inner.get(name)))


def _stub(spelled: bytes) -> bytes:
    return b'{"id":' + spelled + b"}"
