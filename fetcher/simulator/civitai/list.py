"""`/models`: filters, sort orders and a keyset cursor over changing columns. Pure.

A cursor contains the sort columns of the first item of the next page. The columns are
counters that change: an item that rises above the cursor is skipped, and one that falls
below it appears again. At a fixed time, a pagination returns every item exactly once.
"""

from fetcher.simulator.civitai.params import (
    bad_cursor,
    invalid,
    limit_of,
    listed,
    metadata,
    too_many,
)
from fetcher.simulator.civitai.shapes import base_model, level_mask, model_object, tags_of
from fetcher.simulator.civitai.world import Model, Version, downloads, likes, models, versions
from fetcher.simulator.world.rhythms import iso
from fetcher.simulator.world.vocabulary import TAGS
from fetcher.simulator.world.world import Answer, Request, World, refuse, reply

SORTS = (
    "Highest Rated", "Most Downloaded", "Most Liked", "Most Discussed", "Most Collected",
    "Most Images", "Newest", "Oldest",
)  # fmt: skip

Columns = tuple[int | str, ...]


def list_answer(world: World, request: Request, now_us: int) -> Answer:
    """Returns a page of models; an unknown tag is ignored, an unknown user gets a 404."""
    query = request.query
    limit = limit_of(query, 100, 100)
    if isinstance(limit, Answer):
        return limit
    sort = query.get("sort", SORTS[0])
    if sort not in SORTS:
        return invalid("sort", f"Expected one of {', '.join(SORTS)}")
    if "favorites" in query or "hidden" in query:
        return refuse({"error": "Unauthorized"}, 401)
    refused = too_many(query, limit)
    if refused is None and "page" in query and "query" in query:
        refused = refuse({"error": "Cannot use page with query"}, 400)
    return refused or _page(world, request, sort, limit, now_us)


def _page(world: World, request: Request, sort: str, limit: int, now_us: int) -> Answer:
    present = [model for model in models(world, now_us) if model.mode is None]
    name = request.query.get("username")
    if name is not None and not any(model.username == name for model in present):
        return refuse({"error": "User not found"}, 404)
    rows = [(_columns(world, model, sort, now_us), model) for model in present]
    rows.sort(key=lambda row: row[0], reverse=sort != "Oldest")
    matching = [row for row in rows if _matches(world, row[1], request, now_us)]
    cursor = request.query.get("cursor")
    if cursor is not None:
        start = _start(matching, cursor, sort)
        if start is None:
            return bad_cursor(cursor)
        matching = matching[start:]
    following = matching[limit:][:1] if limit else []
    token = "|".join(map(str, following[0][0])) if following else None
    allowed = _allowed(request)
    items = [
        model_object(world, model, _shown(world, model, request, now_us), now_us, allowed, False)
        for _, model in matching[:limit]
    ]
    return reply({"items": items, "metadata": metadata(request, token, limit)})


def _columns(world: World, model: Model, sort: str, now_us: int) -> Columns:
    if sort in ("Newest", "Oldest"):
        return (iso(versions(world, model, now_us)[0].born_us), model.id)
    up, fetched = likes(world, model, now_us), downloads(world, model, now_us)
    first, second = (fetched, up) if sort == "Most Downloaded" else (up, fetched)
    return (first, second, model.id)


def _start(rows: list[tuple[Columns, Model]], cursor: str, sort: str) -> int | None:
    parts = cursor.split("|")
    numbers = parts[1:] if sort in ("Newest", "Oldest") else parts
    arity = 2 if sort in ("Newest", "Oldest") else 3
    if len(parts) != arity or not all(part.isascii() and part.isdigit() for part in numbers):
        return None
    at: Columns = (*parts[: arity - len(numbers)], *map(int, numbers))
    indexes = (
        n for n, row in enumerate(rows) if (row[0] >= at if sort == "Oldest" else row[0] <= at)
    )
    return next(indexes, len(rows))


def _allowed(request: Request) -> int:
    return 63 if request.query.get("nsfw", "") == "true" else 1


def _shown(world: World, model: Model, request: Request, now_us: int) -> list[Version]:
    wanted = listed(request.query, "baseModels")
    live = versions(world, model, now_us)
    return [item for item in live if not wanted or base_model(world, item) in wanted]


def _matches(world: World, model: Model, request: Request, now_us: int) -> bool:
    query = request.query
    types, ids = listed(query, "types"), listed(query, "ids")
    name, tag = query.get("username"), query.get("tag")
    live = _shown(world, model, request, now_us)
    return (
        bool(live)
        and (not types or model.type in types)
        and (not ids or str(model.id) in ids)
        and (name is None or model.username == name)
        and (tag not in TAGS or tag in tags_of(world.seed, model))
        and query.get("query", "").lower() in model.name.lower()
        and bool(level_mask(world, model, live) & _allowed(request))
    )
