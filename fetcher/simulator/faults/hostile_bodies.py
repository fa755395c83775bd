"""Pages whose bytes are spoilt: what a parser must survive and an archive must keep.

One entity of the page gets a member that no well-behaved server sends, written as raw
bytes, since no JSON library would write it. A page without entities stays as it is.
Pure: bytes in, bytes out.
"""

from typing import TypeAlias

import orjson

Members: TypeAlias = dict[str, object]

HOSTILE: dict[str, bytes] = {
    "surrogate": rb'"caption":"half a pair: \ud800!"',
    "nan": b'"score":NaN',
    "utf8": b'"caption":"not text: \xff\xfe"',
    "control": b'"caption":"a bell \x07 and a break\n"',
    "depth": b'"nested":' + b"[" * 3000 + b"]" * 3000,
    "duplicate": b'"name":"the first of three","name":"the second of three"',
    "integer": b'"seed":1234567890123456789012345',
    "exponent": b'"score":1e400,"floor":-1e400',
}
"""The member that is put in front of an entity's own, by the name of its defect."""

_MARK = "\x00here\x00"


def hostile_page(body: bytes, defect: str, choice: int) -> bytes:
    """The page with that defect in one of its entities; `choice` says in which."""
    page, entities = _open(body)
    if not entities:
        return body
    entity = entities[choice % len(entities)]
    amended = b"{" + HOSTILE[defect] + b"," + orjson.dumps(entity)[1:]
    entity.clear()
    entity[_MARK] = None
    return orjson.dumps(page).replace(orjson.dumps({_MARK: None}), amended)


def drifted_page(body: bytes, choice: int) -> bytes:
    """The page after an unannounced change: a key nobody knows, or a number as a string."""
    page, entities = _open(body)
    for entity in entities:
        numbers = [k for k, v in entity.items() if type(v) is int and k != "id"]
        if choice % 2 == 0 and numbers:
            entity[numbers[0]] = str(entity[numbers[0]])
        else:
            entity["rolloutCohort"] = {"name": "β", "share": 0.5}
    return orjson.dumps(page)


def repeating_page(body: bytes, choice: int) -> bytes:
    """The listing with one of its entities once more at the end."""
    page, entities = _open(body)
    found = _list_of(page)
    if entities and found is not None:
        found.append(entities[choice % len(entities)])
    return orjson.dumps(page)


def emptied_page(body: bytes) -> bytes:
    """The same listing with status 200 and nothing in it, as after a timeout upstream."""
    page, _ = _open(body)
    found = _list_of(page)
    if isinstance(page, dict) and found is not None and "items" in page:
        return b'{"items":[],"metadata":{}}'
    if found is not None:
        found.clear()
    return orjson.dumps(page)


def _open(body: bytes) -> tuple[object, list[Members]]:
    """The page, and its entities: a listing's items, or the one the page is about."""
    page: object = orjson.loads(body)
    found = _list_of(page)
    if found is not None:
        return page, [each for each in found if isinstance(each, dict) and each]
    inner = page.get("data", page) if isinstance(page, dict) else page
    return page, [inner] if isinstance(inner, dict) and inner else []


def _list_of(page: object) -> list[object] | None:
    if isinstance(page, dict):
        data = page.get("data")
        inside = data.get("endpoints") if isinstance(data, dict) else None
        for found in (page.get("items"), data, inside):
            if isinstance(found, list):
                return found
    return page if isinstance(page, list) else None
