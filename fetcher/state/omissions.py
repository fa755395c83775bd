"""What an interrupted run has left out so far, read from its events.

A run that continues after an interruption ends in the state of the whole run, not in that of
its last process: an entity that was skipped earlier is missing in the log, and a doubtful page
proves nothing, no matter which process recorded it.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs
import msgspec

from eventlog.clock import parse_us
from eventlog.format.event import PAGE, PAGE_FAILED, RUN, Line
from eventlog.format.event_codec import decode
from eventlog.read.event_filter import Select
from eventlog.read.reader import read_events
from fetcher.state.task import RETRIED, Task

_KINDS = frozenset({PAGE, PAGE_FAILED, RUN})


@attrs.frozen
class Omissions:
    """What the events of a run say that it left out."""

    skipped: int = 0
    """Requests that were given up although a later page was recorded. Failures after the last
    page do not count: the run requests that page again."""
    doubtful: int = 0
    """Pages that contain something that could not be named, or contradict themselves."""
    why: str | None = None
    """The last of these events in words; None if there are none."""


class _Members(msgspec.Struct, frozen=True):
    state: str | None = None
    url: str = ""
    error: str | None = None
    what: str = ""
    doubt: str | None = None


_DECODER = msgspec.json.Decoder(_Members)


def read_omissions(root: Path, source: str, task: Task) -> Omissions:
    """Returns what a run has left out, from its events since it was created."""
    return count_omissions(_events_of(root, source, task))


def count_omissions(events: Iterable[tuple[str, bytes]]) -> Omissions:
    """Returns what a run has left out, from the kinds and lines of its events, oldest first."""
    counted, failures = Omissions(), list[str]()
    for kind, line in events:
        members = _DECODER.decode(line)
        if kind == PAGE:
            counted = attrs.evolve(counted, skipped=counted.skipped + len(failures))
            counted = attrs.evolve(counted, why=failures[-1]) if failures else counted
            failures = []
            if members.doubt:
                why = f"{members.url}: {members.doubt}"
                counted = attrs.evolve(counted, doubtful=counted.doubtful + 1, why=why)
        elif kind == PAGE_FAILED and members.error != "cursor":  # then an earlier page follows
            failures.append(f"{members.error}: {members.what}: skipped before an interruption")
        elif kind == RUN and members.state == RETRIED:
            failures = []
    return counted


def _events_of(root: Path, source: str, task: Task) -> Iterator[tuple[str, bytes]]:
    since = parse_us(task.created_at) if task.created_at else None
    select = Select(since=since, sources=frozenset({source}), kinds=_KINDS)
    for record in read_events(root, select):
        line: Line = decode(record.line)
        if line.run == task.run:
            yield line.kind, record.line
