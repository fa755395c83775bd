"""Rebuilding responses: 350 entities from the hours in which each of them changed last.

A stream of ten days is written to the archives of `bench_scale.py`: each hour 20 of 350 models
change, beside 400 other entities. The responses of its last 24 hours are rebuilt one after the
other: with the catalog and all blocks read each time, with a cache of blocks, and also with an
index of the source that is read once. `--segments` and `--keep` are those of `bench_scale.py`.
"""

import argparse
import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING

from measuring import report, sized

if TYPE_CHECKING:
    from eventlog.format.event import Draft

SOURCE, WRITER = "openrouter", "0a9e5000"
ENTITIES = 350
HOURS = sized(240, 4)
CHANGED = 20
"""Models that change in an hour."""
OTHERS = sized(400, 4)
CACHE_BYTES = 64 * 1024 * 1024
PAGES = sized(24, 2)


def make_pages(root: Path) -> list[bytes]:
    """Writes the stream unless it exists, and returns the lines of its last pages."""
    from eventlog.clock import HOUR, SECOND, hour_start, now_us
    from eventlog.files.disk import Disk
    from eventlog.read.reader import read_stream
    from eventlog.write.writer import append, close_stream, open_stream, roll

    if not (root / "pages").exists():
        disk = Disk(fsync=lambda handle: None, sync_dir=lambda path: None)
        begin = hour_start(now_us()) - (HOURS + 1) * HOUR
        at = [begin]
        stream = open_stream(root, SOURCE, WRITER, clock=lambda: at[0], disk=disk)
        chance = Random(1)
        stored: dict[int, tuple[int, bytes]] = {}
        for hour in range(HOURS):
            at[0] = begin + hour * HOUR + SECOND
            changed = chance.sample(range(ENTITIES), CHANGED) if hour else range(ENTITIES)
            append(stream, [batch(chance, list(changed), stored)])
            roll(stream)
        close_stream(stream)
        (root / "pages").touch()
    lines = [record.line for record in read_stream(root, SOURCE, WRITER)]
    return [line for line in lines if b'"kind":"page"' in line[:200]][-PAGES:]


def batch(
    chance: Random, changed: list[int], stored: dict[int, tuple[int, bytes]]
) -> Callable[[int, int], list]:
    """Returns the events of an hour: new bodies, and the page that names all entities."""
    from eventlog.format.event import PAGE, Draft

    def build(seq: int, _at: int) -> list:
        drafts = [_entity("endpoint", number, _body(chance, number)) for number in range(OTHERS)]
        for number in changed:
            stored[number] = (seq + len(drafts), _body(chance, number))
            drafts.append(_entity("model", number, stored[number][1]))
        response = b'{"data":[' + b",".join(stored[n][1] for n in range(ENTITIES)) + b"]}"
        members = {
            "url": "http://x/",
            "status": 200,
            "sha256": hashlib.sha256(response).hexdigest(),
            "roster": {"/data": [["model", f"{n}", stored[n][0]] for n in range(ENTITIES)]},
        }
        page = Draft(kind=PAGE, endpoint="/models", members=members, body=b'{"data":[]}')
        return [*drafts, page]

    return build


def _body(chance: Random, number: int) -> bytes:
    """Returns a body of 1.8 kB of which half can be compressed."""
    text = chance.randbytes(430).hex() + "model " * 150
    return b'{"id":"%d","text":"%s"}' % (number, text.encode())


def _entity(type_: str, number: int, body: bytes) -> "Draft":
    from eventlog.format.event import ENTITY, Draft

    return Draft(kind=ENTITY, type=type_, id=f"{number}", shape="list", hash="c1:0", body=body)


def rebuild_ms(root: Path, pages: list[bytes], *arguments: object) -> float:
    """Returns the median CPU milliseconds of rebuilding a response."""
    from eventlog.read.bodies import response_of

    times = []
    for line in pages:
        begin = time.process_time()
        response_of(root, line, *arguments)
        times.append((time.process_time() - begin) * 1e3)
    return median(times)


def main() -> None:
    """Measures on an archive of 365 segments and on a large one."""
    from bench_scale import make_archive

    from eventlog.catalog.index import read_index
    from eventlog.read.block_cache import BlockCache

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=sized(26_280, 64))
    parser.add_argument("--keep", type=Path, help="folder of the archives, kept between runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for segments in (sized(364, 16), options.segments):
            root = (options.keep or Path(name)) / f"{segments}"
            make_archive(root, segments)
            pages = make_pages(root)
            rebuild_ms(root, pages)
            cache = BlockCache(CACHE_BYTES)
            plain = rebuild_ms(root, pages)
            cached = rebuild_ms(root, pages, cache)
            both = rebuild_ms(root, pages, cache, read_index(root, SOURCE))
            label = f"response, {segments:,} segments"
            report(label, f"{plain:.1f} ms", "every block read each time")
            report("  with a cache of blocks", f"{cached:.1f} ms", "", cached / plain)
            report("  and with an index", f"{both:.1f} ms", "", both / plain)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
