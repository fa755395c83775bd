"""Recorded history as files, for tests that judge by what upstream really answered."""

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import orjson
import zstandard

from eventlog.clock import parse_us

RECORDINGS = Path(
    os.environ.get("HINDLOG_RECORDINGS") or Path(__file__).parents[3] / "shared" / "samples"
)
HISTORY = RECORDINGS / "openrouter" / "history"
MISSING = f"recorded responses are not at hand: no {HISTORY} (HINDLOG_RECORDINGS names them)"


def members(collector: str) -> Iterator[tuple[int, str, bytes]]:
    """Instant, name and bytes of every snapshot of a collector, oldest first."""
    listed = map(orjson.loads, (HISTORY / "MANIFEST.jsonl").read_bytes().splitlines())
    times = {
        each["member"]: parse_us(each["utc"]) for each in listed if each["source"] == collector
    }
    found = []
    for pack in sorted((HISTORY / collector / "packs").iterdir()):
        plain = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
        with tarfile.open(fileobj=io.BytesIO(plain.decompress(pack.read_bytes()))) as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is not None:
                    found.append((times[member.name], member.name, file.read()))
    yield from sorted(found)
