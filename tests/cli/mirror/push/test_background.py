"""Pushing beside another command: it goes on whatever happens to the mirror."""

import asyncio
import threading
from pathlib import Path

import pytest

from cli.config.settings import MirrorSettings
from cli.mirror.push import background, watching
from cli.mirror.push.background import pushing_beside
from cli.mirror.push.pushing import PushJob
from eventlog.format.paths import SegmentName
from eventlog.mirror.push.push import PushResult
from tests.cli.making import replaced
from tests.eventlog.mirror.buckets import add_hour, check_laws, pusher_on, sealed_files

PUSH = "eventlog.mirror.push.push.push"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "WATCH_S", 0.01)
    monkeypatch.setattr(watching, "REFUSED_S", 0.01)


@pytest.fixture
def job(tmp_path: Path) -> PushJob:
    """An archive with one sealed hour; its bucket is an empty folder."""
    root = tmp_path / "a"
    (tmp_path / "bucket").mkdir()
    add_hour(root, 0)
    return PushJob(root, MirrorSettings(url=f"file://{tmp_path}/bucket"), pusher_on(root))


def objects_in(job: PushJob) -> dict[str, bytes]:
    bucket = job.root.parent / "bucket"
    return {
        path.relative_to(bucket).as_posix(): path.read_bytes()
        for path in bucket.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def is_committed(job: PushJob, name: SegmentName) -> bool:
    streams = check_laws(objects_in(job)).values()
    return any(str(name) in segments for segments in streams)


class Said(list[str]):
    """What was said; a thread may wait for the next line."""

    def __init__(self) -> None:
        super().__init__()
        self._news = threading.Condition()

    def say(self, line: str) -> None:
        with self._news:
            self.append(line)
            self._news.notify_all()

    def wait_for(self, text: str) -> None:
        with self._news:
            assert self._news.wait_for(lambda: any(text in line for line in self), 60), list(self)


def test_what_is_sealed_meanwhile_is_pushed_and_once_more_at_the_end(job: PushJob) -> None:
    said = Said()
    with replaced(None, None, None), pushing_beside(job, said.say):
        said.wait_for("pushed 1 segment")
        second = add_hour(job.root, 1)
        said.wait_for("pushed 1 segment")
        third = add_hour(job.root, 2)

    assert is_committed(job, second) and is_committed(job, third)
    assert sealed_files(job.root).keys() <= objects_in(job).keys()
    assert all(line.startswith("pushed ") for line in said)


def test_a_bucket_that_appears_later_is_said_once_each_way(job: PushJob) -> None:
    said, bucket = Said(), job.root.parent / "bucket"
    bucket.rmdir()
    with replaced(None, None, None), pushing_beside(job, said.say):
        said.wait_for("mirror: ")
        bucket.mkdir()
        said.wait_for("pushing works again")

    assert [line.split(" ")[0] for line in said if not line.startswith(" ")] == [
        *("mirror:", "mirror:", "pushed"),
    ]
    assert check_laws(objects_in(job))


def test_the_end_says_what_is_not_in_the_mirror(job: PushJob) -> None:
    said = Said()
    (job.root.parent / "bucket").rmdir()
    with replaced(None, None, None), pushing_beside(job, said.say):
        said.wait_for("mirror: ")

    assert said[-1].startswith("mirror: 1 segment, ") and "hindlog sync push" in said[-1]


def test_an_error_of_the_command_is_raised_and_nothing_is_pushed_after_it(
    job: PushJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushes: list[int] = []

    async def push(*_: object, **__: object) -> PushResult:
        pushes.append(1)
        return await asyncio.Event().wait()  # type: ignore[return-value]

    monkeypatch.setattr(PUSH, push)
    with pytest.raises(ZeroDivisionError), pushing_beside(job, Said().say):
        while not pushes:
            pass
        raise ZeroDivisionError

    assert pushes == [1]


@pytest.mark.parametrize("is_signal", [True, False])
def test_a_push_is_interrupted_by_a_signal_or_after_a_minute_and_continued_later(
    job: PushJob, monkeypatch: pytest.MonkeyPatch, is_signal: bool
) -> None:
    said = Said()
    begun = threading.Event()

    async def hang(*_: object, **__: object) -> PushResult:
        begun.set()
        return await asyncio.Event().wait()  # type: ignore[return-value]

    with monkeypatch.context() as patched, replaced(None, None, None):
        patched.setattr("eventlog.mirror.push.push.put_record", hang)
        patched.setattr(background, "LAST_PUSH_S", 0.01)
        with pushing_beside(job, said.say) as interrupt:
            begun.wait()
            if is_signal:
                interrupt()
    assert "1 segment" in said[-1] and not any(
        name.startswith("mirror/") for name in objects_in(job)
    )

    with replaced(None, None, None), pushing_beside(job, said.say):
        pass
    assert said[-1].startswith("pushed 1 segment, 0.0 kB, ")  # nothing is sent again
    assert check_laws(objects_in(job))


def test_a_bug_of_the_mirror_does_not_reach_the_command(
    job: PushJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Said()

    async def push(*_: object, **__: object) -> PushResult:
        raise ZeroDivisionError

    monkeypatch.setattr(PUSH, push)
    with replaced(None, None, None), pushing_beside(job, said.say):
        said.wait_for("bug")

    assert "ZeroDivisionError" in said[0] and "not pushed from now on" in said[0]
