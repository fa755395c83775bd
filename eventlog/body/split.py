"""Splits a response into its entities, as slices of its own bytes. Pure.

Rules (`split_rules.py`) state where the entities are.

    response ──split──> page (its arrays emptied) + entities (children as stubs)
             <──join─── page + the stored bodies, in the order of the roster

A stub is exactly `{"id":<id as upstream spelled it>}`. An element without an id is
a misfit, not an entity.
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
    """A response after splitting."""

    envelope: bytes | None
    """The response with every split array emptied; None if the whole response is one entity."""
    entities: tuple[Entity, ...]
    """All entities in order of appearance, a parent before its children."""
    misfits: tuple[tuple[str, bytes], ...]
    """Elements of split arrays without an id, and objects without an id in place of an array,
    each with its pointer. The caller stores the complete response."""
    values: tuple[Any, ...] | None = None
    """The entities as parsed by orjson, if orjson would write the response back unchanged."""
    first: int | None = None
    """Offset of the first entity, if the entities are adjacent in the response, separated
    by single commas."""


def split(body: bytes, rules: Sequence[Rule]) -> Split:
    """Splits a response into its entities and its envelope.

    Raises `NotJson` with the offset of the first byte that does not fit the rules; the
    caller then stores the complete body as an anomaly.
    """
    flat = _flat(body, rules[0]) if len(rules) == 1 else None
    if flat is not None:
        return flat
    state = _ExtractionState({rule.pointer: _children(rule, rules) for rule in rules}, [], [], {})
    root = value_span(body)
    top = next((rule for rule in rules if rule.pointer == ""), None)
    if top is not None:
        taken = _extract(state, root.of(body), top, top.parent)
        return Split(None if taken else body, tuple(state.entities), ())
    pages = [rule for rule in rules if "*" not in rule.pointer]
    cuts = [cut for rule in pages for cut in _extract_array(state, body, root, rule)]
    return Split(replace_spans(body, cuts), tuple(state.entities), tuple(state.misfits))


MAX_PARSED_BYTES = 8 * 1024 * 1024
"""Larger responses are not parsed: as Python objects they need several times their size."""


def _flat(body: bytes, rule: Rule) -> Split | None:
    """Fast path: one array of entities without children, each with an id.

    Returns None unless orjson writes the whole response back unchanged. Then what orjson
    writes for an element equals the element's bytes.
    """
    if len(body) > MAX_PARSED_BYTES or "*" in rule.pointer or not rule.pointer:
        return None
    try:
        page = orjson.loads(body)
        holder, key, items = _array(page, rule.pointer)
        if items is None:
            return None
        bodies = list(map(orjson.dumps, items))
        holder[key] = orjson.Fragment(b"[\n]")  # orjson itself writes no line feed
        before, _, after = orjson.dumps(page).partition(b"\n")
        if body != b"".join((before, b",".join(bodies), after)):
            return None
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    ids = ids_of_elements(rule, items)
    if ids is None:
        return None
    entities = tuple(
        Entity(rule.pointer, rule.type, rule.shape, name, body, rule.parent)
        for name, body in zip(ids, bodies, strict=True)
    )
    return Split(before + after, entities, (), tuple(items), len(before))


def _array(page: Any, pointer: str) -> tuple[Any, str, list[Any] | None]:
    """Returns the parent of the array at a pointer, the array's key, and the array or None."""
    *path, key = pointer.split("/")[1:]
    for name in path:
        page = page.get(name) if isinstance(page, dict) else None
    items = page.get(key) if isinstance(page, dict) else None
    return page, key, items if isinstance(items, list) else None


def ids_of_elements(rule: Rule, items: Sequence[Any]) -> list[str] | None:
    """Returns the id of each parsed element, or None if any element has none."""
    if rule.identity.member is not None and not rule.number_repeats:
        integers = _integer_ids(rule.identity.member, items)
        if integers is not None:
            return integers
    state = _ExtractionState({}, [], [], {})
    ids = []
    for item in items:
        id_ = _id(rule.identity, item) if type(item) is dict else None
        if id_ is None:
            return None
        ids.append(_numbered(state, rule, id_) if rule.number_repeats else id_)
    return ids


