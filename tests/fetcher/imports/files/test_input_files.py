"""Input files: links are followed, pipes are read, everything else is reported."""

import io
import os
import sys
import threading
from pathlib import Path

import pytest

from eventlog.errors import HindlogError, NotFound
from fetcher.imports.files.input_files import InputFile, find_input_files
from tests.fetcher.importing import write_files


def find(*paths: Path) -> tuple[list[InputFile], list[HindlogError]]:
    left_out: list[HindlogError] = []
    files = list(find_input_files(paths, left_out.append))
    return files, left_out


def names(*paths: Path) -> list[str]:
    return [file.name for file in find(*paths)[0]]


def test_links_to_files_and_folders_are_followed(tmp_path: Path) -> None:
    write_files(tmp_path / "other" / "deep", {"1.json": b"{}", "2.JSON": b"{}"})
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "linked").symlink_to(tmp_path / "other")
    (folder / "3.json").symlink_to(tmp_path / "other" / "deep" / "1.json")

    assert names(folder) == ["in/3.json", "in/linked/deep/1.json", "in/linked/deep/2.JSON"]


def test_a_loop_of_links_and_a_link_to_nothing_are_reported(tmp_path: Path) -> None:
    write_files(tmp_path / "in", {"1.json": b"{}"})
    (tmp_path / "in" / "a" / "b").mkdir(parents=True)
    (tmp_path / "in" / "a" / "b" / "up").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "lost.json").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "in" / "pipe.json")

    files, left_out = find(tmp_path / "in")

    assert [file.name for file in files] == ["in/1.json"]
    assert [error.what.rpartition("/")[2] for error in left_out] == [
        "up: a link to a folder that contains it",
        "loop: a link to a folder that contains it",
        "lost.json: a link to nothing",
        "pipe.json: neither a file nor a folder",
    ]


def test_many_files_of_other_kinds_are_reported_together(tmp_path: Path) -> None:
    write_files(tmp_path / "in", {f"{number:02}.zip": b"" for number in range(25)})

    files, (error,) = find(tmp_path / "in")

    assert files == []
    assert error.what.startswith("in/00.zip, in/01.zip, ")
    assert " and 5 more: not named .json" in error.what


def test_a_missing_path_does_not_end_the_others(tmp_path: Path) -> None:
    (file,) = write_files(tmp_path, {"1.json": b"{}"})

    files, (error,) = find(tmp_path / "nothing", file)

    assert [file.name for file in files] == ["1.json"]
    assert isinstance(error, NotFound)


def test_an_empty_folder_does_not_end_the_others_and_is_named(tmp_path: Path) -> None:
    (file,) = write_files(tmp_path, {"1.json": b"{}"})
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    (tmp_path / "empty" / ".hidden.json").touch()

    files, (error,) = find(tmp_path / "empty", file)

    assert [file.name for file in files] == ["1.json"]
    assert isinstance(error, NotFound) and error.what.endswith("empty: contains no files")


def test_a_pipe_is_read_once_and_recognised_by_its_content(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b'{"id":1}\n{"id":2}\n',))
    writer.start()

    ((file,), left_out) = find(pipe)
    writer.join()

    assert (file.name, file.kind.structure, file.mtime, left_out) == ("pipe", "lines", None, [])
    assert file.path.read_bytes() == b'{"id":1}\n{"id":2}\n'


def test_stdin_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"data":[]}')))

    files, left_out = find(Path("-"), Path("-"))

    assert [(file.name, file.path.read_bytes()) for file in files] == [("-", b'{"data":[]}')]
    assert [error.what for error in left_out] == ["-: stdin is named twice"]


def test_a_device_is_not_read() -> None:
    files, (error,) = find(Path(os.devnull))

    assert (files, error.what) == ([], "null: neither a file, a folder nor a pipe")
