"""Git history: every version of a file, at the time of its commit, without checking out.

Versions are listed by `git log` along the line of first parents and read from one
`git cat-file --batch`, oldest commit time first.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs

from eventlog.clock import SECOND
from eventlog.errors import Invalid, Unavailable
from fetcher.imports.files import Container, Recorded


@attrs.frozen
class _Version:
    at: int
    commit: str


def git_containers(paths: list[Path]) -> list[Container]:
    """The versions of each file. Raises `Invalid` for what is no file of a repository."""
    return [each for each in map(_container, paths) if each.count]


def _container(path: Path) -> Container:
    folder, name = path.resolve().parent, path.name
    while not folder.is_dir():  # the file may be gone, and its folder too
        folder, name = folder.parent, f"{folder.name}/{name}"
    prefix = _git(folder, "rev-parse", "--show-prefix").strip()
    listed = _git(folder, "log", "--first-parent", "--format=%ct %H", "--", name)
    versions = [
        _Version(int(time) * SECOND, commit)
        for time, commit in (line.split() for line in reversed(listed.splitlines()))
    ]
    versions.sort(key=lambda version: version.at)  # stable: ties stay in the order of commits
    if not versions:
        raise Invalid(f"{path}: git knows no commit of this file")
    inside = prefix + name
    return Container(
        versions[0].at, len(versions), lambda: _read(folder, inside, path.name, versions)
    )


def _read(folder: Path, inside: str, name: str, versions: list[_Version]) -> Iterator[Recorded]:
    """The bytes of every version; commits that removed the file are left out."""
    command = ["git", "-C", str(folder), "cat-file", "--batch"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        for version in versions:
            process.stdin.write(f"{version.commit}:{inside}\n".encode())
            process.stdin.flush()
            head = process.stdout.readline().split()
            if len(head) != 3 or head[1] != b"blob":
                continue
            body = process.stdout.read(int(head[2]))
            process.stdout.read(1)
            yield Recorded(version.at, name, None, body, version.commit)
        process.stdin.close()


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise Unavailable("git is not installed", "install git, or give files") from error
    if done.returncode != 0:
        raise Invalid(f"{folder}: {done.stderr.strip()}", "--time-from git needs a git work tree")
    return done.stdout
