"""Routes of the Civitai API. Pure."""

import attrs

from fetcher.simulator.civitai.feed import feed_answer
from fetcher.simulator.civitai.files import files
from fetcher.simulator.civitai.list import list_answer
from fetcher.simulator.civitai.pages import creators_answer, tags_answer
from fetcher.simulator.civitai.shapes import (
    all_versions,
    model_object,
    single_version,
    thinned,
)
from fetcher.simulator.civitai.world import find_model, find_version, models, versions
from fetcher.simulator.world.world import Answer, Request, World, no_such_page, refuse, reply

PREFIX = "/civitai/api/v1"
LARGEST_ID = 2_147_483_647


def answer(world: World, request: Request, now_us: int) -> Answer:
    """Returns the response to a GET request below `/civitai/api/v1`."""
    path = request.path.rstrip("/").removeprefix(PREFIX).strip("/")
    request = attrs.evolve(request, path=f"{PREFIX}/{path}")
    match path.split("/"):
        case ["models"]:
            return list_answer(world, request, now_us)
        case ["models", number]:
            return _model(world, number, now_us)
        case ["model-versions", "by-hash", digest]:
            return _by_hash(world, digest.upper(), now_us)
        case ["model-versions", number]:
            return _version(world, number, now_us)
        case ["images"]:
            return feed_answer(world, request, now_us)
        case ["creators"]:
            return creators_answer(world, request, now_us)
        case ["tags"]:
            return tags_answer(world, request, now_us)
        case _:
            return no_such_page()


def _number(text: str) -> int | None:
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
    return value if 1 <= value <= LARGEST_ID else None


def _model(world: World, text: str, now_us: int) -> Answer:
    number = _number(text)
    if number is None:
        return refuse({"error": {"name": "ZodError", "issues": [{"path": ["id"]}]}}, 400)
    model = find_model(world, number, now_us)
    if model is None:
        return refuse({"error": f"No model with id {number}"}, 404)
    live = versions(world, model, now_us)
    return reply(thinned(model_object(world, model, live, now_us, 63, detail=True)))


def _version(world: World, text: str, now_us: int) -> Answer:
    version = find_version(world, _number(text) or 0, now_us)
    if version is None:
        return refuse({"error": "Model not found"}, 404)
    return reply(single_version(world, version, now_us))


def _by_hash(world: World, digest: str, now_us: int) -> Answer:
    live = all_versions(world, models(world, now_us), now_us)
    for version in sorted(live, key=lambda version: version.born_us):
        for file in files(world.seed, version):
            hashes = file["hashes"]
            if isinstance(hashes, dict) and digest in hashes.values():
                return reply(single_version(world, version, now_us))
    return refuse({"error": "Model not found"}, 404)
