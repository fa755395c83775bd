"""Git history: every version of a file is imported at the time of its commit."""

import subprocess
from pathlib import Path

import pytest

from eventlog.clock import HOUR, SECOND, format_us
from eventlog.errors import HindlogError, Invalid
from eventlog.format.event import PAGE
from eventlog.format.event_codec import decode
from eventlog.read.reader import read_stream
from fetcher.imports.git_history import list_git_recordings
from tests.fetcher.importing import import_into, models_list
from tests.fetcher.making import START, WRITER, lines, responses


def git(folder: Path, *arguments: str, at: int = START) -> None:
    stamp = f"{at // SECOND} +0200"
    env = {
        "GIT_COMMITTER_DATE": stamp,
        "GIT_AUTHOR_DATE": stamp,
        "HOME": str(folder),
        "PATH": "/usr/bin:/bin:/usr/local/bin",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, env=env
    )


def committed(folder: Path, bodies: list[bytes | None]) -> Path:
    (folder / "data").mkdir(parents=True)
    file = folder / "data" / "models.json"
    git(folder, "init", "-q")
    for number, body in enumerate(bodies):
        if body is None:
            file.unlink()
        else:
            file.write_bytes(body)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", str(number), at=START + number * HOUR)
    return file


def test_every_version_of_a_file_becomes_events_at_its_commit_time(tmp_path: Path) -> None:
    bodies = [models_list(("a/b", 1)), models_list(("a/b", 2)), None, models_list(("c/d", 3))]
    file = committed(tmp_path / "work", bodies)

    report = import_into(tmp_path / "log", [file], time_from="git")
    again = import_into(tmp_path / "log", [file], time_from="git")

    assert (report.pages, again.already) == (3, 3)
    assert list(responses(tmp_path / "log", "openrouter")) == [body for body in bodies if body]
    pages = [line for line in lines(tmp_path / "log", "openrouter") if line.kind == PAGE]
    assert [page.observed_at for page in pages] == [
        format_us(START + number * HOUR) for number in (0, 1, 3)
    ]


def test_versions_are_read_where_a_pipe_cannot_be_enlarged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr("fetcher.imports.git_history.fcntl.fcntl", refuse)
    bodies = [models_list((f"a/{number}", 1)) for number in range(3)]
    (recording,) = list_git_recordings([committed(tmp_path, [*bodies])])

    assert [recorded.body for recorded in recording.open()] == bodies


def test_provenance_names_file_and_commit(tmp_path: Path) -> None:
    file = committed(tmp_path / "work", [models_list(("a/b", 1))])

    import_into(tmp_path / "log", [file], time_from="git")

    raw = [record.line for record in read_stream(tmp_path / "log", "openrouter", WRITER)]
    page = next(line for line in raw if decode(line).kind == PAGE)
    assert b'"import":{"file":"models.json","commit":"' in page


def test_the_history_of_a_removed_file_is_imported(tmp_path: Path) -> None:
    file = committed(tmp_path / "work", [models_list(("a/b", 1)), None])

    assert import_into(tmp_path / "log", [file], time_from="git").pages == 1


def test_a_file_without_commits_is_an_error(tmp_path: Path) -> None:
    committed(tmp_path / "work", [models_list(("a/b", 1))])

    with pytest.raises(Invalid):
        import_into(tmp_path / "log", [tmp_path / "work" / "other.json"], time_from="git")


def test_versions_of_the_future_are_left_out_or_refused(tmp_path: Path) -> None:
    file = committed(tmp_path / "work", [models_list(("a/b", 1)), models_list(("a/b", 2))])
    left_out: list[HindlogError] = []

    (recording,) = list_git_recordings([file], left_out.append, lambda: START)

    assert [response.observed_at for response in recording.open()] == [START]
    assert [error.what.partition(": ")[2][:22] for error in left_out] == ["the time is in the fut"]
    with pytest.raises(Invalid, match="in the future"):
        list_git_recordings([file], None, lambda: START)
