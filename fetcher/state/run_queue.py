"""The queue: every run of a source that is not an import, and who works on it.

An index over the log: delete it, and it is the same again, what was in progress being
pending. Only leases are its own: a worker claims a task for a while and must renew the
claim; when it dies the task comes back by itself.
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
from fetcher.state import log_index as index
from fetcher.state.log_index import catch_up, open_caught_up
from fetcher.state.task import CLEANED, PENDING, RUNNING, Task, apply_event, decode_task_members

LEASE_US = 10 * MINUTE

_SCHEMA = """
CREATE TABLE IF NOT EXISTS task (
    run TEXT PRIMARY KEY, state TEXT, priority INTEGER, created_at TEXT, created_seq INTEGER,
    task BLOB);
CREATE INDEX IF NOT EXISTS task_by_state ON task (state, priority DESC, created_at, created_seq);
CREATE TABLE IF NOT EXISTS lease (run TEXT PRIMARY KEY, owner TEXT, until INTEGER)
"""
_KINDS = (RUN, PAGE, PAGE_FAILED)


@attrs.define
class RunQueue:
    """The queue of one source. Close it with `close_queue`."""

    root: Path
    source: str
    db: sqlite3.Connection


def open_queue(root: Path, source: str) -> RunQueue:
    """The queue, caught up with the log."""

    def start(db: sqlite3.Connection) -> RunQueue:
        catch_up(db, root, source, _take)
        return RunQueue(root, source, db)

    return open_caught_up(root / "state" / "queue" / f"{source}.sqlite", _SCHEMA, start)


def close_queue(queue: RunQueue) -> None:
    """Let go."""
    queue.db.close()


def refresh_queue(queue: RunQueue) -> None:
    """Read what the log has gained."""
    catch_up(queue.db, queue.root, queue.source, _take, trust_heads=True)


def apply_appended_to_queue(queue: RunQueue, done: Appended) -> None:
    """Take what this process just appended: the same as reading it back, only cheaper."""
    index.apply_appended(queue.db, done, _take)


def _take(db: sqlite3.Connection, record: Record) -> None:
    if b'"kind":"entity"' in record.line[:160]:  # most are, and say nothing here
        return
    line = decode(record.line)
    if line.kind not in _KINDS:
        return
    row = db.execute("SELECT task FROM task WHERE run = ?", (line.run,)).fetchone()
    task = apply_event(_task(row[0]) if row else None, line, decode_task_members(record.line))
    if task is not None:
        _put(db, task)


def _put(db: sqlite3.Connection, task: Task) -> None:
    order = (task.priority, task.created_at, task.created_seq)
    row = (task.run, task.state, *order, orjson.dumps(attrs.asdict(task, recurse=False)))
    db.execute("INSERT OR REPLACE INTO task VALUES (?, ?, ?, ?, ?, ?)", row)


def _task(blob: bytes) -> Task:
    members = orjson.loads(blob)
    for name in ("decided_by", "moved_by", "cleared_by"):
        members[name] = tuple(members.get(name, ("", "", 0)))
    failures = members.get("failures", ())
    members["failures"] = tuple((tuple(place), *others) for place, *others in failures)
    return Task(**members)


def list_tasks(queue: RunQueue, now: int, states: Collection[str] = ()) -> list[Task]:
    """The tasks in the order in which they are worked on; those cleaned only if asked for."""
    kept = {PENDING if state == RUNNING else state for state in states}
    rows = queue.db.execute(  # only those: what is finished piles up until somebody cleans
        "SELECT task, coalesce(until, 0) FROM task LEFT JOIN lease USING (run) "
        "WHERE ? = '[]' OR state IN (SELECT value FROM json_each(?)) "
        "ORDER BY priority DESC, created_at, created_seq",
        [orjson.dumps(sorted(kept)).decode()] * 2,
    )
    found = [_shown(_task(blob), until > now) for blob, until in rows]
    return [
        task for task in found if task.state in states or (not states and task.state != CLEANED)
    ]


def _shown(task: Task, is_leased: bool) -> Task:
    is_running = is_leased and task.state == PENDING
    return attrs.evolve(task, state=RUNNING) if is_running else task


def find_task(queue: RunQueue, run: str) -> Task:
    """One task, by its run or the beginning of it. Raises `NotFound`."""
    rows = queue.db.execute(
        "SELECT task FROM task WHERE run = ? OR substr(run, 1, length(?)) = ? LIMIT 2",
        (run, run, run),
    ).fetchall()
    if len(rows) != 1:
        many = "several runs begin" if rows else "no run begins"
        raise NotFound(f"{queue.source}: {many} with {run!r}", "hindlog fetch list")
    return _task(rows[0][0])


def claim_task(
    queue: RunQueue, owner: str, now: int, only: Collection[str] | None = None
) -> Task | None:
    """The next pending task nobody works on, leased to `owner`; None where there is none."""
    queue.db.execute("BEGIN IMMEDIATE")
    try:
        rows = queue.db.execute(
            "SELECT task FROM task LEFT JOIN lease USING (run) WHERE state = ? AND "
            "(until IS NULL OR until <= ? OR owner = ?) "
            "ORDER BY priority DESC, created_at, created_seq",
            (PENDING, now, owner),
        )
        found = (_task(row[0]) for row in rows)
        task = next((each for each in found if only is None or each.run in only), None)
        if task is not None:
            _lease(queue.db, task.run, owner, now + LEASE_US)
        queue.db.execute("COMMIT")
    except BaseException:
        queue.db.execute("ROLLBACK")
        raise
    return task


def renew_lease(queue: RunQueue, run: str, owner: str, now: int) -> None:
    """Keep a claim."""
    _lease(queue.db, run, owner, now + LEASE_US)


def release_lease(queue: RunQueue, run: str) -> None:
    """Give a claim up."""
    queue.db.execute("DELETE FROM lease WHERE run = ?", (run,))


def _lease(db: sqlite3.Connection, run: str, owner: str, until: int) -> None:
    db.execute("INSERT OR REPLACE INTO lease VALUES (?, ?, ?)", (run, owner, until))


def is_outranked(queue: RunQueue, task: Task) -> bool:
    """Whether a task of higher priority is pending."""
    row = queue.db.execute(
        "SELECT 1 FROM task WHERE state = ? AND priority > ? LIMIT 1", (PENDING, task.priority)
    ).fetchone()
    return row is not None


def task_state(queue: RunQueue, run: str) -> str:
    """The state of a task as of the last refresh."""
    row = queue.db.execute("SELECT state FROM task WHERE run = ?", (run,)).fetchone()
    return str(row[0]) if row else PENDING
