"""Tasks: the state of a run is derived from its events, in any order of writers."""

from itertools import permutations
from typing import Any

import orjson
import pytest

from eventlog.format.event_codec import decode
from fetcher.state.task import (
    AFTER,
    CANCELLED,
    COMPLETED,
    FAILED,
    PENDING,
    Task,
    apply_event,
    decode_task_members,
)

FETCH, COMMAND = "1a2b3c4d", "feedbee5"


def event(second: int, kind: str, writer: str = FETCH, **members: Any) -> bytes:
    """An event of `run-1`, observed in this second."""
    place = {
        "v": 1,
        "source": "civitai",
        "writer": writer,
        "seq": second + 1,
        "observed_at": f"2026-11-21T05:00:{second:02}.000000Z",
    }
    return orjson.dumps(
        {**place, "kind": kind, "run": "run-1", "epoch": "2026-11-21T05", **members}
    )


def created(second: int = 0, **members: Any) -> bytes:
    said = {"state": "created", "listing": "models", "url": "u1", **members}
    return event(second, "run", COMMAND, **said)


def page(second: int, number: int, following: str | None = None, **members: Any) -> bytes:
    roster = members.pop("roster", {"/items": [["model", "1", 1]]})
    return event(second, "page", page_no=number, next=following, roster=roster, **members)


def failed_page(second: int, attempts: int = 2) -> bytes:
    return event(second, "page_failed", error="server", attempts=[{}] * attempts)


def state(second: int, name: str, writer: str = FETCH, **members: Any) -> bytes:
    return event(second, "run", writer, state=name, **members)


def after(*events: bytes) -> Task:
    task = None
    for event in events:
        task = apply_event(task, decode(event), decode_task_members(event))
    assert task is not None
    return task


def test_a_created_run_is_pending_with_all_its_settings() -> None:
    task = after(created(priority=3, target=50, until_known=True, entities_before=9))

    assert task == Task(
        run="run-1",
        listing="models",
        epoch="2026-11-21T05",
        url="u1",
        first_url="u1",
        priority=3,
        target=50,
        until_known=True,
        entities_before=9,
        created_at="2026-11-21T05:00:00.000000Z",
        created_seq=1,
        decided_by=("2026-11-21T05:00:00.000000Z", COMMAND, 1),
    )


def test_a_page_sets_the_next_url_and_cancels_earlier_failures() -> None:
    task = after(created(), failed_page(1), page(2, 1, "u2"), failed_page(3, 4))
    assert (task.url, task.page_no, task.pages, task.entities) == ("u2", 1, 1, 1)
    assert (task.attempts, task.error) == (4, "server")

    task = after(created(), failed_page(1), page(2, 1, "u2"), page(4, 2, None))

    assert (task.url, task.page_no, task.pages) == (None, 2, 2)
    assert (task.attempts, task.error) == (0, None)


def test_attempts_of_several_failures_add_up() -> None:
    assert after(created(), failed_page(1, 2), failed_page(2, 3)).attempts == 5


def test_only_entities_of_the_listing_itself_are_counted() -> None:
    roster = {
        "/items": [["model", "1", 1], ["model", "2", 2]],
        "/items/*/modelVersions": [["modelVersion", "7", 3]] * 5,
    }

    assert after(created(), page(1, 1, roster=roster)).entities == 2


def test_a_page_without_a_number_keeps_the_number_of_the_last_page() -> None:
    task = after(created(), page(1, 3, "u4"), event(2, "page", status=404))

    assert task.page_no == 3


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("created", PENDING),
        ("progressed", PENDING),
        ("retried", PENDING),
        ("completed", COMPLETED),
        ("failed", FAILED),
        ("cancelled", CANCELLED),
        ("cleaned", "cleaned"),
    ],
)
def test_every_state_of_a_run_event_has_a_task_state(name: str, expected: str) -> None:
    task = after(created(), state(5, name, why="because"))

    assert (task.state, AFTER[name]) == (expected, expected)
    assert (task.finished_at is None) == (expected == PENDING)


def test_a_state_of_a_later_version_changes_nothing() -> None:
    assert after(created(), state(1, "mused")) == after(created())


def test_a_finished_run_has_a_time_and_a_reason_and_a_retried_one_has_neither() -> None:
    task = after(created(), failed_page(1), state(2, "failed", why="server: busy"))
    assert (task.finished_at, task.why) == ("2026-11-21T05:00:02.000000Z", "server: busy")

    again = after(created(), failed_page(1), state(2, "failed"), state(3, "retried", COMMAND))

    assert (again.state, again.finished_at, again.why) == (PENDING, None, None)
    assert (again.attempts, again.error, again.url) == (0, None, "u1")


def test_of_two_states_the_one_at_the_later_position_wins() -> None:
    cancelled, completed = state(4, "cancelled", COMMAND), state(4, "completed")

    for order in permutations([created(), cancelled, completed]):
        assert after(*order).state == CANCELLED


@pytest.mark.parametrize(
    "others",
    [
        [state(6, "retried", COMMAND)],
        [state(1, "cancelled", COMMAND), state(2, "retried", COMMAND)],
        [state(5, "retried", COMMAND), state(8, "cancelled", COMMAND)],
        [],
    ],
)
def test_the_events_of_two_writers_give_the_same_task_in_any_order(others: list[bytes]) -> None:
    own = [failed_page(1), page(2, 1, "u2"), failed_page(4), failed_page(7)]
    queued = [created(), *others]
    orders = [
        [*queued, *own],
        [*own, *queued],
        [own[0], *queued, *own[1:]],
        [queued[0], *own, *queued[1:]],
        [*own[:3], *queued, own[3]],
    ]

    assert len({after(*order) for order in orders}) == 1


def test_of_the_pages_of_two_writers_the_later_one_sets_the_next_url() -> None:
    first, second = page(2, 1, "u2"), page(4, 2, "u3", writer=COMMAND)

    for order in ([first, second], [second, first]):
        task = after(created(), *order)
        assert (task.url, task.page_no, task.pages) == ("u3", 2, 2)


def test_an_import_is_not_a_task() -> None:
    line = orjson.loads(page(1, 1))
    for run in ("import.1", None):
        text = orjson.dumps({**line, "run": run})
        assert apply_event(None, decode(text), decode_task_members(text)) is None
