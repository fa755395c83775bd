"""Both upstreams as one pure function of a world, a request and a time.

Equal arguments give equal bytes, in any order and in any process. Times are integer
microseconds since 1970 UTC.
"""

import re

from fetcher.simulator.civitai import api as civitai_api
from fetcher.simulator.civitai.shapes import MEDIA_TOKEN
from fetcher.simulator.openrouter import api as openrouter_api
from fetcher.simulator.world.seeded_random import draw
from fetcher.simulator.world.world import Answer, Request, World, no_such_page

__all__ = ["Answer", "Request", "World", "answer"]

_MEDIA = re.compile(rf"/{MEDIA_TOKEN}/([0-9a-f-]{{36}})/[^/]+/[^/]+")


def answer(world: World, request: Request, now_us: int) -> Answer:
    """Returns the response to a GET request at a time, without faults."""
    if request.path.startswith(civitai_api.PREFIX + "/"):
        return civitai_api.answer(world, request, now_us)
    if request.path.startswith(("/api/v1/", "/api/frontend/v1/")):
        return openrouter_api.answer(world, request, now_us)
    media = _MEDIA.fullmatch(request.path)
    return _picture(world, media[1]) if media else no_such_page()


def _picture(world: World, file_uuid: str) -> Answer:
    """Returns a valid image of one pixel with the UUID as comment, so that files differ."""
    shade = draw(world.seed, "pixel", file_uuid) % 256
    header = b"P5\n# " + file_uuid.encode() + b"\n1 1\n255\n"
    cache = (("Cache-Control", "public, max-age=31536000"),)
    return Answer(200, header + bytes([shade]), "image/x-portable-graymap", cache)
