"""Recorded responses, imported as events at their own times, for tests against real history."""

import io
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import orjson
import zstandard

from eventlog.clock import epoch_of, parse_us
from fetcher.record.journal import append_batches, close_journal, open_journal, page_batch
from fetcher.sources.openrouter import MODELS, OPENROUTER
from fetcher.split.response import PageContext, Response, split_response

RECORDINGS = Path(
    os.environ.get(
        "HINDLOG_RECORDINGS", str(Path(__file__).parents[2].parent / "shared" / "samples")
    )
)
HISTORY = RECORDINGS / "openrouter" / "history"


@attrs.frozen
class Snapshot:
    """A recorded response."""

    at: int
    body: bytes


def snapshots(
    folder: str, is_wanted: Callable[[Mapping[str, str]], bool] = lambda line: True
) -> Iterator[Snapshot]:
    """Yields the wanted snapshots of a collector, oldest first: all by default.

    `is_wanted` is given the line of a snapshot in the manifest.
    """
    manifest = (HISTORY / "MANIFEST.jsonl").read_bytes().splitlines()
    lines = [line for line in map(orjson.loads, manifest) if line["source"] == folder]
    lines = [line for line in lines if is_wanted(line)]
    times = {line["member"]: parse_us(line["utc"]) for line in lines}
    for pack in sorted({line["pack"] for line in lines}):
        data = (HISTORY / folder / pack).read_bytes()
        plain = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj().decompress(data)
        with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is not None and member.name in times:
                    yield Snapshot(times[member.name], file.read())


def import_snapshots(root: Path, writer: str, recorded: Sequence[Snapshot]) -> None:
    """Appends each snapshot as a run at its own time."""
    last = max(snapshot.at for snapshot in recorded)
    endpoint = OPENROUTER.endpoint(MODELS)
    journal = open_journal(root, "openrouter", writer, clock=lambda: last)
    try:
        for snapshot in recorded:
            response = Response(
                url=MODELS, endpoint=MODELS, params={}, status=200, body=snapshot.body
            )
            place = PageContext(
                run=f"{writer}-{snapshot.at}",
                epoch=epoch_of(snapshot.at),
                scope=endpoint.scope({}),
                page_no=1,
                is_last=True,
            )
            parts = split_response(response, endpoint.rules({}))
            append_batches(
                journal, [page_batch(journal, response, place, parts, lambda _: None)], snapshot.at
            )
    finally:
        close_journal(journal, seal_open=True)
