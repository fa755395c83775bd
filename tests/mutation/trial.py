"""Runs the tests of one mutant in a copy of the project."""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from tests.e2e.recordings import RECORDINGS
from tests.mutation.covering_tests import Suite, covering_tests
from tests.mutation.mutant import Mutant, apply

KILLED = "killed"
TIMEOUT = "timeout"
SURVIVED = "survived"
UNCOVERED = "no test executes it"
TYPES = "type check"

_LATER_S = itertools.count(2_000_000_000)

LONGEST_S = 240.0
"""Seconds of tests (as recorded) that are run for one mutant at most."""


@attrs.frozen
class Outcome:
    """The result of trying a mutant."""

    mutant: Mutant
    result: str
    by: str
    """The test that noticed it; the number of tests run, if none did."""


def copy_project(root: Path, to: Path) -> None:
    """Copies the tracked and the new files of the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, capture_output=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.decode().split("\0"):
        if name and (root / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, to / name)


def run(suite: Suite, mutant: Mutant, copy: Path, longest_s: float = LONGEST_S) -> Outcome:
    """Changes the copy, runs the tests that execute the line, and changes it back."""
    tests = _within(suite, covering_tests(suite, mutant), longest_s)
    if not tests:
        return Outcome(mutant, UNCOVERED, "0 tests")
    with _changed(copy / mutant.path, mutant):
        outcome = _judge(suite, mutant, copy, tests)
        if outcome.result == SURVIVED and mutant.path.endswith(".py") and not _has_types(copy):
            return Outcome(mutant, TYPES, "mypy")
        return outcome


@contextlib.contextmanager
def _changed(file: Path, mutant: Mutant) -> Iterator[None]:
    """Writes the changed file while the block runs. Python recognizes outdated compiled modules by
    the time in seconds and the size, so each change gets a different time."""
    source, times = file.read_text(), file.stat()
    file.write_text(apply(source, mutant))
    later_s = next(_LATER_S)
    os.utime(file, (later_s, later_s))
    try:
        yield
    finally:
        file.write_text(source)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def _within(suite: Suite, tests: Sequence[str], longest_s: float) -> list[str]:
    chosen: list[str] = []
    seconds = 0.0
    for test in tests:
        if seconds + suite.seconds[test] <= longest_s:
            chosen.append(test)
            seconds += suite.seconds[test]
    return chosen


def _judge(suite: Suite, mutant: Mutant, copy: Path, tests: Sequence[str]) -> Outcome:
    names = copy / ".tests"
    names.write_text("\n".join(tests))
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", f"@{names}"]
    limit_s = 120 + 6 * sum(suite.seconds[test] for test in tests)
    # A new process group: whatever a mutant leaves behind ends with it.
    process = subprocess.Popen(
        command, cwd=copy, env=_environment(copy), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        return Outcome(mutant, TIMEOUT, f"{limit_s:.0f} s")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode == 0:
        return Outcome(mutant, SURVIVED, f"{len(tests)} tests")
    failed = [line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
    by = failed[0].partition(" - ")[0] if failed else output.strip().splitlines()[-1]
    return Outcome(mutant, KILLED, by)


def _has_types(copy: Path) -> bool:
    """Whether mypy accepts the copy; a change that it rejects is never committed."""
    command = [sys.executable, "-m", "mypy", "--no-error-summary"]
    return subprocess.run(command, cwd=copy, capture_output=True, check=False).returncode == 0


def _environment(copy: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(copy), "HINDLOG_RECORDINGS": str(RECORDINGS)}
