"""Splits a response by comparing it with an earlier one, most of whose entities it repeats. Pure.

    earlier:  {"data":[  A , B , C  ]}
    response: {"data":[  A , B', C , D  ]}      A and C are compared; only B' and D are parsed

The bytes before and after the entities must be equal, so that only the elements of one array
differ. An element is repeated if its bytes are there, because a JSON object ends at its last
brace, whatever comes after it. A comma or the end of the array must follow.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import attrs
import orjson

from eventlog.body.split import MAX_PARSED_BYTES, Split, ids_of_elements
from eventlog.body.split_rules import Entity, Rule
from eventlog.body.value_hash import depth_at_most

NOT_PARSED = object()
"""Value of a repeated entity, which was not parsed."""

_BEGINNING_BYTES = 48
"""Bytes by which an element is found again: as long as a name or an id."""
_MAX_DEPTH = 128
"""Deeper elements are left to `split`: inside a response, orjson may not write them back."""
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_COMMA = ord(",")


@attrs.frozen
class EarlierSplit:
    """An earlier response whose entities are adjacent, as `split` returned it."""

    rule: Rule
    before: bytes
    """The response before its first entity."""
    after: bytes
    entities: tuple[Entity, ...]

    @cached_property
    def bodies(self) -> Sequence[bytes]:
        """The bytes of each entity."""
        return [entity.body for entity in self.entities]

    @cached_property
    def boundary(self) -> bytes:
        """The end of an element, a comma, and the bytes with which all entities begin."""
        beginnings = [body[:_BEGINNING_BYTES] for body in self.bodies]
        first, last = min(beginnings), max(beginnings)
        pairs = enumerate(zip(first, last, strict=False))
        size = next((number for number, (a, b) in pairs if a != b), min(len(first), len(last)))
        return b"}," + first[:size]

    @cached_property
    def numbers(self) -> Mapping[bytes, Sequence[int]]:
        """Numbers of the entities, by their first bytes."""
        numbers: dict[bytes, list[int]] = {}
        for number, entity in enumerate(self.entities):
            numbers.setdefault(entity.body[:_BEGINNING_BYTES], []).append(number)
        return numbers


@attrs.frozen
class _NewElement:
    body: bytes
    value: object


def earlier_split(
    rule: Rule, envelope: bytes, first: int, entities: tuple[Entity, ...]
) -> EarlierSplit | None:
    """Returns what `split_again` needs of a response; None if it cannot be used."""
    if rule.number_repeats or not entities:
        return None
    return EarlierSplit(rule, envelope[:first], envelope[first:], entities)


def split_again(body: bytes, earlier: EarlierSplit) -> tuple[Split, tuple[int | None, ...]] | None:
    """Returns the split of a response, and for each entity its number in the earlier response.

    None if the response has to be split as a whole. Law: otherwise equal to `split`, except that
    the values of repeated entities are `NOT_PARSED`.
    """
    start, end = len(earlier.before), len(body) - len(earlier.after)
    is_same = start < end and body.startswith(earlier.before) and body.endswith(earlier.after)
    if not is_same or len(body) > MAX_PARSED_BYTES:
        return None
    elements = _elements(body, start, end, earlier)
    if elements is None:
        return None
    numbers, new = elements
    ids = ids_of_elements(earlier.rule, [element.value for element in new])
    if ids is None:
        return None
    entities, values = _entities(earlier, numbers, new, ids)
    envelope = earlier.before + earlier.after
    return Split(envelope, entities, (), values, len(earlier.before)), numbers


def _elements(
    body: bytes, at: int, end: int, earlier: EarlierSplit
) -> tuple[tuple[int | None, ...], list[_NewElement]] | None:
    """Returns for each element its number in the earlier response, and those that are new."""
    numbers: list[int | None] = []
    new: list[_NewElement] = []
    bodies, guess, count = earlier.bodies, 0, len(earlier.bodies)
    while True:
        is_next = guess < count and body.startswith(bodies[guess], at, end)  # almost always
        number = guess if is_next else _find_repeated(body, at, end, earlier, guess)
        numbers.append(number)
        if number is not None:
            at += len(bodies[number])
            guess = number + 1
        else:
            element = _parse_element(body, at, end, earlier)
            if element is None:
                return None
            new.append(element)
            at += len(element.body)
            guess += _begins_like(element.body, earlier, guess)  # else one was inserted
        if at == end:
            return tuple(numbers), new
        if body[at] != _COMMA:
            return None
        at += 1


def _find_repeated(body: bytes, at: int, end: int, earlier: EarlierSplit, guess: int) -> int | None:
    """Returns the number of the earlier entity that is at an offset, if it is not `guess`.

    The one after it is tried first: an entity may have been removed or replaced. An element that
    begins like `guess` is `guess` with other bytes.
    """
    if _begins_like(body[at : at + _BEGINNING_BYTES], earlier, guess):
        return None
    after = guess + 1
    if after < len(earlier.bodies) and body.startswith(earlier.bodies[after], at, end):
        return after
    for number in earlier.numbers.get(body[at : at + _BEGINNING_BYTES], ()):
        if body.startswith(earlier.bodies[number], at, end):
            return number
    return None


def _begins_like(element: bytes, earlier: EarlierSplit, number: int) -> bool:
    if number >= len(earlier.entities):
        return False
    return element.startswith(earlier.entities[number].body[:_BEGINNING_BYTES])


def _parse_element(body: bytes, at: int, end: int, earlier: EarlierSplit) -> _NewElement | None:
    """Returns the element at an offset; None unless orjson writes it back unchanged."""
    for stop in _possible_ends(body, at, end, earlier):
        element = body[at:stop]
        if not depth_at_most(element, _MAX_DEPTH):
            return None
        try:
            value = orjson.loads(element)
            if type(value) is dict and orjson.dumps(value) == element:
                return _NewElement(element, value)
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            pass  # part of an element, or several
    return None


def _possible_ends(body: bytes, at: int, end: int, earlier: EarlierSplit) -> Iterator[int]:
    """Yields offsets at which an element may end: before the next bytes with which the earlier
    entities begin (fast, may be wrong), and at its last brace."""
    stop = body.find(earlier.boundary, at, end)
    yield end if stop < 0 else stop + 1
    depth = 0
    for match in _TOKEN.finditer(body, at, end):
        token = match[0]
        if token in (b"{", b"["):
            depth += 1
        elif token in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                yield match.end()
                return


def _entities(
    earlier: EarlierSplit,
    numbers: Sequence[int | None],
    new: Sequence[_NewElement],
    ids: Sequence[str],
) -> tuple[tuple[Entity, ...], tuple[object, ...]]:
    """Returns all entities and their values."""
    rule, known = earlier.rule, earlier.entities
    added = iter(
        [
            Entity(rule.pointer, rule.type, rule.shape, id_, element.body, rule.parent)
            for id_, element in zip(ids, new, strict=True)
        ]
    )
    parsed = iter([element.value for element in new])
    return (
        tuple([next(added) if number is None else known[number] for number in numbers]),
        tuple([next(parsed) if number is None else NOT_PARSED for number in numbers]),
    )
