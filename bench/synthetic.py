"""Synthetic events and logs: entities like the simulator's, written by the real writer.

Every hour adds new images of Civitai (a tenth of them repeated with other counts) and six
polls of 1,200 endpoints of OpenRouter whose telemetry differs each time: about 20 MB.
Segments are sealed. Nothing is fsynced, because measurements of reading need no durability.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import attrs
import orjson

from eventlog.clock import HOUR, MINUTE, parse_us
from eventlog.files.disk import Disk
from eventlog.files.listing import list_segments
from eventlog.format.event import ENTITY, PAGE, Draft, EntityBatch
from eventlog.read.segment_lines import segment_blocks
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
DRAFT_WORDS = [f"{random.Random(n).getrandbits(40):x}" for n in range(4000)]
_MARKS = ("900000000001", "900000000002", "900000000003")
"""Placeholders in a template for its three values, in this order."""
_NO_MARK = "900000000004"
"""Placeholder in a template without a prompt: takes the third value and prints nothing."""

Entity = tuple[str, bytes]
"""Id and body."""


class Page(NamedTuple):
    """One response, all of whose bodies are new."""

    instant: int
    type: str
    scope: str
    number: int
    is_last: bool
    pointer: str
    """JSON pointer of the array that contains the entities."""
    entities: Sequence[Entity]


def make_civitai(root: Path, hours: int, per_hour: int = IMAGES, first: int = 0) -> None:
    """Writes hours of new images, 2 kB each."""
    _write(root, "civitai", "c1c1c1c1", _civitai_pages(first, hours, per_hour))


def make_openrouter(
    root: Path, hours: int, count: int = ENDPOINTS, polls: int = POLLS, first: int = 0
) -> None:
    """Writes hours of polls of the same endpoints, 1 kB each."""
    _write(root, "openrouter", "0a0a0a0a", _openrouter_pages(first, hours, count, polls))


def make_log(root: Path, megabytes: int) -> None:
    """Writes a log of both sources, of about that size before compression."""
    (root / "log").mkdir(parents=True, exist_ok=True)
    hours = max(1, megabytes // MB_AN_HOUR)
    make_civitai(root, hours)
    make_openrouter(root, hours)


def raw_bytes(root: Path) -> int:
    """Returns the size of the sealed segments before compression."""
    manifests = (root / "log").rglob("*.manifest.json")
    return sum(orjson.loads(path.read_bytes())["raw"]["bytes"] for path in manifests)


def write_lines(root: Path, source: str, path: Path) -> None:
    """Writes the lines of all segments of a source to one file."""
    with path.open("wb") as file:
        for segment in list_segments(root, source):
            file.writelines(segment_blocks(root, segment.name))


def page_drafts(page: Page, seq: int) -> list[Draft]:
    """Returns the events of a page: its entities, then the page event."""
    common = {"kind": ENTITY, "run": f"r{page.instant // HOUR}", "type": page.type}
    drafts = [
        Draft(**common, shape="list", id=id_, hash=_hash(body), body=body)
        for id_, body in page.entities
    ]
    roster = [(page.type, id_, seq + n) for n, (id_, _) in enumerate(page.entities)]
    members = {
        "status": 200,
        "scope": page.scope,
        "page_no": page.number,
        "last": page.is_last or None,
        "roster": {page.pointer: roster},
        "shapes": {page.pointer: "list"},
    }
    return [*drafts, Draft(kind=PAGE, run=common["run"], members=members)]


def image(number: int, chance: random.Random) -> Entity:
    """Returns an image with a prompt, its `meta` in one of the forms that the simulator has."""
    templates = _image_templates()
    prompt = b" ".join(chance.choices(WORDS, k=70))
    values = (b"%d" % number, b"%d" % chance.randrange(10**4), prompt)
    return str(number), templates[number % len(templates)] % values


def endpoint(number: int, chance: random.Random) -> Entity:
    """Returns an endpoint with a random uptime."""
    templates = _endpoint_templates()
    model, place = divmod(number, 4)
    values = (b"%d" % model, b"%d" % place, b"%.4f" % (100 * chance.random()))
    return f"a/m{model}#p{place}", templates[number % len(templates)] % values


def make_draft(number: int) -> Draft:
    """Returns an entity like those of real APIs: 600 bytes, compressed to a fifth by zstd."""
    chance = random.Random(number)
    text = " ".join(chance.choice(DRAFT_WORDS) for _ in range(25))
    body = b'{"id":%d,"name":"%s","stats":{"downloads":%d,"rating":%.2f},"text":"%s"}' % (
        number % 5000,
        DRAFT_WORDS[number % 4000].encode(),
        number,
        number % 500 / 100,
        text.encode(),
    )
    kind = {"kind": ENTITY, "run": "r1", "epoch": "2026-11-21T05", "type": "model"}
    return Draft(**kind, id=str(number % 5000), shape="list", hash="c1:" + "0" * 32, body=body)


def make_batches(count: int) -> list[list[Draft]]:
    """Returns batches of 200 consecutive entities."""
    return [[make_draft(n * PER_PAGE + k) for k in range(PER_PAGE)] for n in range(count)]


def to_entity_batch(batch: list[Draft]) -> EntityBatch:
    """Returns the same events in the form in which the crawler passes a page's entities."""
    columns = [(draft.id or "", draft.hash or "", draft.body or b"") for draft in batch]
    form = attrs.evolve(batch[0], id=None, hash=None, body=None)
    return EntityBatch(form, *(list(column) for column in zip(*columns, strict=True)))


