"""The index of a journal contains only bodies that are in the log."""

import asyncio
import errno
import os
from pathlib import Path

import attrs
import pytest

from eventlog.errors import LocalResource
from eventlog.format.event import ENTITY
from fetcher.record.journal import append_batch, close_journal, open_journal, page_batch
from fetcher.split.response import split_response
from tests.fetcher.making import (
    LIST,
    PLACE,
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
