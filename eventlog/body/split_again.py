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
    new = [element.value for element in elements if isinstance(element, _NewElement)]
    ids = ids_of_elements(earlier.rule, new)
    return None if ids is None else _joined(earlier, elements, ids)


def _elements(
    body: bytes, at: int, end: int, earlier: EarlierSplit
) -> list[int | _NewElement] | None:
    """Returns each element: its number in the earlier response, or what was parsed."""
    elements: list[int | _NewElement] = []
    guess = 0
    while True:
        number = _find_repeated(body, at, end, earlier, guess)
        if number is not None:
            elements.append(number)
            at += len(earlier.entities[number].body)
            guess = number + 1
        else:
            new = _parse_element(body, at, end, earlier, guess)
            if new is None:
                return None
            elements.append(new)
            guess += _begins_like(new.body, earlier, guess)  # else inserted before the expected one
            at += len(new.body)
        if at == end:
            return elements
        if body[at] != _COMMA:
            return None
        at += 1


def _find_repeated(body: bytes, at: int, end: int, earlier: EarlierSplit, guess: int) -> int | None:
    """Returns the number of the earlier entity that is at an offset.

    `guess` is tried first, then the one after it: an entity may have been removed or replaced.
    """
    entities = earlier.entities
    for number in range(guess, min(guess + 2, len(entities))):
        if body.startswith(entities[number].body, at, end):
            return number
    for number in earlier.numbers.get(body[at : at + _BEGINNING_BYTES], ()):
        if body.startswith(entities[number].body, at, end):
            return number
    return None


def _begins_like(element: bytes, earlier: EarlierSplit, number: int) -> bool:
    if number >= len(earlier.entities):
        return False
    return element.startswith(earlier.entities[number].body[:_BEGINNING_BYTES])


def _parse_element(
    body: bytes, at: int, end: int, earlier: EarlierSplit, guess: int
) -> _NewElement | None:
    """Returns the element at an offset; None unless orjson writes it back unchanged."""
    for stop in _possible_ends(body, at, end, earlier, guess):
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


def _possible_ends(
    body: bytes, at: int, end: int, earlier: EarlierSplit, guess: int
) -> Iterator[int]:
    """Yields offsets at which an element may end: before the next expected one (fast, may be
    wrong), and at its last brace."""
    expected = guess + _begins_like(body[at : at + _BEGINNING_BYTES], earlier, guess)
    if expected < len(earlier.entities):
        beginning = b"," + earlier.entities[expected].body[:_BEGINNING_BYTES]
        stop = body.find(beginning, at, end)
        if stop > 0:
            yield stop
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


def _joined(
    earlier: EarlierSplit, elements: Sequence[int | _NewElement], ids: Sequence[str]
) -> tuple[Split, tuple[int | None, ...]]:
    rule, names = earlier.rule, iter(ids)
    entities: list[Entity] = []
    values: list[object] = []
    for element in elements:
        if isinstance(element, _NewElement):
            id_, text = next(names), element.body
            entities.append(Entity(rule.pointer, rule.type, rule.shape, id_, text, rule.parent))
            values.append(element.value)
        else:
            entities.append(earlier.entities[element])
            values.append(NOT_PARSED)
    envelope = earlier.before + earlier.after
    numbers = tuple(element if isinstance(element, int) else None for element in elements)
    return Split(envelope, tuple(entities), (), tuple(values), len(earlier.before)), numbers
