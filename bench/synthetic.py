"""Synthetic logs: images and endpoints like those of the simulator, through the real writer.

Every hour brings new images of Civitai, a tenth of them seen before with other counts, and
six polls of 1,200 endpoints of OpenRouter, whose telemetry moves each time: about 20 MB.
Segments are sealed. Nothing is fsynced: figures of reading need no power cuts.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import orjson

from eventlog.clock import HOUR, MINUTE, parse_us
from eventlog.files.disk import Disk
from eventlog.format.event import ENTITY, PAGE, Draft
from eventlog.write.writer import append, close_stream, open_stream
from fetcher.simulator.civitai.meta import generation_meta
from fetcher.simulator.civitai.shapes import feed_image
from fetcher.simulator.civitai.world import images
from fetcher.simulator.openrouter.shapes import endpoint_object
from fetcher.simulator.openrouter.world import endpoints, offered
from fetcher.simulator.world.world import World

FAST = Disk(fsync=lambda handle: None, sync_dir=lambda path: None)
T0 = parse_us("2026-11-01T00:00:00Z")
WORLD = World(civitai_models=600, openrouter_models=120)
IMAGES, ENDPOINTS, POLLS = 7_400, 1_200, 6
PER_PAGE = 200
MB_AN_HOUR = 20
WORDS = [f"{random.Random(n).getrandbits(36):x}".encode() for n in range(4000)]
_MARKS = ("900000000001", "900000000002", "900000000003")
_NO_MARK = "900000000004"
"""Numbers that stand in a template where a value goes, in this order."""

_Entity = tuple[str, bytes]
"""Id and body."""


def make_civitai(root: Path, hours: int, per_hour: int = IMAGES, first: int = 0) -> None:
    """So many hours of new images, 2 kB each."""
    _write(root, "civitai", "c1c1c1c1", _civitai_pages(first, hours, per_hour))


def make_openrouter(
    root: Path, hours: int, count: int = ENDPOINTS, polls: int = POLLS, first: int = 0
) -> None:
    """So many hours of polls of the same endpoints, 1 kB each."""
    _write(root, "openrouter", "0a0a0a0a", _openrouter_pages(first, hours, count, polls))


def make_log(root: Path, megabytes: int) -> None:
    """Both sources, of about that size before it is packed."""
    (root / "log").mkdir(parents=True, exist_ok=True)
    hours = max(1, megabytes // MB_AN_HOUR)
    make_civitai(root, hours)
    make_openrouter(root, hours)


def raw_bytes(root: Path) -> int:
    """Size of the sealed segments before they were packed."""
    every = (root / "log").rglob("*.manifest.json")
    return sum(orjson.loads(path.read_bytes())["raw"]["bytes"] for path in every)


_Page = tuple[int, str, str, int, bool, str, Sequence[_Entity]]
"""Instant, type, scope, number, whether it is the last, array, entities."""


def _write(root: Path, source: str, writer: str, pages: Iterator[_Page]) -> None:
    (root / "log").mkdir(parents=True, exist_ok=True)
    stream = open_stream(root, source, writer, clock=lambda: T0, disk=FAST, segment_bytes=1 << 40)
    try:
        for page in pages:
            append(stream, [lambda seq, _at, page=page: page_drafts(page, seq)], page[0])
    finally:
        close_stream(stream, seal_open=True)


def page_drafts(page: _Page, seq: int) -> list[Draft]:
    """The events of a page whose bodies are all new."""
    at, type_, scope, number, is_last, pointer, found = page
    common = {"kind": ENTITY, "run": f"r{at // HOUR}", "type": type_, "shape": "list"}
    drafts = [Draft(**common, id=id_, hash=_hash(body), body=body) for id_, body in found]
    roster = [(type_, id_, seq + n) for n, (id_, _) in enumerate(found)]
    members = {
        "status": 200,
        "scope": scope,
        "page_no": number,
        "last": is_last or None,
        "roster": {pointer: roster},
        "shapes": {pointer: "list"},
    }
    return [*drafts, Draft(kind=PAGE, run=common["run"], members=members)]


def _hash(body: bytes) -> str:
    return "c1:" + hashlib.md5(body, usedforsecurity=False).hexdigest()


def _civitai_pages(first: int, hours: int, per_hour: int) -> Iterator[_Page]:
    chance, count = random.Random(first), first * per_hour
    pages = max(1, per_hour // PER_PAGE)
    for hour in range(first, first + hours):
        for number in range(1, pages + 1):
            found = []
            for _ in range(min(PER_PAGE, per_hour)):
                again = count > per_hour and chance.random() < 0.1
                found.append(image(chance.randrange(count) if again else count, chance))
                count += 1
            at = T0 + hour * HOUR + number * (50 * MINUTE // (pages + 1))
            yield at, "image", "/images", number, number == pages, "/items", found


def _openrouter_pages(first: int, hours: int, count: int, polls: int) -> Iterator[_Page]:
    chance = random.Random(first)
    for poll in range(first * polls, (first + hours) * polls):
        at = T0 + poll * HOUR // polls
        every = [endpoint(number, chance) for number in range(count)]
        for number, begin in enumerate(range(0, count, 4)):
            found = every[begin : begin + 4]
            scope = f"/models/m{begin}/endpoints"
            yield at + number, "endpoint", scope, 1, True, "/data/endpoints", found


def image(number: int, chance: random.Random) -> _Entity:
    """An image with its prompt, in one of the spellings of meta."""
    shapes = _images()
    prompt = b" ".join(chance.choices(WORDS, k=70))
    told = (b"%d" % number, b"%d" % chance.randrange(10**4), prompt)
    return str(number), shapes[number % len(shapes)] % told


def endpoint(number: int, chance: random.Random) -> _Entity:
    """An endpoint whose uptime moved."""
    shapes = _endpoints()
    model, place = divmod(number, 4)
    told = (b"%d" % model, b"%d" % place, b"%.4f" % (100 * chance.random()))
    return f"a/m{model}#p{place}", shapes[number % len(shapes)] % told


@cache
def _images() -> list[bytes]:
    made = []
    for one in images(WORLD, T0)[:900]:
        told = feed_image(WORLD, one, T0)
        meta = generation_meta(WORLD.seed, one)
        if meta is not None:
            meta = {**meta, "prompt": f"{meta['prompt']} {_MARKS[2]}"}
        else:
            told["username"] = f"u{_NO_MARK}"
        stats = {**told["stats"], "likeCount": int(_MARKS[1])}
        made.append(_template({**told, "id": int(_MARKS[0]), "stats": stats, "meta": meta}))
    return made


@cache
def _endpoints() -> list[bytes]:
    made = []
    for model, variant in offered(WORLD, T0):
        for one in endpoints(WORLD, model, variant, T0):
            told = endpoint_object(WORLD, one, T0)
            marked = {"model_id": f"a/m{_MARKS[0]}", "tag": f"p{_MARKS[1]}"}
            made.append(_template({**told, **marked, "uptime_last_30m": int(_MARKS[2])}))
    return made


def _template(told: object) -> bytes:
    text = orjson.dumps(told).replace(b"%", b"%%")
    for mark in _MARKS:
        text = text.replace(mark.encode(), b"%b")
    return text.replace(_NO_MARK.encode(), b"%.0b")