def _write(root: Path, source: str, writer: str, pages: Iterator[Page]) -> None:
    (root / "log").mkdir(parents=True, exist_ok=True)
    stream = open_stream(root, source, writer, clock=lambda: T0, disk=FAST, segment_bytes=1 << 40)
    try:
        for page in pages:
            append(stream, [lambda seq, _at, page=page: page_drafts(page, seq)], page.instant)
    finally:
        close_stream(stream, seal_open=True)


def _hash(body: bytes) -> str:
    return "c1:" + hashlib.md5(body, usedforsecurity=False).hexdigest()


def _civitai_pages(first: int, hours: int, per_hour: int) -> Iterator[Page]:
    chance, count = random.Random(first), first * per_hour
    pages = max(1, per_hour // PER_PAGE)
    for hour in range(first, first + hours):
        for number in range(1, pages + 1):
            entities = []
            for _ in range(min(PER_PAGE, per_hour)):
                is_repeated = count > per_hour and chance.random() < 0.1
                entities.append(image(chance.randrange(count) if is_repeated else count, chance))
                count += 1
            instant = T0 + hour * HOUR + number * (50 * MINUTE // (pages + 1))
            yield Page(instant, "image", "/images", number, number == pages, "/items", entities)


def _openrouter_pages(first: int, hours: int, count: int, polls: int) -> Iterator[Page]:
    chance = random.Random(first)
    for poll in range(first * polls, (first + hours) * polls):
        instant = T0 + poll * HOUR // polls
        entities = [endpoint(number, chance) for number in range(count)]
        for number, begin in enumerate(range(0, count, 4)):
            scope, chunk = f"/models/m{begin}/endpoints", entities[begin : begin + 4]
            yield Page(instant + number, "endpoint", scope, 1, True, "/data/endpoints", chunk)


@cache
def _image_templates() -> list[bytes]:
    templates = []
    for simulated in images(WORLD, T0)[:900]:
        item = feed_image(WORLD, simulated, T0)
        meta = generation_meta(WORLD.seed, simulated)
        if meta is not None:
            meta = {**meta, "prompt": f"{meta['prompt']} {_MARKS[2]}"}
        else:
            item["username"] = f"u{_NO_MARK}"
        stats = {**item["stats"], "likeCount": int(_MARKS[1])}
        templates.append(_template({**item, "id": int(_MARKS[0]), "stats": stats, "meta": meta}))
    return templates


@cache
def _endpoint_templates() -> list[bytes]:
    templates = []
    for model, variant in offered(WORLD, T0):
        for simulated in endpoints(WORLD, model, variant, T0):
            item = endpoint_object(WORLD, simulated, T0)
            marked = {"model_id": f"a/m{_MARKS[0]}", "tag": f"p{_MARKS[1]}"}
            templates.append(_template({**item, **marked, "uptime_last_30m": int(_MARKS[2])}))
    return templates


def _template(item: object) -> bytes:
    """Returns the item as JSON bytes with a `%b` for each placeholder."""
    text = orjson.dumps(item).replace(b"%", b"%%")
    for mark in _MARKS:
        text = text.replace(mark.encode(), b"%b")
    return text.replace(_NO_MARK.encode(), b"%.0b")
