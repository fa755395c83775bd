"""Runs that did not complete, from the `run` events of a source.

Each day changes which runs are unfinished: some complete, others begin or continue. These
changes are kept in the catalog, so that only the days that changed are read again. All live
writers count together, since one may queue a run and another may process it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

import attrs
import msgspec

from eventlog.catalog.day import DayFolder
from eventlog.catalog.day_values import values_by_day
from eventlog.catalog.index import SourceIndex
from eventlog.errors import Corrupt
from eventlog.files.stream_lock import is_locked
from eventlog.format.event import ANOMALY, PAGE, PAGE_FAILED, RUN
from eventlog.read.event_filter import Select, compile_select
from eventlog.read.reader import day_events

COMPLETE_STATES = frozenset({"completed", "cleaned"})
_RUNNING_STATES = frozenset({"created", "progressed", "retried"})
_RUN_EVENTS = compile_select(Select(kinds=frozenset({RUN})))
_RESPONSES = compile_select(Select(kinds=frozenset({PAGE, PAGE_FAILED, ANOMALY})))
"""Selects the events that a run leaves once it was started."""


class RunEvent(msgspec.Struct, frozen=True):
    """The members of a `run` event that are needed here."""

    observed_at: str
    run: str = ""
    state: str = ""
    listing: str | None = None
    partial: bool = False
    why: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the run is complete after this event."""
        return self.state in COMPLETE_STATES and not self.partial


class UnfinishedRun(msgspec.Struct, frozen=True):
    """A run that is not complete."""

    began: str
    """Instant of its first `run` event since it was last complete."""
    last: RunEvent


class RunChanges(msgspec.Struct, frozen=True, array_like=True):
    """How the `run` events of a range of time change which runs are unfinished."""

    completed: tuple[str, ...]
    """Runs that were complete at an instant of the range."""
    unfinished: tuple[UnfinishedRun, ...]
    """Runs whose last event of the range does not complete them."""


@attrs.frozen
class IncompleteRun:
    """An unfinished run, and why it counts as a gap."""

    run: UnfinishedRun
    reason: str


class _Response(msgspec.Struct, frozen=True):
    """The members of an event of a request that show which run sent it, and when."""

    observed_at: str
    run: str = ""


_RUN = msgspec.json.Decoder(RunEvent)
_RESPONSE = msgspec.json.Decoder(_Response)


def run_changes(events: Iterable[RunEvent]) -> RunChanges:
    """Returns the changes by the `run` events of a range of time, given in their order."""
    completed: dict[str, None] = {}
    unfinished: dict[str, UnfinishedRun] = {}
    for event in events:
        if event.is_complete:
            completed[event.run] = None
            unfinished.pop(event.run, None)
        else:
            before = unfinished.get(event.run)
            began = event.observed_at if before is None else before.began
            unfinished[event.run] = UnfinishedRun(began, event)
    return RunChanges(tuple(completed), tuple(unfinished.values()))


def unfinished_after(ranges: Iterable[RunChanges]) -> dict[str, UnfinishedRun]:
    """Returns the runs that are unfinished after consecutive ranges of time, by their names.

    Law: the ranges may be cut anywhere.
    """
    unfinished: dict[str, UnfinishedRun] = {}
    for changes in ranges:
        for name in changes.completed:
            unfinished.pop(name, None)
        for run in changes.unfinished:
            before = unfinished.get(run.last.run)
            began = run.began if before is None else before.began
            unfinished[run.last.run] = UnfinishedRun(began, run.last)
    return unfinished


def incomplete_runs(index: SourceIndex, writers: Collection[str]) -> Iterator[IncompleteRun]:
    """Yields the runs of live writers that did not end, or ended in another state than completed.

    While one of the writers is locked, runs that wait or are being processed are omitted.
    """
    compute = partial(_run_changes_of_day, index.root)
    days = values_by_day(index, "runs", RunChanges, compute, writers=writers)
    unfinished = unfinished_after(days)
    waiting = {
        name: run.last for name, run in unfinished.items() if run.last.state in _RUNNING_STATES
    }
    is_written = any(is_locked(index.root, index.source, writer) for writer in writers)
    started = frozenset() if is_written else _started_runs(index, waiting)
    for name, run in unfinished.items():
        if name in waiting and is_written:
            continue
        state = "partial" if run.last.partial else run.last.state
        if name in waiting:
            state = "never ended" if name in started else "queued, not started"
        named = " ".join(part for part in (run.last.listing, state) if part)
        yield IncompleteRun(run, f"{named}: {run.last.why}" if run.last.why else named)


def _run_changes_of_day(root: Path, day: DayFolder) -> tuple[RunChanges, bool]:
    damages: list[Corrupt] = []
    records = day_events(root, [day], _RUN_EVENTS, damages.append)
    return run_changes(_RUN.decode(record.line) for record in records), not damages


def _started_runs(index: SourceIndex, waiting: Mapping[str, RunEvent]) -> frozenset[str]:
    """Returns those runs that got a response, or gave a page up, after they were queued.

    `waiting`: the last `run` event of each, which queued it. Responses by all writers count.
    """
    started: set[str] = set()
    first_date = min((event.observed_at for event in waiting.values()), default="~")[:10]
    compute = partial(_last_responses_of_day, index.root)
    days = values_by_day(index, "responses", dict[str, str], compute, since_date=first_date)
    with closing(days):
        while len(started) < len(waiting):
            responses = next(days, None)
            if responses is None:
                break
            started.update(
                name
                for name, event in waiting.items()
                if responses.get(name, "") >= event.observed_at
            )
    return frozenset(started)


def _last_responses_of_day(root: Path, day: DayFolder) -> tuple[dict[str, str], bool]:
    """Returns the instant of the last response of each run on a day."""
    damages: list[Corrupt] = []
    last: dict[str, str] = {}
    for record in day_events(root, [day], _RESPONSES, damages.append):
        response = _RESPONSE.decode(record.line)
        last[response.run] = response.observed_at
    return last, not damages
