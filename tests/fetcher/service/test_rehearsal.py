"""A rehearsal syncs every source once in every simulated hour."""

import asyncio
from pathlib import Path

from eventlog.clock import HOUR
from eventlog.files.listing import list_segments
from eventlog.format.event import PAGE
from eventlog.format.event_codec import decode
from eventlog.read.reader import read_events
from fetcher.service.rehearsal import rehearse
from tests.fetcher.making import START


def test_every_source_is_synced_once_per_hour(tmp_path: Path) -> None:
    progress: list[tuple[int, int, int, int]] = []

    asyncio.run(rehearse(tmp_path, 3, START, START + HOUR, lambda *counts: progress.append(counts)))

    done, total, responses, entities = progress[-1]
    assert [counts[:2] for counts in progress] == [(1, 2), (2, 2)]
    assert (done, total) == (2, 2)
    events = [decode(record.line) for record in read_events(tmp_path)]
    pages = [event for event in events if event.kind == PAGE]
    assert len(pages) == responses > 10
    assert entities > responses
    assert {page.epoch for page in pages} == {"2026-11-21T05"}
    assert {segment.name.source for segment in list_segments(tmp_path)} == {"civitai", "openrouter"}


def test_an_empty_period_has_no_sync(tmp_path: Path) -> None:
    progress: list[int] = []

    asyncio.run(rehearse(tmp_path, 3, START, START, lambda done, *_: progress.append(done)))

    assert progress == []
