"""Tasks: the state of a run, from its events. Pure.

    created ──> pending ──claim──> in progress ──page──> pending (at the next page)
                   │                    │
                   └── cancelled        ├──> completed
                                        └──> failed ──retried──> pending

The URL of the next page is the state. Events may come in any order between writers:
of two that say different things the one later in the total order counts, so the same
events always give the same task.
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
    """A run, as the events so far tell it."""

    run: str
    listing: str = ""
    epoch: str = ""
    url: str | None = None
    """What is asked for next."""
    state: str = PENDING
    priority: int = 0
    """Higher goes first; then the older one."""
    target: int | None = None
    """Entities after which it is enough."""
    until_known: bool = False
    """Whether it is enough when a page holds nothing that is new."""
    page_no: int = 0
    """Of the last page that is durable."""
    pages: int = 0
    entities: int = 0
    attempts: int = 0
    """Attempts that failed since the last page."""
    error: str | None = None
    """Class of the last error; none after a page."""
    why: str | None = None
    created_at: str = ""
    created_seq: int = 0
    finished_at: str | None = None
    decided_by: tuple[str, str, int] = ("", "", 0)
    """Place of the `run` event that gave the state."""
    moved_by: tuple[str, str, int] = ("", "", 0)
    """Place of the page that gave the url."""
    cleared_by: tuple[str, str, int] = ("", "", 0)
    """Place of the last page or retry: failures before it count no more."""
    failures: tuple[tuple[tuple[str, str, int], int, str | None], ...] = ()
    """Failures that count: place, attempts, class of the error."""


class TaskMembers(msgspec.Struct, frozen=True):
    """The members of an event that only tasks read."""

    state: str | None = None
    listing: str = ""
    url: str | None = None
    next: str | None = None
    priority: int = 0
    target: int | None = None
    until_known: bool = False
    why: str | None = None
    error: str | None = None
    attempts: list[msgspec.Raw] = []


_SAID = msgspec.json.Decoder(TaskMembers)


def decode_task_members(line: bytes) -> TaskMembers:
    """Those members of a line."""
    return _SAID.decode(line)


def apply_event(task: Task | None, line: Line, said: TaskMembers) -> Task | None:
    """The task after one of its events. Each event must be given exactly once."""
    if line.run is None or line.run.startswith("import."):
        return task
    task = task or Task(run=line.run)
    if line.kind == RUN:
        return _ran(task, line, said)
    if line.kind == PAGE:
        return _paged(task, line, said)
    if line.kind == PAGE_FAILED:
        return _missed(task, line, said)
    return task


def _place(line: Line) -> tuple[str, str, int]:
    return (line.observed_at, line.writer, line.seq)


def _ran(task: Task, line: Line, said: TaskMembers) -> Task:
    if said.state == CREATED:
        task = _created(task, line, said)
    if said.state == RETRIED:
        task = _cleared(task, line)
    if _place(line) <= task.decided_by or said.state not in AFTER:
        return task
    state = AFTER[said.state]
    return attrs.evolve(
        task,
        state=state,
        why=said.why,
        finished_at=line.observed_at if state in FINISHED else None,
        decided_by=_place(line),
    )


def _created(task: Task, line: Line, said: TaskMembers) -> Task:
    return attrs.evolve(
        task,
        listing=said.listing,
        epoch=line.epoch or "",
        priority=said.priority,
        target=said.target,
        until_known=said.until_known,
        created_at=line.observed_at,
        created_seq=line.seq,
        url=task.url if task.moved_by[0] else said.url,
    )


def _paged(task: Task, line: Line, said: TaskMembers) -> Task:
    count = sum(len(each) for pointer, each in line.roster.items() if "*" not in pointer)
    task = attrs.evolve(task, pages=task.pages + 1, entities=task.entities + count)
    if _place(line) > task.moved_by:
        task = attrs.evolve(
            task,
            url=said.next,
            page_no=line.page_no or task.page_no,
            moved_by=_place(line),
        )
    return _cleared(task, line)


def _missed(task: Task, line: Line, said: TaskMembers) -> Task:
    failure = (_place(line), len(said.attempts), said.error)
    return _counted(attrs.evolve(task, failures=(*task.failures, failure)))


def _cleared(task: Task, line: Line) -> Task:
    """The task after an event that makes earlier failures count no more."""
    return _counted(attrs.evolve(task, cleared_by=max(task.cleared_by, _place(line))))


def _counted(task: Task) -> Task:
    """The task with the attempts and the error of the failures that count."""
    failures = sorted(each for each in task.failures if each[0] > task.cleared_by)
    return attrs.evolve(
        task,
        failures=tuple(failures),
        attempts=sum(attempts for _, attempts, _ in failures),
        error=failures[-1][2] if failures else None,
    )
