"""The index of a journal contains only bodies that are in the log."""

import asyncio
import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import attrs
import pytest

from eventlog.clock import HOUR
from eventlog.errors import LocalResource
from eventlog.files.listing import list_segments
from eventlog.format.event import ENTITY
from eventlog.write.group import GroupLimits
from fetcher.record.journal import (
    append_batch,
    append_batches,
    close_journal,
    open_journal,
    page_batch,
)
from fetcher.split.response import split_response
from fetcher.state.stored_bodies import stored_bodies_path
from tests.fetcher.making import (
    LIST,
    PLACE,
    START,
    WRITER,
    SteppingClock,
    lines,
    page_of,
    response,
    responses,
)


def test_entities_of_a_batch_that_could_not_be_written_are_stored_with_the_next(
    tmp_path: Path,
) -> None:
    journal = open_journal(tmp_path, "civitai", WRITER, clock=SteppingClock())
    answer = response(page_of({"id": 1, "name": "one"}))
    build = page_batch(journal, answer, PLACE, split_response(answer, LIST), lambda _: None)
    disk = journal.stream.disk

    def fail(handle: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def append_twice() -> None:
        journal.stream.disk = attrs.evolve(disk, write=fail)
        with pytest.raises(LocalResource):
            await append_batch(journal, build)
        journal.stream.disk = disk
        await append_batch(journal, build)

    asyncio.run(append_twice())
    close_journal(journal)

    assert [line.id for line in lines(tmp_path, "civitai") if line.kind == ENTITY] == ["1"]
    assert list(responses(tmp_path, "civitai")) == [answer.body]


def test_the_index_of_an_import_never_contains_bodies_that_are_not_in_the_log(
    tmp_path: Path,
) -> None:
    journal = open_journal(
        tmp_path, "civitai", WRITER, clock=SteppingClock(), groups=GroupLimits(segments=1)
    )
    indexed = sqlite3.connect(stored_bodies_path(tmp_path, "civitai", WRITER))
    steps: list[tuple[int, int]] = []
    for number in range(3):
        answer = response(page_of(*({"id": number * 5000 + n, "name": ""} for n in range(5000))))
        build = page_batch(journal, answer, PLACE, split_response(answer, LIST), lambda _: None)
        append_batches(journal, [build], START + number * HOUR)
        (count,) = indexed.execute("SELECT count(*) FROM seen").fetchone()
        steps.append((count, len(list_segments(tmp_path))))
    close_journal(journal)
    indexed.close()

    assert steps == [(0, 0), (5000, 1), (10000, 2)]
    assert len([line for line in lines(tmp_path, "civitai") if line.kind == ENTITY]) == 15000


def test_the_index_of_an_import_is_not_written_after_a_disk_error(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, "civitai", WRITER, clock=SteppingClock(), groups=GroupLimits())
    answer = response(page_of({"id": 1, "name": "one"}))
    build = page_batch(journal, answer, PLACE, split_response(answer, LIST), lambda _: None)
    append_batches(journal, [build], START)

    def fail(handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    journal.stream.disk = attrs.evolve(journal.stream.disk, fsync=fail)
    with pytest.raises(LocalResource):
        close_journal(journal)
    with closing(sqlite3.connect(stored_bodies_path(tmp_path, "civitai", WRITER))) as indexed:
        (count,) = indexed.execute("SELECT count(*) FROM seen").fetchone()

    assert (count, list_segments(tmp_path)) == (0, [])
