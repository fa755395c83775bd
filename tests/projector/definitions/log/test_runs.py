"""Runs: the last state, the last counts, and when each began and ended."""

from pathlib import Path

import pytest

from eventlog.format.event import RUN, Draft
from projector.update.update import update
from tests.projector.few import rows, some, write_drafts
from tests.projector.logs import hours


def run(state: str, run: str = "r", **members: object) -> Draft:
    return Draft(kind=RUN, run=run, epoch="2026-11-01T02", members={"state": state, **members})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    write_drafts(
        root,
        "openrouter",
        [
            (hours(1), [run("created", listing="models"), run("created", "waits")]),
            (hours(2), [run("progressed", pages=1, entities=10), run("created", "at once")]),
            (hours(2), [run("completed", "at once", pages=2, entities=5)]),
            (hours(3), [run("failed", pages=4, entities=30, why="no key")]),
            (hours(4), [run("cleaned")]),
            *((hours(6), [run("created", f"tie{n}"), run("failed", f"tie{n}")]) for n in range(20)),
        ],
    )
    write_drafts(root, "civitai", [(hours(5), [run("cancelled", why="by hand")])])
    assert update(root, definitions=some("log.runs")).failed == ()
    return root


def test_a_run_has_its_last_state_its_last_counts_and_its_two_instants(runs: Path) -> None:
    columns = """source, run, epoch, listing, state, epoch_us(created_at), epoch_us(finished_at),
    pages, entities, why"""
    epoch = "2026-11-01T02"

    assert rows(
        runs, f"SELECT {columns} FROM log.runs WHERE run NOT LIKE 'tie%' ORDER BY 1, 2"
    ) == [
        ("civitai", "r", epoch, None, "cancelled", hours(5), hours(5), None, None, "by hand"),
        ("openrouter", "at once", epoch, None, "completed", hours(2), hours(2), 2, 5, None),
        ("openrouter", "r", epoch, "models", "cleaned", hours(1), hours(4), 4, 30, "no key"),
        ("openrouter", "waits", epoch, None, "created", hours(1), None, None, None, None),
    ]


def test_of_two_states_of_one_instant_the_later_event_counts(runs: Path) -> None:
    sql = "SELECT count(*), min(state), max(state) FROM log.runs WHERE run LIKE 'tie%'"

    assert rows(runs, sql) == [(20, "failed", "failed")]


def test_a_run_that_is_under_way_has_progressed_and_not_finished(runs: Path) -> None:
    sql = "SELECT state, finished_at, pages FROM log.runs WHERE run = 'r'"

    assert rows(runs, sql, as_of=hours(2)) == [("progressed", None, 1)]