def _integer_ids(member: str, items: Sequence[Any]) -> list[str] | None:
    """Returns the ids in a member as text, or None unless all of them are integers."""
    try:
        ids = [item[member] for item in items]
    except (KeyError, TypeError):
        return None
    return list(map(str, ids)) if all(type(value) is int for value in ids) else None


def _id(identity: Identity, item: dict[str, Any]) -> str | None:
    if identity.member is not None:
        value = item.get(identity.member)
        if type(value) is int:
            return str(value)
        return value or None if type(value) is str else None
    members = {name: orjson.dumps(item[name]) for name in identity.reads if name in item}
    spelled = identity.spell(members)
    return id_text(spelled) if spelled is not None else None


@attrs.frozen
class _ExtractionState:
    """The rules of a response's entities, and what was extracted from it so far."""

    children: Mapping[str, tuple[Rule, ...]]
    entities: list[Entity]
    misfits: list[tuple[str, bytes]]
    repeats: dict[tuple[str, str], int]
    """Number of elements so far, by pointer and id."""


def _children(rule: Rule, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    return tuple(other for other in rules if is_child(rule.pointer, other.pointer))


def _extract_array(
    state: _ExtractionState, body: bytes, root: Span, rule: Rule
) -> list[tuple[Span, bytes]]:
    """Extracts the entities of a page rule; returns the replacement that empties their array."""
    span = locate(body, root, rule.pointer)
    opening = body[span.start : span.start + 1] if span else b""
    if span is None:
        raise NotJson(f"nothing at {rule.pointer}", root.start)
    if opening == b"{":
        taken = _extract(state, span.of(body), rule, rule.parent)
        if taken is None:
            state.misfits.append((rule.pointer, span.of(body)))
        return [(span, _stub(taken))] if taken is not None else []
    if opening != b"[":
        raise NotJson(f"expected an array at {rule.pointer}", span.start)
    for part in element_spans(body, span):
        element = part.of(body)
        if _extract(state, element, rule, rule.parent) is None:
            state.misfits.append((rule.pointer, element))
    return [(Span(span.start + 1, span.end - 1), b"")]


def _extract(
    state: _ExtractionState, element: bytes, rule: Rule, parent: tuple[str, str] | None
) -> bytes | None:
    """Adds an element and its children to the entities. Returns its spelled id, if it has one."""
    try:
        spelled = rule.identity.spell(member_values(element, rule.identity.reads))
    except NotJson:
        return None
    if spelled is None:
        return None
    id_ = _numbered(state, rule, id_text(spelled))
    children = state.children[rule.pointer]
    index = len(state.entities)
    cuts = _extract_children(state, element, children, (rule.type, id_)) if children else []
    body = replace_spans(element, cuts) if cuts else element
    state.entities.insert(index, Entity(rule.pointer, rule.type, rule.shape, id_, body, parent))
    return spelled


def _numbered(state: _ExtractionState, rule: Rule, name: str) -> str:
    if not rule.number_repeats:
        return name
    count = state.repeats.get((rule.pointer, name), 0) + 1
    state.repeats[rule.pointer, name] = count
    return name if count == 1 else f"{name}~{count}"


def _extract_children(
    state: _ExtractionState, element: bytes, rules: tuple[Rule, ...], parent: tuple[str, str]
) -> list[tuple[Span, bytes]]:
    cuts = []
    for rule, part in _child_spans(element, rules):
        spelled = _extract(state, part.of(element), rule, parent)
        if spelled is not None:
            cuts.append((part, _stub(spelled)))
    return cuts


def _child_spans(element: bytes, rules: tuple[Rule, ...]) -> Iterator[tuple[Rule, Span]]:
    """Yields each possible child of an element with its rule."""
    names = tuple(key_of(rule.pointer) for rule in rules)
    inner = member_spans(element, Span(0, len(element)), names)
    for rule, name in zip(rules, names, strict=True):
        yield from ((rule, part) for part in elements_or_object(element, inner.get(name)))


def _stub(spelled: bytes) -> bytes:
    return b'{"id":' + spelled + b"}"
