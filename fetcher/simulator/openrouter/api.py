"""Routes of the OpenRouter API. Pure."""

from fetcher.simulator.openrouter.frontend_shapes import catalog_rows, endpoint_rows, provider_rows
from fetcher.simulator.openrouter.shapes import (
    details_object,
    identifier,
    model_object,
    provider_objects,
)
from fetcher.simulator.openrouter.world import Model, is_offered, known_models, offered
from fetcher.simulator.world.world import (
    Answer,
    Request,
    World,
    no_such_page,
    number_in,
    refuse,
    reply,
)

PREFIX = "/api/v1"
FRONTEND = "/api/frontend/v1"
LIMIT, MOST = 500, 1000


def answer(world: World, request: Request, now_us: int) -> Answer:
    """Returns the response to a GET request below `/api/v1` or `/api/frontend/v1`."""
    path = request.path.rstrip("/")
    if path.startswith(FRONTEND):
        return _frontend(world, request, path.removeprefix(FRONTEND), now_us)
    match path.removeprefix(PREFIX).strip("/").split("/"):
        case ["models"] | ["embeddings", "models"]:
            return _models(world, request, now_us)
        case ["models", "count"]:
            return reply({"data": {"count": len(_wanted(world, request, now_us))}})
        case ["providers"]:
            return reply({"data": provider_objects(world, now_us)})
        case ["models", author, slug, "endpoints"]:
            return _endpoints(world, f"{author}/{slug}", now_us)
        case ["model", author, slug]:
            return _model(world, f"{author}/{slug}", now_us)
        case _:
            return no_such_page()


def _error(status: int, message: str) -> Answer:
    return refuse({"error": {"code": status, "message": message}}, status)


def _wanted(world: World, request: Request, now_us: int) -> list[tuple[Model, str]]:
    embeddings = request.path.startswith(f"{PREFIX}/embeddings")
    outputs = "embeddings" if embeddings else request.query.get("output_modalities", "text")
    allowed = outputs.split(",")
    rows = offered(world, now_us)
    return [row for row in rows if "all" in allowed or row[0].output in allowed]


def _models(world: World, request: Request, now_us: int) -> Answer:
    offset, limit = number_in(request.query, "offset", 0), number_in(request.query, "limit", LIMIT)
    if offset is None or limit is None or offset < 0 or not 1 <= limit <= MOST:
        return _error(400, "Invalid request parameters")
    rows = _wanted(world, request, now_us)
    total, following = len(rows), None
    if "offset" in request.query or "limit" in request.query:
        rows = rows[offset : offset + limit]
        if offset + limit < total:
            others = "".join(
                f"&{k}={v}" for k, v in request.query.items() if k not in ("offset", "limit")
            )
            following = f"{request.path}?offset={offset + limit}&limit={limit}{others}"
    data = [model_object(world, model, variant, now_us) for model, variant in rows]
    return reply({"data": data, "total_count": total, "links": {"next": following}})


def _find(world: World, name: str, now_us: int) -> tuple[Model, str] | None:
    for model in known_models(world, now_us):
        for variant in model.variants:
            canonical = variant == "standard" and name == model.permaslug
            if canonical or name == identifier(model, variant):
                return model, variant
    return None


def _endpoints(world: World, name: str, now_us: int) -> Answer:
    match = _find(world, name, now_us)
    if match is None or not is_offered(world, *match, now_us):
        return _error(404, "Resource not found")
    return reply({"data": details_object(world, *match, now_us)})


def _model(world: World, name: str, now_us: int) -> Answer:
    match = _find(world, name, now_us)
    if match is None or not is_offered(world, *match, now_us):
        return _error(404, "Resource not found")
    return reply({"data": model_object(world, *match, now_us)})


def _frontend(world: World, request: Request, path: str, now_us: int) -> Answer:
    if path == "/catalog/models":
        return reply({"data": catalog_rows(world, now_us)})
    if path == "/all-providers":
        return reply({"data": provider_rows(world, now_us)})
    if path == "/stats/endpoint":
        permaslug = request.query.get("permaslug", "")
        variant = request.query.get("variant", "standard")
        rows = endpoint_rows(world, permaslug, variant, now_us)
        return reply({"data": rows}) if rows else _error(404, "Not Found")
    return no_such_page()
