"""Recorded history as files, for tests that judge by what upstream really answered."""

import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson
import zstandard

from eventlog.clock import parse_us
from tests.extent import IS_ALL

RECORDINGS = Path(
    os.environ.get("HINDLOG_RECORDINGS") or Path(__file__).parents[3] / "shared" / "samples"
)
HISTORY = RECORDINGS / "openrouter" / "history"
MISSING = f"recorded responses are not at hand: no {HISTORY} (HINDLOG_RECORDINGS names them)"


def packs_of(collector: str) -> list[Path]:
    """The files with the snapshots of a collector: the smallest, or all."""
    packs = sorted((HISTORY / collector / "packs").iterdir())
    return packs if IS_ALL else [min(packs, key=lambda path: path.stat().st_size)]


def members(
    collector: str, packs: Iterable[Path] | None = None
) -> Iterator[tuple[int, str, bytes]]:
    """Yields instant, name and bytes of every snapshot of a collector, oldest first."""
    listed = map(orjson.loads, (HISTORY / "MANIFEST.jsonl").read_bytes().splitlines())
    times = {row["member"]: parse_us(row["utc"]) for row in listed if row["source"] == collector}
    snapshots = []
    for pack in packs or sorted((HISTORY / collector / "packs").iterdir()):
        plain = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
        with tarfile.open(fileobj=io.BytesIO(plain.decompress(pack.read_bytes()))) as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is not None:
                    snapshots.append((times[member.name], member.name, file.read()))
    yield from sorted(snapshots)
