"""Pages with hostile content, which a parser must survive and an archive must preserve. Pure.

One entity of the page gets a defective member. The member is inserted as raw bytes, since
no JSON library writes it. A page without entities stays as it is.
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
"""Name of a defect to the member that is inserted at the beginning of an entity."""

_MARK = "\x00here\x00"


def hostile_page(body: bytes, defect: str, choice: int) -> bytes:
    """Returns the page with a defect in one of its entities, selected by `choice`."""
    page, entities = _open(body)
    if not entities:
        return body
    entity = entities[choice % len(entities)]
    amended = b"{" + HOSTILE[defect] + b"," + orjson.dumps(entity)[1:]
    entity.clear()
    entity[_MARK] = None
    return orjson.dumps(page).replace(orjson.dumps({_MARK: None}), amended)


def drifted_page(body: bytes, choice: int) -> bytes:
    """Returns the page after a schema change: a new key, or a number as a string."""
    page, entities = _open(body)
    for entity in entities:
        numbers = [k for k, v in entity.items() if type(v) is int and k != "id"]
        if choice % 2 == 0 and numbers:
            entity[numbers[0]] = str(entity[numbers[0]])
        else:
            entity["rolloutCohort"] = {"name": "β", "share": 0.5}
    return orjson.dumps(page)


def repeating_page(body: bytes, choice: int) -> bytes:
    """Returns the listing with one of its entities repeated at the end."""
    page, entities = _open(body)
    listing = _list_of(page)
    if entities and listing is not None:
        listing.append(entities[choice % len(entities)])
    return orjson.dumps(page)


def emptied_page(body: bytes) -> bytes:
    """Returns the listing without entities, as after a timeout of the upstream."""
    page, _ = _open(body)
    listing = _list_of(page)
    if isinstance(page, dict) and listing is not None and "items" in page:
        return b'{"items":[],"metadata":{}}'
    if listing is not None:
        listing.clear()
    return orjson.dumps(page)


UNNAMED = ("null", "missing", "number", "renamed")
"""What replaces the id of one entity."""


def unnamed_page(body: bytes, form: str, choice: int) -> bytes:
    """Returns the listing with one entity whose id cannot be read."""
    page, entities = _open(body)
    if not entities:
        return body
    entity = entities[choice % len(entities)]
    for key in [key for key in ("id", "slug", "tag", "username", "name") if key in entity]:
        value = entity.pop(key)
        if form == "renamed":
            entity[f"{key}_v2"] = value
        elif form != "missing":
            entity[key] = None if form == "null" else 1.5
    return orjson.dumps(page)


ODD_IDS: dict[str, bytes] = {
    "text": b'"m-2"',
    "big": b"9223372036854775808",
    "zeros": b'"007"',
    "blank": b'" 8"',
    "negative": b"-0",
    "nested": b'"draft-1"',
}
"""What replaces the number that is the id of one entity, or (`nested`) of one of its versions."""


def odd_id_page(body: bytes, form: str, choice: int) -> bytes:
    """Returns the listing with an id that is no 64-bit integer, or is not spelled as one."""
    page, entities = _open(body)
    if form == "nested":
        versions = [entity.get("modelVersions") for entity in entities]
        entities = [version for some in versions if isinstance(some, list) for version in some]
    numbered = [entity for entity in entities if type(entity.get("id")) is int]
    if not numbered:
        return body
    numbered[choice % len(numbered)]["id"] = _MARK
    return orjson.dumps(page).replace(orjson.dumps(_MARK), ODD_IDS[form])


NOT_LISTS = ("error", "empty", "keyed", "nested")
"""What replaces the list of a page."""


def page_without_list(body: bytes, form: str) -> bytes:
    """Returns the page with an object where the list belongs."""
    page, entities = _open(body)
    listing = _list_of(page)
    if not isinstance(page, dict) or listing is None:
        return body
    objects: dict[str, object] = {
        "error": {"error": {"code": 500, "message": "Internal Server Error"}},
        "empty": {},
        "keyed": {str(number): entity for number, entity in enumerate(entities)},
        "nested": {"models": listing},
    }
    return orjson.dumps(_with_list(page, objects[form]))


CONTRADICTIONS = ("error", "total")
"""Why the page without entities contradicts itself."""


def contradicting_page(body: bytes, form: str) -> bytes:
    """Returns the listing without entities, beside an error or a count of entities."""
    page, entities = _open(body)
    if not isinstance(page, dict) or _list_of(page) is None:
        return body
    count = len(entities) + 1
    more: dict[str, Members] = {
        "error": {"error": {"code": 500}},
        "total": {"metadata": {"totalItems": count}} if "items" in page else {"total_count": count},
    }
    return orjson.dumps({**_with_list(page, []), **more[form]})


ENDLESS = ("same", "empty")
"""What the pages of an endless listing contain."""


def endless_page(body: bytes, form: str, choice: int) -> bytes:
    """Returns the page of a paginated listing with a next page, whose cursor is always new."""
    page, _ = _open(body)
    if not isinstance(page, dict) or not isinstance(page.get("items"), list):
        return body
    items = page["items"] if form == "same" else []
    return orjson.dumps({"items": items, "metadata": {"nextCursor": str(choice)}})


def _with_list(page: Members, new: object) -> Members:
    """Returns the page with another value in place of its list."""
    if "items" in page:
        return {**page, "items": new}
    data = page.get("data")
    return {**page, "data": {**data, "endpoints": new} if isinstance(data, dict) else new}


def _open(body: bytes) -> tuple[object, list[Members]]:
    """Returns the parsed page and its entities: the items, or the only entity."""
    page: object = orjson.loads(body)
    listing = _list_of(page)
    if listing is not None:
        return page, [item for item in listing if isinstance(item, dict) and item]
    inner = page.get("data", page) if isinstance(page, dict) else page
    return page, [inner] if isinstance(inner, dict) and inner else []


def _list_of(page: object) -> list[object] | None:
    if isinstance(page, dict):
        data = page.get("data")
        inside = data.get("endpoints") if isinstance(data, dict) else None
        for candidate in (page.get("items"), data, inside):
            if isinstance(candidate, list):
                return candidate
    return page if isinstance(page, list) else None
