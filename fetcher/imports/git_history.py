"""Git history: every version of a file with the time of its commit, without a checkout.

`git log` lists the versions along the first parents; one `git cat-file --batch` process
reads them, oldest commit time first.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs

from eventlog.clock import SECOND, Clock, now_us
from eventlog.errors import Invalid, Unavailable
from fetcher.imports.name_time import check_observed_at
from fetcher.imports.recordings import OnSkip, RecordedResponse, Recording


@attrs.frozen
class _Commit:
    at: int
    """Commit time in microseconds."""
    sha: str


def list_git_recordings(
    paths: list[Path], on_skip: OnSkip | None = None, now: Clock = now_us
) -> list[Recording]:
    """Returns one recording per file, with all its versions.

    Versions whose time is before 1970 or after `now` are skipped and passed to `on_skip`;
    without `on_skip` they raise `Invalid`. Raises `Invalid` for a path that is not in a
    repository or has no commit, `Unavailable` if git is not installed.
    """
    recordings = [_recording(path, on_skip, now()) for path in paths]
    return [recording for recording in recordings if recording.count]


def _recording(path: Path, on_skip: OnSkip | None, now: int) -> Recording:
    folder, name = path.resolve().parent, path.name
    while not folder.is_dir():  # both the file and its folder may have been removed
        folder, name = folder.parent, f"{folder.name}/{name}"
    prefix = _git(folder, "rev-parse", "--show-prefix").strip()
    log = _git(folder, "log", "--first-parent", "--format=%ct %H", "--", name)
    commits = [
        _Commit(int(time) * SECOND, sha)
        for time, sha in (line.split() for line in reversed(log.splitlines()))
    ]
    commits.sort(key=lambda commit: commit.at)  # stable: ties keep the order of the history
    if not commits:
        raise Invalid(f"{path}: git knows no commit of this file")
    path_in_repository = prefix + name
    commits = [commit for commit in commits if _has_valid_time(commit, path, on_skip, now)]
    return Recording(
        commits[0].at if commits else 0,
        len(commits),
        lambda: _read(folder, path_in_repository, path.name, commits),
    )


def _has_valid_time(commit: _Commit, path: Path, on_skip: OnSkip | None, now: int) -> bool:
    """Returns whether a version has a valid time; otherwise it is passed to `on_skip`."""
    try:
        check_observed_at(commit.at, now)
    except Invalid as error:
        message = f"{path} of commit {commit.sha[:12]}: {error.what}"
        if on_skip is None:
            raise Invalid(message, error.hint) from error
        on_skip(message)
        return False
    return True


def _read(
    folder: Path, path_in_repository: str, name: str, commits: list[_Commit]
) -> Iterator[RecordedResponse]:
    """Yields every version of a file; commits that removed the file are skipped."""
    command = ["git", "-C", str(folder), "cat-file", "--batch"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        for commit in commits:
            process.stdin.write(f"{commit.sha}:{path_in_repository}\n".encode())
            process.stdin.flush()
            head = process.stdout.readline().split()
            if len(head) != 3 or head[1] != b"blob":
                continue
            body = process.stdout.read(int(head[2]))
            process.stdout.read(1)
            yield RecordedResponse(commit.at, name, None, body, commit.sha)
        process.stdin.close()


def _git(folder: Path, *arguments: str) -> str:
    """Returns the output of a git command."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise Unavailable("git is not installed", "install git, or give files") from error
    if done.returncode != 0:
        raise Invalid(f"{folder}: {done.stderr.strip()}", "--time-from git needs a git work tree")
    return done.stdout
