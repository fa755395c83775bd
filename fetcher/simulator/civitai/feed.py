"""`/images`: maturity filters, `meta` on request, and two forms of cursors. Pure.

Sorted by reactions, a cursor is `offset|milliseconds`: an offset in the ranking of that
time. Sorted by time, it is `feed:milliseconds:id`: the first image of the next page.
"""

from collections.abc import Mapping

from fetcher.simulator.civitai.meta import generation_meta
from fetcher.simulator.civitai.params import bad_cursor, invalid, limit_of, link, metadata, too_many
from fetcher.simulator.civitai.shapes import feed_image, reactions
from fetcher.simulator.civitai.world import Image, images
from fetcher.simulator.world.world import Answer, Json, Request, World, number_in, refuse, reply

SORTS = ("Most Reactions", "Most Comments", "Most Collected", "Newest", "Oldest", "Random")
_MASKS = {
    "None": 1, "Soft": 3, "Mature": 7, "X": 31, "true": 60, "false": 1,
}  # fmt: skip
OTHER_FILTERS = "This cursor cannot be continued with these filters"


def feed_answer(world: World, request: Request, now_us: int) -> Answer:
    """Returns a page of images; unknown parameters are ignored."""
    query = request.query
    limit = limit_of(query, 100, 200)
    if isinstance(limit, Answer):
        return limit
    sort = query.get("sort", SORTS[0])
    if sort not in SORTS:
        return invalid("sort", f"Expected one of {', '.join(SORTS)}")
    refused = too_many(query, limit)
    if refused is not None:
        return refused
    cursor = query.get("cursor")
    by_time = sort in ("Newest", "Oldest")
    if cursor is not None and cursor.startswith("feed:") != by_time:
        return refuse({"message": OTHER_FILTERS}, 400)
    if by_time:
        return _by_time(world, request, limit, sort == "Newest", now_us)
    return _by_rank(world, request, limit, now_us)


def _by_time(world: World, request: Request, limit: int, newest: bool, now_us: int) -> Answer:
    rows = _matching(world, request.query, now_us)
    rows.sort(key=_moment, reverse=newest)
    cursor = request.query.get("cursor")
    if cursor is not None:
        parts = cursor.removeprefix("feed:").split(":")
        if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
            return bad_cursor(cursor)
        at = (int(parts[0]), int(parts[1]))
        rows = [row for row in rows if (_moment(row) <= at if newest else _moment(row) >= at)]
    elif "page" in request.query:
        rows = rows[_skipped(request.query, limit) :]
    following = rows[limit:][:1] if limit else []
    token = "feed:{}:{}".format(*_moment(following[0])) if following else None
    return _send(world, request, rows[:limit], token, limit, now_us)


def _moment(image: Image) -> tuple[int, int]:
    return image.born_us // 1000, image.id


def _by_rank(world: World, request: Request, limit: int, now_us: int) -> Answer:
    cursor = request.query.get("cursor")
    offset, ranked_us = _skipped(request.query, limit), now_us // 1000 * 1000
    if cursor is not None:
        parts = cursor.split("|")
        if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
            return bad_cursor(cursor)
        offset, ranked_us = int(parts[0]), int(parts[1]) * 1000
    rows = _matching(world, request.query, ranked_us)
    rows.sort(key=lambda row: (-reactions(world, row, ranked_us), -row.id))
    more = limit and offset + limit < len(rows)
    token = f"{offset + limit}|{ranked_us // 1000}" if more else None
    present = {image.id for image in images(world, now_us)} if cursor is not None else None
    page = rows[offset : offset + limit]
    shown = [row for row in page if present is None or row.id in present]
    return _send(world, request, shown, token, limit, now_us)


def _skipped(query: Mapping[str, str], limit: int) -> int:
    return max(0, (number_in(query, "page", 1) or 1) - 1) * limit


def _mask(query: Mapping[str, str]) -> int:
    level = number_in(query, "browsingLevel", 0)
    return level or _MASKS.get(query.get("nsfw", ""), 1)


def _matching(world: World, query: Mapping[str, str], now_us: int) -> list[Image]:
    mask, name = _mask(query), query.get("username")
    model_id, version_id = query.get("modelId"), query.get("modelVersionId")
    image_id, post_id = query.get("imageId"), query.get("postId")
    return [
        image
        for image in images(world, now_us)
        if image.level & mask
        and (name is None or image.username == name)
        and (model_id is None or str(image.version.model.id) == model_id)
        and (version_id is None or str(image.version.id) == version_id)
        and (image_id is None or str(image.id) == image_id)
        and (post_id is None or str(feed_image(world, image, now_us)["postId"]) == post_id)
    ]


def _meta(world: World, image: Image, query: Mapping[str, str]) -> object:
    if query.get("withMeta") != "true":
        return None
    meta = generation_meta(world.seed, image)
    legacy = "modelId" in query and "modelVersionId" not in query and "flatMeta" not in query
    return {"id": image.id, "meta": meta} if legacy and meta is not None else meta


def _send(
    world: World, request: Request, rows: list[Image], token: str | None, limit: int, now_us: int
) -> Answer:
    items: list[Json] = [
        {**feed_image(world, image, now_us), "meta": _meta(world, image, request.query)}
        for image in rows
    ]
    about = metadata(request, token, limit)
    page = about.get("currentPage")
    if token is not None and isinstance(page, int):  # clients of numbered pages get the next number
        about["nextPage"] = link(request, page=page + 1)
    return reply({"items": items, "metadata": about})
