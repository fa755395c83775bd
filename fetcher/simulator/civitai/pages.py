"""`/creators` and `/tags`: the two listings with numbered pages. Pure."""

from collections import Counter
from urllib.parse import quote

from fetcher.simulator.civitai.params import limit_of, link
from fetcher.simulator.civitai.shapes import creator
from fetcher.simulator.civitai.world import models
from fetcher.simulator.world.vocabulary import TAGS
from fetcher.simulator.world.world import Answer, Json, Request, World, number_in, reply


def creators_answer(world: World, request: Request, now_us: int) -> Answer:
    """Returns a page of creators, most models first; a count of 0 is omitted."""
    owned = Counter(model.username for model in models(world, now_us) if model.username is not None)
    wanted = request.query.get("query", "").lower()
    names = sorted((n for n in owned if wanted in n.lower()), key=lambda n: (-owned[n], n))
    rows = [_creator(world, request, name, owned[name]) for name in names]
    return _paged(request, [*rows, {"username": None, "link": _models(request, "username", "")}])


def _creator(world: World, request: Request, name: str, number: int) -> Json:
    shown = creator(world, name) or {}
    image = {"image": shown["image"]} if shown.get("image") else {}
    address = _models(request, "username", quote(name))
    return {"username": name, "modelCount": number, "link": address, **image}


def tags_answer(world: World, request: Request, now_us: int) -> Answer:
    """Returns a page of tags; the links are not escaped, as in the real API."""
    wanted = request.query.get("query", "").lower()
    rows: list[Json] = [
        {"name": name, "link": _models(request, "tag", name)}
        for name in TAGS
        if wanted in name.lower()
    ]
    return _paged(request, rows)


def _models(request: Request, key: str, value: str) -> str:
    root = request.path.rsplit("/", 1)[0]
    return f"{request.origin}{root}/models?{key}={value}"


def _paged(request: Request, rows: list[Json]) -> Answer:
    limit = limit_of(request.query, 20, 200)
    if isinstance(limit, Answer):
        return limit
    page = max(1, number_in(request.query, "page", 1) or 1)
    size = limit or len(rows)  # 0 means all of them
    pages = -(-len(rows) // size) if rows else 0
    about: Json = {
        "totalItems": len(rows),
        "currentPage": page,
        "pageSize": size,
        "totalPages": pages,
    }
    if page < pages:
        about["nextPage"] = link(request, page=page + 1)
    if page > 1:
        about["prevPage"] = link(request, page=page - 1)
    return reply({"items": rows[(page - 1) * size : page * size], "metadata": about})
