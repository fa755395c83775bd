"""A push may be killed at any step, and `state/` may be lost: the next one continues."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eventlog.clock import HOUR
from eventlog.files.assets import put_asset
from eventlog.files.disk import REAL
from eventlog.format.event import ANOMALY, Draft
from eventlog.mirror.push.push import push
from tests.eventlog.making import OTHER, START, WRITER, ManualClock, entity, write_log
from tests.eventlog.mirror.buckets import (
    Killed,
    Objects,
    Requests,
    check_laws,
    new_store,
    objects_of,
    pushed,
    pusher_on,
    record_law,
    sealed_files,
)
from tests.extent import IS_ALL

STREAMS = (WRITER, OTHER)
HOURS = 3


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of two streams with three sealed hours each, and two assets."""
    root = tmp_path_factory.mktemp("sealed")
    for hour in range(HOURS):
        for number, writer in enumerate(STREAMS):
            clock = ManualClock(START + hour * HOUR)
            drafts = [entity(hour)]
            if hour == 1:
                sha256 = put_asset(root, b"large%d" % number)
                members = {"reason": "x"}
                drafts.append(Draft(kind=ANOMALY, members=members, body_asset=sha256))
            write_log(root, [drafts], writer=writer, clock=clock)
    return root


def copied(sealed: Path, root: Path, streams: tuple[str, ...], hours: tuple[int, ...]) -> None:
    """Copies hours of streams into another archive, and all assets."""
    shutil.copytree(sealed / "assets", root / "assets", dirs_exist_ok=True)
    for writer in streams:
        for hour in hours:
            for path in (sealed / "log").glob(f"*/*/{5 + hour:02d}-{writer}-*"):
                target = root / path.relative_to(sealed)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)


def interrupted(work: Callable[[], object]) -> None:
    """Does something that may be killed."""
    with suppress(Killed):
        work()


def _log_of(objects: Objects) -> Objects:
    return {name: data for name, data in objects.items() if name.startswith("log/")}


def without_records(objects: Objects) -> Objects:
    return {n: data for n, data in objects.items() if n.startswith(("log/", "assets/"))}


@pytest.mark.sampled
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("lose_state", [False, True], ids=["", "lost state"])
def test_a_push_that_is_killed_at_any_request_is_continued(
    sealed: Path, tmp_path: Path, after: bool, lose_state: bool
) -> None:
    copied(sealed, tmp_path / "all", STREAMS, (0, 1))
    complete = Requests(new_store())
    pushed(tmp_path / "all", complete.wrapped())
    assert len(complete.names) > 12
    for number in range(0, len(complete.names), 1 if IS_ALL else 5):
        root = tmp_path / str(number)
        copied(sealed, root, STREAMS, (0, 1))
        store = new_store()
        first, second = Requests(store, fail_at=number, after=after), Requests(store)

        interrupted(lambda root=root, first=first: pushed(root, first.wrapped()))  # type: ignore[misc]
        if lose_state:
            shutil.rmtree(root / "state", ignore_errors=True)
        result = pushed(root, record_law(second.wrapped()))

        assert result.stopped == ()
        objects = objects_of(store)
        assert len(check_laws(objects)) == 2
        assert without_records(objects) == sealed_files(root)
        sent = first.sent + second.sent
        assert len(sent) == len(set(sent)), number


def test_a_push_that_is_killed_at_any_step_of_its_journal_is_continued(
    sealed: Path, tmp_path: Path
) -> None:
    steps = ("open_append", "write", "fsync", "rename", "sync_dir")
    for number in range(0, 20, 1 if IS_ALL else 3):
        root = tmp_path / str(number)
        copied(sealed, root, STREAMS, (0,))
        store, calls = new_store(), iter(range(1000))

        def killing(function: Callable[..., object], calls=calls, number=number):  # type: ignore[no-untyped-def]
            def call(*args: object) -> object:
                if next(calls) == number:
                    raise Killed
                return function(*args)

            return call

        disk = attrs.evolve(REAL, **{name: killing(getattr(REAL, name)) for name in steps})
        pusher = pusher_on(root)
        interrupted(lambda: asyncio.run(push(root, store, pusher, disk=disk)))  # noqa: B023
        was_killed = next(calls) > number

        assert pushed(root, record_law(store)).stopped == ()
        assert _log_of(objects_of(store)) == _log_of(sealed_files(root))
        if not was_killed:
            break
    assert number > 3


steps = st.lists(
    st.tuples(st.just("seal"), st.sampled_from(STREAMS))
    | st.tuples(st.sampled_from(["push", "lose state"]))
    | st.tuples(st.just("kill"), st.integers(0, 14), st.booleans()),
    max_size=10,
)


@pytest.mark.sampled
@settings(max_examples=100 if IS_ALL else 8)
@given(steps=steps)
@example(steps=[("seal", WRITER), ("kill", 5, False), ("lose state",), ("kill", 2, False)])
def test_whatever_happens_the_bucket_keeps_its_laws_and_nothing_is_sent_twice(
    sealed: Path, steps: list[tuple[str, ...]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, store, sent = Path(folder), new_store(), []
        hours = dict.fromkeys(STREAMS, 0)
        copied(sealed, root, (), ())
        (root / "log").mkdir()
        for step in steps:
            requests = Requests(store)
            match step:
                case ("seal", writer):
                    copied(sealed, root, (writer,), (hours[writer],))
                    hours[writer] += 1
                case ("lose state",):
                    shutil.rmtree(root / "state", ignore_errors=True)
                case ("kill", number, after):
                    requests.fail_at, requests.after = int(number), bool(after)
                    interrupted(lambda r=requests: pushed(root, r.wrapped()))  # type: ignore[misc]
                case _:
                    pushed(root, requests.wrapped())
            sent += requests.sent
        requests = Requests(store)
        pushed(root, record_law(requests.wrapped()))
        sent += requests.sent
        objects = objects_of(store)
        check_laws(objects)
        assert _log_of(objects) == _log_of(sealed_files(root))
        assert len(sent) == len(set(sent))
