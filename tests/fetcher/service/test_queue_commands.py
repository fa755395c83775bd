"""Queue commands: runs are added, cancelled, retried and cleaned while no service runs."""

from pathlib import Path

import pytest

from eventlog.errors import Invalid, NotFound
from eventlog.read.reader import read_events
from fetcher.service.open_crawl import Crawler, Upstream
from fetcher.service.queue_commands import (
    RunRequest,
    add_runs,
    cancel_run,
    clean_runs,
    list_runs,
    retry_run,
)
from fetcher.state.task import CANCELLED, CLEANED, PENDING
from tests.fetcher.making import OTHER, SteppingClock, lines
from tests.fetcher.syncing import (
    CIVITAI,
    NOWHERE,
    add_civitai_run,
    paginated,
    queued,
    work_on_queue,
)


def commander(root: Path) -> Crawler:
    """The process that runs a queue command."""
    return Crawler(root, OTHER, SteppingClock())


def test_a_run_is_added_by_a_url_or_by_a_listing_with_parameters(tmp_path: Path) -> None:
    tasks = [
        add_civitai_run(tmp_path, "images", params={"modelId": "7"}, limit=50),
        add_civitai_run(tmp_path, f"{NOWHERE}/models/15003"),
    ]

    assert [task.url for task in tasks] == [
        f"{NOWHERE}/images?limit=200&browsingLevel=31&sort=Newest&withMeta=true&modelId=7",
        f"{NOWHERE}/models/15003",
    ]
    with pytest.raises(Invalid, match="no listing and no template 'modles'"):
        add_civitai_run(tmp_path, "modles")


def test_a_secret_in_an_added_url_never_reaches_the_archive(tmp_path: Path) -> None:
    tasks = [
        add_civitai_run(tmp_path, f"{NOWHERE}/models?token=hidden&limit=9"),
        add_civitai_run(tmp_path, "images", params={"API_KEY": "hidden"}),
    ]

    assert tasks[0].url == f"{NOWHERE}/models?limit=9"
    assert "hidden" not in str(tasks)
    assert not any(b"hidden" in record.line for record in read_events(tmp_path))


def test_a_cancelled_run_is_not_worked_on(tmp_path: Path) -> None:
    run = add_civitai_run(tmp_path, "/models").run
    cancel_run(commander(tmp_path), "civitai", run[:-2])

    assert work_on_queue(tmp_path, paginated(3)).listings == ()
    assert [task.state for task in queued(tmp_path)] == [CANCELLED]
    with pytest.raises(Invalid, match="is cancelled"):
        cancel_run(commander(tmp_path), "civitai", run)
    with pytest.raises(NotFound, match="no run begins"):
        cancel_run(commander(tmp_path), "civitai", "nothing")


def test_cleaning_removes_finished_runs_from_the_queue_and_no_event(tmp_path: Path) -> None:
    add_civitai_run(tmp_path, "/models")
    work_on_queue(tmp_path, paginated(2))
    waiting = add_civitai_run(tmp_path, "/models").run
    before = len(lines(tmp_path, "civitai"))

    clean_runs(Crawler(tmp_path, OTHER, SteppingClock(at=SteppingClock().at + 10**10)), "civitai")

    assert [task.run for task in queued(tmp_path)] == [waiting]
    assert len(lines(tmp_path, "civitai")) == before
    cleaned = list_runs(tmp_path, "civitai", SteppingClock(), (CLEANED,))
    assert [task.state for task in cleaned] == [CLEANED]


def test_a_run_with_derived_requests_cannot_be_added(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="from other listings"):
        add_civitai_run(tmp_path, "gone-models")


@pytest.mark.parametrize("state", [PENDING, CLEANED])
def test_only_failed_and_cancelled_runs_can_be_retried(tmp_path: Path, state: str) -> None:
    clock = SteppingClock()
    crawler = Crawler(tmp_path, OTHER, clock)
    run = add_civitai_run(tmp_path, now=clock).run
    if state == CLEANED:
        cancel_run(crawler, "civitai", run)
        clean_runs(crawler, "civitai")

    with pytest.raises(Invalid, match=f"is {state}"):
        retry_run(crawler, "civitai", run)


def test_a_cancelled_run_that_is_retried_is_pending_again(tmp_path: Path) -> None:
    clock = SteppingClock()
    crawler = Crawler(tmp_path, OTHER, clock)
    run = add_civitai_run(tmp_path, now=clock).run

    cancelled = cancel_run(crawler, "civitai", run)
    retried = retry_run(crawler, "civitai", run)

    assert (cancelled.state, retried.state) == (PENDING, CANCELLED)  # as they were before
    assert [task.state for task in queued(tmp_path)] == [PENDING]


def test_an_argument_needs_a_template(tmp_path: Path) -> None:
    request = RunRequest("models", "4384")

    with pytest.raises(Invalid, match="no template 'models'"):
        add_runs(commander(tmp_path), Upstream(CIVITAI, NOWHERE), request)


def test_the_queue_is_listed_by_state(tmp_path: Path) -> None:
    clock = SteppingClock()
    runs = [add_civitai_run(tmp_path, now=clock).run for _ in range(2)]
    cancel_run(Crawler(tmp_path, OTHER, clock), "civitai", runs[0])

    def in_state(*states: str) -> list[str]:
        return [task.run for task in list_runs(tmp_path, "civitai", clock, states)]

    assert (in_state(CANCELLED), in_state(PENDING)) == ([runs[0]], [runs[1]])
    assert in_state() == runs
