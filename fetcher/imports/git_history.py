"""Git history: every version of a file with the time of its commit, without a checkout.

    git rev-list ── commits ──> git diff-tree ── versions ──> git cat-file --batch

A version is a content that differs from that of every parent of its commit, on any branch
that was merged into the checked-out commit. The environment's `GIT_*` and the configuration
of user and machine have no effect, and nothing is fetched from a remote.
"""

import contextlib
import fcntl
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from eventlog.clock import SECOND, Clock, now_us
from eventlog.errors import HindlogError, Invalid, NotFound, Unavailable
from fetcher.imports.files.decompress import DamagedRecording
from fetcher.imports.files.input_files import OnLeftOut
from fetcher.imports.files.kinds import EXPECTED_SUFFIXES, kind_of_name
from fetcher.imports.files.packs import readable_name
from fetcher.imports.name_time import check_observed_at
from fetcher.imports.recordings import RecordedResponse, Recording, content_responses

_CLONE_HINT = "clone the repository in full: without --depth and --filter"
_SETTINGS = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_NO_MODE = b"000000"
_PIPE_BYTES = 1024 * 1024  # the most that Linux allows every user by default
_MAX_NAMES = 5
"""Number of commits that a message names."""


@attrs.frozen
class _Repository:
    folder: Path
    """A folder in its work tree."""
    pathspec: bytes
    """The given path, relative to the folder."""
    path: bytes
    """The given path, relative to the root of the work tree."""


@attrs.frozen
class _Version:
    at: int
    """Commit time in microseconds."""
    commit: str
    blob: str
    path: bytes
    """Path in the repository."""
    is_file: bool


def list_git_recordings(
    paths: list[Path], on_left_out: OnLeftOut | None = None, now: Clock = now_us
) -> list[Recording]:
    """Returns one recording per path, with all versions of the file or of the folder's files.

    What is left out is passed to `on_left_out`: paths without a commit, versions that the
    clone lacks, and those whose time is before 1970 or after `now`. Without `on_left_out` it
    raises `Invalid`. Raises `Unavailable` if git is not installed.
    """
    recordings = []
    for path in paths:
        try:
            recordings.append(_recording(path, on_left_out or _refuse, now()))
        except Unavailable:
            raise
        except HindlogError as error:
            (on_left_out or _refuse)(error)
    return [recording for recording in recordings if recording.count]


def _refuse(error: HindlogError) -> None:
    raise error


def _recording(path: Path, report: OnLeftOut, now: int) -> Recording:
    shown = readable_name(str(path))
    repository = _repository(path)
    versions = _versions(repository, shown, report)
    if not versions:
        raise Invalid(f"{shown}: git knows no commit of this file")
    if _git(repository, "rev-parse", "--is-shallow-repository").strip() == b"true":
        what = f"{shown}: a shallow clone: earlier versions are missing, and its first may be older"
        report(DamagedRecording(what, _CLONE_HINT))
    versions = _known_kinds(repository, _present(repository, versions, shown, report), report)
    timed = [version for version in versions if _has_valid_time(version, shown, report, now)]
    timed.sort(key=lambda version: version.at)  # stable: ties keep the order of the history
    first_at = timed[0].at if timed else 0
    return Recording(first_at, len(timed), lambda: _read(repository, timed, report))


def _repository(path: Path) -> _Repository:
    """Returns the repository of a path. Raises `Invalid` if it is in none, or has no commit."""
    folder, names = path.resolve(), list[str]()
    while not folder.is_dir():  # both the file and its folder may have been removed
        folder, names = folder.parent, [folder.name, *names]
    pathspec = os.fsencode("/".join(names) or ".")
    repository = _Repository(folder, pathspec, pathspec)
    prefix = _git(repository, "rev-parse", "--show-prefix").removesuffix(b"\n")
    try:
        _git(repository, "rev-parse", "--verify", "HEAD^{commit}")
    except Invalid as error:
        raise Invalid(f"{readable_name(str(path))}: git knows no commit of this file") from error
    return attrs.evolve(repository, path=prefix + pathspec if names else prefix.rstrip(b"/"))


def _versions(repository: _Repository, shown: str, report: OnLeftOut) -> list[_Version]:
    """Returns all versions of files, parents first; reports links and submodules.

    Raises `DamagedRecording` if a commit is missing.
    """
    try:
        listed = _git(
            *(repository, "rev-list", "--full-history", "--topo-order", "--reverse"),
            *("--timestamp", "HEAD", "--", repository.pathspec),
        )
        times = {commit: time for time, commit in map(bytes.split, listed.splitlines())}
        compared = _git(
            *(repository, "diff-tree", "--stdin", "--root", "-r", "-c", "--raw", "-z"),
            *("--no-renames", "--no-relative", "--no-abbrev", "--", repository.pathspec),
            stdin=b"\n".join(times) + b"\n",
        )
    except Invalid as error:
        what = f"{shown}: its history cannot be read: {error.what}"
        raise DamagedRecording(what, _CLONE_HINT) from error
    versions = list(_parse(compared, times))
    others = {version.path for version in versions if not version.is_file}
    for path in sorted(others):
        report(Invalid(f"{readable_name(os.fsdecode(path))}: a symbolic link or a submodule"))
    return [version for version in versions if version.is_file]


