"""State of a run, derived from its events. Pure.

    created ──> pending ──claim──> in progress ──page──> pending (at the next page)
                   │                    │
                   └── cancelled        ├──> completed
                                        └──> failed ──retried──> pending

The URL of the next page is the progress of a run. Events of different writers may be applied
in any order: if two contradict each other, the later position wins. So the same events always
result in the same task.
"""

import attrs
import msgspec

from eventlog.format.event import PAGE, PAGE_FAILED, RUN, Line

PENDING, RUNNING = "pending", "in progress"
COMPLETED, FAILED, CANCELLED = "completed", "failed", "cancelled"
CLEANED = "cleaned"
CREATED, PROGRESSED, RETRIED = "created", "progressed", "retried"

AFTER: dict[str, str] = {
    CREATED: PENDING,
    PROGRESSED: PENDING,
    RETRIED: PENDING,
    COMPLETED: COMPLETED,
    FAILED: FAILED,
    CANCELLED: CANCELLED,
    CLEANED: CLEANED,
}
"""The state of a task after a `run` event."""

FINISHED = (COMPLETED, FAILED, CANCELLED, CLEANED)


@attrs.frozen(kw_only=True)
class Task:
    """A run as of the events applied so far."""

    run: str
    listing: str = ""
    epoch: str = ""
    url: str | None = None
    """URL of the next request; None: nothing is left to request."""
    first_url: str | None = None
    """URL of the first request; None: the requests are derived from entities."""
    state: str = PENDING
    priority: int = 0
    """Tasks with higher priority are worked on first; among equals, the older one."""
    target: int | None = None
    """Number of entities after which the run ends; None: unlimited."""
    until_known: bool = False
    """Whether the run ends at the first page without new entities."""
    entities_before: int = 0
    """Entities of the same pagination before this run, which continues it."""
    page_no: int = 0
    """Number of the last durable page."""
    pages: int = 0
    entities: int = 0
    attempts: int = 0
    """Failed attempts since the last page."""
    error: str | None = None
    """Class of the last error since the last page."""
    why: str | None = None
    created_at: str = ""
    created_seq: int = 0
    finished_at: str | None = None
    decided_by: tuple[str, str, int] = ("", "", 0)
    """Position of the `run` event that set the state."""
    moved_by: tuple[str, str, int] = ("", "", 0)
    """Position of the page event that set the URL."""
    cleared_by: tuple[str, str, int] = ("", "", 0)
    """Position of the last page or retry, which cancels earlier failures."""
    failures: tuple[tuple[tuple[str, str, int], int, str | None], ...] = ()
    """Failures after `cleared_by`: position, number of attempts, error class."""


class TaskMembers(msgspec.Struct, frozen=True):
    """Members of an event that determine the state of its task."""

    state: str | None = None
    listing: str = ""
    url: str | None = None
    next: str | None = None
    priority: int = 0
    target: int | None = None
    until_known: bool = False
    entities_before: int = 0
    why: str | None = None
    error: str | None = None
    attempts: list[msgspec.Raw] = []


_DECODER = msgspec.json.Decoder(TaskMembers)


def decode_task_members(line: bytes) -> TaskMembers:
    """Decodes these members of a line."""
    return _DECODER.decode(line)


def apply_event(task: Task | None, line: Line, members: TaskMembers) -> Task | None:
    """Returns the task after one more of its events; None if there is none, since imports
    have no tasks. Each event must be applied exactly once."""
    if line.run is None or line.run.startswith("import."):
        return task
    task = task or Task(run=line.run)
    if line.kind == RUN:
        return _apply_run(task, line, members)
    if line.kind == PAGE:
        return _apply_page(task, line, members)
    if line.kind == PAGE_FAILED:
        return _apply_failure(task, line, members)
    return task


def _position(line: Line) -> tuple[str, str, int]:
    return (line.observed_at, line.writer, line.seq)


def _apply_run(task: Task, line: Line, members: TaskMembers) -> Task:
    if members.state == CREATED:
        task = _apply_creation(task, line, members)
    if members.state == RETRIED:
        task = _cleared(task, line)
    if _position(line) <= task.decided_by or members.state not in AFTER:
        return task
    state = AFTER[members.state]
    return attrs.evolve(
        task,
        state=state,
        why=members.why,
        finished_at=line.observed_at if state in FINISHED else None,
        decided_by=_position(line),
    )


def _apply_creation(task: Task, line: Line, members: TaskMembers) -> Task:
    return attrs.evolve(
        task,
        listing=members.listing,
        epoch=line.epoch or "",
        priority=members.priority,
        target=members.target,
        until_known=members.until_known,
        entities_before=members.entities_before,
        created_at=line.observed_at,
        created_seq=line.seq,
        first_url=members.url,
        url=task.url if task.moved_by[0] else members.url,
    )


def _apply_page(task: Task, line: Line, members: TaskMembers) -> Task:
    count = sum(len(entries) for pointer, entries in line.roster.items() if "*" not in pointer)
    task = attrs.evolve(task, pages=task.pages + 1, entities=task.entities + count)
    if _position(line) > task.moved_by:
        task = attrs.evolve(
            task,
            url=members.next,
            page_no=line.page_no or task.page_no,
            moved_by=_position(line),
        )
    return _cleared(task, line)


def _apply_failure(task: Task, line: Line, members: TaskMembers) -> Task:
    failure = (_position(line), len(members.attempts), members.error)
    return _count_failures(attrs.evolve(task, failures=(*task.failures, failure)))


def _cleared(task: Task, line: Line) -> Task:
    """Returns the task after an event that cancels earlier failures."""
    return _count_failures(attrs.evolve(task, cleared_by=max(task.cleared_by, _position(line))))


def _count_failures(task: Task) -> Task:
    """Drops cancelled failures and derives `attempts` and `error` from the others."""
    failures = sorted(failure for failure in task.failures if failure[0] > task.cleared_by)
    return attrs.evolve(
        task,
        failures=tuple(failures),
        attempts=sum(attempts for _, attempts, _ in failures),
        error=failures[-1][2] if failures else None,
    )
