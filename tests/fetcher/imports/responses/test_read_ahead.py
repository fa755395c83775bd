"""Reading ahead changes nothing but time, whatever becomes of the reader process."""

import fcntl
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest

from fetcher.imports.recordings import RecordedResponse
from fetcher.imports.responses import read_ahead as module
from fetcher.imports.responses.known_responses import KnownResponse
from fetcher.imports.responses.read_ahead import (
    READ_AHEAD,
    ReadAheadPolicy,
    choose_read_ahead,
    read_ahead,
)
from fetcher.sources import SOURCES
from tests.eventlog.write.test_group import log_files
from tests.fetcher.importing import import_into, models_list, write_files

OPENROUTER = SOURCES["openrouter"]
EAGER = ReadAheadPolicy(min_total_bytes=0, min_body_bytes=0, timeout_s=20)


def recorded(number: int, body: bytes | None = None) -> RecordedResponse:
    return RecordedResponse(number, f"{number}.json", None, body or models_list(("a/b", number)))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list["subprocess.Popen[bytes]"]:
    """The processes that were started; each is ready when reading ahead continues."""
    processes: list[subprocess.Popen[bytes]] = []
    start, is_ready = module.start_process, module._is_ready

    def record(*arguments: object) -> "subprocess.Popen[bytes]":
        processes.append(start(*arguments))  # type: ignore[arg-type]
        return processes[-1]

    def wait_ready(state: object, reader: "module._Reader") -> bool:
        module._has_answered(reader, 20_000)
        return is_ready(state, reader)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "start_process", record)
    monkeypatch.setattr(module, "_is_ready", wait_ready)
    return processes


def is_over(process: "subprocess.Popen[bytes]") -> bool:
    return process.returncode is not None and not Path(f"/proc/{process.pid}").exists()


def test_the_log_and_the_report_are_those_of_an_import_without_a_reader(
    tmp_path: Path, started: list["subprocess.Popen[bytes]"]
) -> None:
    bodies = [
        models_list(("a/b", 1), ("c/d", 1)),
        models_list(("a/b", 1), ("c/d", 2)),
        b"<html>blocked</html>",
        models_list(("a/b", 1), ("c/d", 2))[:-9],
        models_list(("c/d", 2), ("a/b", 1), ("e/f", 1)),
        b'{"data":{"id":"a/b","endpoints":[{"tag":"t"}]}}',
        models_list(("a/b", 3))[len(b'{"data":') : -1],
        models_list(("a/b", 3)),
    ]
    names = [f"2025010{1 + n // 3}T0{n}0000Z.json" for n in range(len(bodies))]
    paths = write_files(tmp_path / "files", dict(zip(names, bodies, strict=True)))
    ahead, alone = (
        import_into(tmp_path / name, paths, ahead=policy, keep_unrecognized=True)
        for name, policy in (("ahead", EAGER), ("alone", attrs.evolve(EAGER, is_enabled=False)))
    )

    assert ahead == alone
    assert ahead.pages == 6 and len(ahead.quarantined) == 2
    assert log_files(tmp_path / "ahead") == log_files(tmp_path / "alone")
    assert [is_over(process) for process in started] == [True]


def test_a_reader_that_dies_changes_nothing(started: list["subprocess.Popen[bytes]"]) -> None:
    recordings = [recorded(number) for number in range(9)]
    results = list[tuple[RecordedResponse, KnownResponse | None]]()
    with closing(read_ahead(OPENROUTER, recordings, EAGER)) as responses:
        for result in responses:
            results.append(result)
            if len(results) == 2:
                started[0].kill()
                started[0].wait()

    assert [item for item, _ in results] == recordings
    assert [known is not None for _, known in results][:2] == [True, True]
    assert results[-1][1] is None
    assert [is_over(process) for process in started] == [True]


def test_no_process_is_left_if_reading_ends_early(
    started: list["subprocess.Popen[bytes]"],
) -> None:
    descriptors = sorted(Path("/proc/self/fd").iterdir())
    with closing(read_ahead(OPENROUTER, map(recorded, range(9)), EAGER)) as responses:
        next(responses)

    assert [is_over(process) for process in started] == [True]
    assert sorted(Path("/proc/self/fd").iterdir()) == descriptors


def test_an_error_of_a_recording_is_raised_after_those_before_it(
    started: list["subprocess.Popen[bytes]"],
) -> None:
    def recordings() -> Iterator[RecordedResponse]:
        yield from map(recorded, range(3))
        raise ZeroDivisionError

    numbers = []
    with pytest.raises(ZeroDivisionError):
        for item, _ in read_ahead(OPENROUTER, recordings(), EAGER):
            numbers.append(item.observed_at)

    assert numbers == [0, 1, 2]


def test_everything_is_read_here_if_no_process_can_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-such-python"))
    results = list(read_ahead(OPENROUTER, map(recorded, range(5)), EAGER))

    assert results == [(recorded(number), None) for number in range(5)]


@pytest.mark.parametrize(
    "recordings",
    [
        [recorded(n) for n in range(200)],
        [recorded(1, b" " * READ_AHEAD.min_total_bytes)],
        [attrs.evolve(recorded(n, b" " * (1 << 20)), first_line=1) for n in range(9)],
        [attrs.evolve(recorded(n, b" " * (1 << 20)), endpoint="/x") for n in range(9)],
        [recorded(n, b" " * (READ_AHEAD.max_body_bytes + 1)) for n in range(3)],
    ],
    ids=["small", "one", "lines", "named", "huge"],
)
def test_no_process_is_started_for_what_it_would_not_make_faster(
    recordings: list[RecordedResponse], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "start_process", lambda *arguments: pytest.fail("started"))

    assert list(read_ahead(OPENROUTER, recordings, READ_AHEAD)) == [
        (item, None) for item in recordings
    ]


def test_small_documents_are_read_here_whatever_they_amount_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "start_process", lambda *arguments: pytest.fail("started"))
    policy = attrs.evolve(READ_AHEAD, min_total_bytes=0)

    assert len(list(read_ahead(OPENROUTER, map(recorded, range(5)), policy))) == 5


def test_reading_ahead_is_for_registered_sources_and_unnamed_requests() -> None:
    other = attrs.evolve(OPENROUTER, endpoints=OPENROUTER.endpoints[1:])

    assert choose_read_ahead(OPENROUTER, EAGER, is_named=False).is_enabled == (
        module.default_pool_policy().max_processes > 0
    )
    assert not choose_read_ahead(OPENROUTER, EAGER, is_named=True).is_enabled
    assert not choose_read_ahead(other, EAGER, is_named=False).is_enabled


def test_a_reply_is_noticed_in_a_process_with_more_than_1024_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2048)), hard))
    here, there = socket.socketpair()
    with here, there, socket.socket(fileno=fcntl.fcntl(here, fcntl.F_DUPFD, 1500)) as high:
        reader = SimpleNamespace(connection=high)

        assert not module._has_answered(reader)  # type: ignore[arg-type]
        there.sendall(b"x")
        assert module._has_answered(reader, 20_000)  # type: ignore[arg-type]
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