def _parse(compared: bytes, times: dict[bytes, bytes]) -> Iterator[_Version]:
    """Yields the versions in the output of `diff-tree --stdin --raw -z`.

    A line consists of a colon per parent, the modes and blobs of the parents and then of the
    commit, and letters; a path follows.
    """
    commit = b""
    parts = iter(compared.split(b"\0"))
    for part in parts:
        if not part.startswith(b":"):
            commit = part.strip() or commit
            continue
        path = next(parts)
        parent_count = len(part) - len(part.lstrip(b":"))
        fields = part.lstrip(b":").split()
        mode, blob = fields[parent_count], fields[2 * parent_count + 1]
        at = int(times[commit]) * SECOND
        if mode != _NO_MODE:  # the commit removes it
            yield _Version(at, commit.decode(), blob.decode(), path, mode.startswith(b"100"))


def _present(
    repository: _Repository, versions: Sequence[_Version], shown: str, report: OnLeftOut
) -> list[_Version]:
    """Returns the versions whose content is in the clone; reports the others."""
    listed = _git(
        *(repository, "rev-list", "--objects", "--no-object-names", "--missing=print"),
        *("--full-history", "HEAD", "--", repository.pathspec),
    )
    missing = {line[1:].decode() for line in listed.split() if line.startswith(b"?")}
    lost = [version.commit[:12] for version in versions if version.blob in missing]
    if lost:
        more = f" and {len(lost) - _MAX_NAMES} more" if len(lost) > _MAX_NAMES else ""
        commits = ", ".join(lost[:_MAX_NAMES]) + more
        what = f"{shown}: {len(lost)} of {len(versions)} versions are missing in this clone"
        report(DamagedRecording(f"{what}: of commit {commits}", _CLONE_HINT))
    return [version for version in versions if version.blob not in missing]


def _known_kinds(
    repository: _Repository, versions: list[_Version], report: OnLeftOut
) -> list[_Version]:
    """Returns the versions of files with a known suffix, or of the given file; reports others."""
    paths = dict.fromkeys(version.path for version in versions)
    if repository.path in paths:
        return versions
    others = [path for path in paths if kind_of_name(os.fsdecode(path)) is None]
    if others:
        names = ", ".join(readable_name(os.fsdecode(path)) for path in others)
        report(NotFound(f"{names}: not named {EXPECTED_SUFFIXES}"))
    return [version for version in versions if version.path not in others]


def _has_valid_time(version: _Version, shown: str, report: OnLeftOut, now: int) -> bool:
    """Returns whether a version has a valid time; otherwise it is reported."""
    try:
        check_observed_at(version.at, now)
    except Invalid as error:
        report(Invalid(f"{shown} of commit {version.commit[:12]}: {error.what}", error.hint))
        return False
    return True


def _read(
    repository: _Repository, versions: Sequence[_Version], report: OnLeftOut
) -> Iterator[RecordedResponse]:
    """Yields every version; those that cannot be read are reported."""
    above = repository.path[: repository.path.rfind(b"/") + 1]
    unread = list(reversed(versions))
    while unread:
        for version, content in _contents(repository, unread):
            name = readable_name(os.fsdecode(version.path.removeprefix(above)))
            empty = RecordedResponse(version.at, name, None, b"", version.commit)
            try:
                yield from content_responses(empty, name, content)
            except HindlogError as error:
                reason = f"{error.what} (commit {version.commit[:12]})"
                report(type(error)(reason, error.hint))
        if unread:  # git ended: it cannot read this object
            version = unread.pop()
            name = readable_name(os.fsdecode(version.path.removeprefix(above)))
            reason = f"{name} of commit {version.commit[:12]}: git cannot read blob {version.blob}"
            report(DamagedRecording(reason, _CLONE_HINT))


def _contents(repository: _Repository, unread: list[_Version]) -> Iterator[tuple[_Version, bytes]]:
    """Yields the versions at the end of a list with their bytes, and removes them from it.

    Ends early, with the version in question still in the list, if git cannot read it. Git reads
    the next version while the caller processes this one.
    """
    command = [*_command(repository), "cat-file", "--batch"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        _enlarge_pipe(process.stdout.fileno())
        requests = iter([f"{version.blob}\n".encode() for version in reversed(unread)])
        try:
            os.write(process.stdin.fileno(), next(requests, b""))
            while unread:
                os.write(process.stdin.fileno(), next(requests, b""))
                head = process.stdout.readline().split()
                if len(head) != 3:
                    return
                content = process.stdout.read(int(head[2]))
                if len(content) < int(head[2]):
                    return
                process.stdout.read(1)
                yield unread.pop(), content
        except BrokenPipeError:
            return
        finally:
            process.kill()


def _enlarge_pipe(handle: int) -> None:
    """Makes room for a version in a pipe, so that git need not wait until it is read."""
    with contextlib.suppress(AttributeError, OSError):  # other systems; the limit of a user
        fcntl.fcntl(handle, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _git(repository: _Repository, *arguments: str | bytes, stdin: bytes = b"") -> bytes:
    """Returns the output of a git command. Raises `Invalid` if it fails."""
    try:
        done = subprocess.run(
            [*_command(repository), *arguments],
            capture_output=True,
            input=stdin,
            check=False,
            env=_environment(),
        )
    except FileNotFoundError as error:
        raise Unavailable("git is not installed", "install git, or give files") from error
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "backslashreplace").strip()
        folder = readable_name(str(repository.folder))
        raise Invalid(f"{folder}: {reason}", "--time-from git needs a git work tree")
    return done.stdout


def _command(repository: _Repository) -> list[str]:
    return ["git", "-C", str(repository.folder), "-c", "safe.directory=*"]


def _environment() -> dict[str, str]:
    """Returns the environment without any `GIT_*` but our own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | _SETTINGS
