"""Events of a run: they contain what the queue needs, and omit members without a value."""

import attrs

from eventlog.format.event import RUN
from fetcher.record.run_events import created_event, decided_event, new_run_id
from fetcher.state.task import CANCELLED, FAILED, Task

TASK = Task(
    run="2026-11-21T05.models.0abc", listing="models", epoch="2026-11-21T05", url="http://x"
)


def test_run_ids_begin_with_epoch_and_listing_and_are_unique() -> None:
    ids = {new_run_id("2026-11-21T05", "models") for _ in range(100)}

    assert len(ids) == 100
    assert all(run.startswith("2026-11-21T05.models.") for run in ids)


def test_a_created_event_contains_the_settings_of_its_task() -> None:
    task = attrs.evolve(TASK, priority=7, target=50, until_known=True, entities_before=9)

    event = created_event(task, "/models", {"limit": "9"})

    assert (event.kind, event.run, event.epoch) == (RUN, task.run, task.epoch)
    assert (event.endpoint, event.params) == ("/models", {"limit": "9"})
    assert event.members == {
        "state": "created",
        "listing": "models",
        "url": "http://x",
        "priority": 7,
        "target": 50,
        "until_known": True,
        "entities_before": 9,
    }


def test_default_settings_have_no_value_in_a_created_event() -> None:
    members = created_event(TASK, "/models", {}).members

    names = ("priority", "target", "until_known", "entities_before")
    assert [members[name] for name in names] == [None] * 4


def test_a_decision_names_the_new_state_and_the_reason() -> None:
    cancelled, failed = decided_event(TASK, CANCELLED), decided_event(TASK, FAILED, "no endpoint")

    assert cancelled.members == {"state": CANCELLED, "listing": "models", "why": None}
    assert failed.members == {"state": FAILED, "listing": "models", "why": "no endpoint"}
    assert {event.run for event in (cancelled, failed)} == {TASK.run}
