"""Queue of a source: all its runs except imports, and the workers that leased them.

It is an index over the log and can be deleted at any time; runs in progress are pending
again in the rebuilt queue. Only leases are not in the log. A worker leases a task and renews
the lease while it works. If the worker dies, the lease expires and the task is pending again.
"""

import sqlite3
from collections.abc import Collection
from pathlib import Path

import attrs
import orjson

from eventlog.clock import MINUTE
from eventlog.errors import NotFound
from eventlog.format.event import PAGE, PAGE_FAILED, RUN
from eventlog.format.event_codec import decode
from eventlog.read.reader import Record
from eventlog.write.append import Appended
from fetcher.state.log_index import (
    apply_appended,
    catch_up,
    is_entity_line,
    open_caught_up,
    transaction,
)
from fetcher.state.task import CLEANED, PENDING, RUNNING, Task, apply_event, decode_task_members

LEASE_US = 10 * MINUTE
"""Time after which a lease expires unless it is renewed."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS task (
    run TEXT PRIMARY KEY, state TEXT, priority INTEGER, created_at TEXT, created_seq INTEGER,
    task BLOB);
CREATE INDEX IF NOT EXISTS task_by_state ON task (state, priority DESC, created_at, created_seq);
CREATE TABLE IF NOT EXISTS lease (run TEXT PRIMARY KEY, owner TEXT, until INTEGER)
"""
_SELECT_ALL = (
    "SELECT task, coalesce(until, 0) FROM task LEFT JOIN lease USING (run) "
    "ORDER BY priority DESC, created_at, created_seq"
)
_SELECT_STATES = (
    "SELECT task, coalesce(until, 0) FROM task LEFT JOIN lease USING (run) "
    "WHERE state IN (SELECT value FROM json_each(?)) "
    "ORDER BY priority DESC, created_at, created_seq"
)
_KINDS = (RUN, PAGE, PAGE_FAILED)


@attrs.define
class RunQueue:
    """The queue of one source. Close it with `close_queue`."""

    root: Path
    source: str
    db: sqlite3.Connection


def open_queue(root: Path, source: str) -> RunQueue:
    """Opens the queue and catches it up with the log."""

    def start(db: sqlite3.Connection) -> RunQueue:
        catch_up(db, root, source, _apply)
        return RunQueue(root, source, db)

    return open_caught_up(root / "state" / "queue" / f"{source}.sqlite", _SCHEMA, start)


def close_queue(queue: RunQueue) -> None:
    """Closes the database."""
    queue.db.close()


def refresh_queue(queue: RunQueue) -> None:
    """Applies the new events of the log."""
    catch_up(queue.db, queue.root, queue.source, _apply, trust_heads=True)


def apply_appended_to_queue(queue: RunQueue, done: Appended) -> None:
    """Applies a batch that this process has just appended, without re-reading the log."""
    apply_appended(queue.db, done, _apply)


def _apply(db: sqlite3.Connection, record: Record) -> None:
    if is_entity_line(record.line):  # most events; they do not change tasks
        return
    line = decode(record.line)
    if line.kind not in _KINDS:
        return
    row = db.execute("SELECT task FROM task WHERE run = ?", (line.run,)).fetchone()
    task = apply_event(
        _decode_task(row[0]) if row else None, line, decode_task_members(record.line)
    )
    if task is not None:
        _write_task(db, task)


def _write_task(db: sqlite3.Connection, task: Task) -> None:
    order = (task.priority, task.created_at, task.created_seq)
    row = (task.run, task.state, *order, orjson.dumps(attrs.asdict(task, recurse=False)))
    db.execute("INSERT OR REPLACE INTO task VALUES (?, ?, ?, ?, ?, ?)", row)


def _decode_task(blob: bytes) -> Task:
    members = orjson.loads(blob)
    for name in ("decided_by", "moved_by", "cleared_by"):
        members[name] = tuple(members.get(name, ("", "", 0)))
    failures = members.get("failures", ())
    members["failures"] = tuple((tuple(position), *rest) for position, *rest in failures)
    return Task(**members)


def list_tasks(queue: RunQueue, now: int, states: Collection[str] = ()) -> list[Task]:
    """Returns the tasks with one of these states in the order in which they are worked on;
    without states, all except cleaned ones."""
    stored_states = {PENDING if state == RUNNING else state for state in states}
    rows = queue.db.execute(  # filtered by the index: finished tasks accumulate until cleaned
        _SELECT_ALL if not stored_states else _SELECT_STATES,
        [orjson.dumps(sorted(stored_states)).decode()] if stored_states else [],
    )
    tasks = [_with_lease(_decode_task(blob), until > now) for blob, until in rows]
    return [
        task for task in tasks if task.state in states or (not states and task.state != CLEANED)
    ]


def _with_lease(task: Task, is_leased: bool) -> Task:
    is_running = is_leased and task.state == PENDING
    return attrs.evolve(task, state=RUNNING) if is_running else task


def find_task(queue: RunQueue, run: str) -> Task:
    """Returns the task whose run has this id or prefix. Raises `NotFound` if there is none or
    more than one."""
    rows = queue.db.execute(
        "SELECT task FROM task WHERE run = ? OR substr(run, 1, length(?)) = ? LIMIT 2",
        (run, run, run),
    ).fetchall()
    if len(rows) != 1:
        problem = "several runs begin" if rows else "no run begins"
        raise NotFound(f"{queue.source}: {problem} with {run!r}", "hindlog fetch list")
    return _decode_task(rows[0][0])


def claim_task(
    queue: RunQueue,
    owner: str,
    now: int,
    only: Collection[str] | None = None,
    min_priority: int | None = None,
) -> Task | None:
    """Leases the next pending task without a valid lease to `owner` and returns it; None if
    there is none. `only`: the runs to choose from; `min_priority`: their lowest priority."""
    with transaction(queue.db):
        rows = queue.db.execute(
            "SELECT task FROM task LEFT JOIN lease USING (run) WHERE state = ? AND "
            "(until IS NULL OR until <= ? OR owner = ?) AND (? IS NULL OR priority >= ?) "
            "ORDER BY priority DESC, created_at, created_seq",
            (PENDING, now, owner, min_priority, min_priority),
        )
        pending = (_decode_task(row[0]) for row in rows)
        task = next((task for task in pending if only is None or task.run in only), None)
        if task is not None:
            _write_lease(queue.db, task.run, owner, now + LEASE_US)
    return task


def renew_lease(queue: RunQueue, run: str, owner: str, now: int) -> None:
    """Extends the lease of a run by `LEASE_US`."""
    _write_lease(queue.db, run, owner, now + LEASE_US)


def release_lease(queue: RunQueue, run: str) -> None:
    """Ends the lease of a run."""
    queue.db.execute("DELETE FROM lease WHERE run = ?", (run,))


def _write_lease(db: sqlite3.Connection, run: str, owner: str, until: int) -> None:
    db.execute("INSERT OR REPLACE INTO lease VALUES (?, ?, ?)", (run, owner, until))


def is_outranked(queue: RunQueue, task: Task) -> bool:
    """Whether a task of higher priority is pending."""
    row = queue.db.execute(
        "SELECT 1 FROM task WHERE state = ? AND priority > ? LIMIT 1", (PENDING, task.priority)
    ).fetchone()
    return row is not None


def task_state(queue: RunQueue, run: str) -> str:
    """Returns the state of a task as of the last refresh; pending if it is unknown."""
    row = queue.db.execute("SELECT state FROM task WHERE run = ?", (run,)).fetchone()
    return str(row[0]) if row else PENDING
