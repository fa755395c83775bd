"""Prefetch: the next batch is read in a thread while the objects of this one are sent.

A wrong guess, such as after a conflict, is a misprediction: the batch is read anew.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from eventlog.mirror.bucket.chain import StreamHead
from eventlog.mirror.plan.push_plan import Unpushed
from eventlog.mirror.push.batch import Batch, take_batch
from eventlog.read.cursor import StreamKey


@attrs.frozen
class _Reading:
    """A batch that is being read, and from what."""

    links: tuple[Unpushed, ...]
    heads: Mapping[StreamKey, StreamHead]
    task: asyncio.Task[Batch]


@attrs.define
class BatchReader:
    """Reads the batches of a push, one of them ahead."""

    root: Path
    _ahead: _Reading | None = None

    def prefetch(self, links: Sequence[Unpushed], heads: Mapping[StreamKey, StreamHead]) -> None:
        """Begins to read the batch that `read` is expected to be asked for next."""
        self.cancel()
        if links:
            work = asyncio.to_thread(take_batch, self.root, links, heads)
            self._ahead = _Reading(tuple(links), dict(heads), asyncio.ensure_future(work))

    async def read(self, links: Sequence[Unpushed], heads: Mapping[StreamKey, StreamHead]) -> Batch:
        """Returns `take_batch(root, links, heads)`."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and (ahead.links, ahead.heads) == (tuple(links), dict(heads)):
            return await ahead.task
        if ahead is not None:
            ahead.task.cancel()
        return await asyncio.to_thread(take_batch, self.root, links, heads)

    def cancel(self) -> None:
        """Discards what was prefetched. Its thread ends by itself; it only reads."""
        if self._ahead is not None:
            self._ahead.task.cancel()
            self._ahead = None
