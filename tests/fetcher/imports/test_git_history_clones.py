"""Git history in hostile surroundings: environment, merges, incomplete clones, odd names."""

import os
import subprocess
from pathlib import Path

import pytest

from eventlog.clock import HOUR
from eventlog.errors import HindlogError, Invalid
from fetcher.imports.files.decompress import DamagedRecording
from fetcher.imports.git_history import list_git_recordings
from fetcher.imports.recordings import RecordedResponse, merge_by_time
from tests.fetcher.imports.test_git_history import committed, git
from tests.fetcher.making import START


def read(*paths: Path) -> tuple[list[RecordedResponse], list[HindlogError]]:
    """Returns every version, and the errors of what is left out."""
    left_out: list[HindlogError] = []
    recordings = list_git_recordings(list(paths), left_out.append)
    return list(merge_by_time(recordings)), left_out


def bodies(*paths: Path) -> list[bytes]:
    versions, left_out = read(*paths)
    assert left_out == []
    return [version.body for version in versions]


def output(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode().strip()


def commit(folder: Path, name: str, body: bytes, hour: int) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(body)
    git(folder, "add", "-A", at=START)
    git(folder, "commit", "-q", "-m", "x", at=START + hour * HOUR)


def test_the_environment_and_the_configuration_of_the_user_have_no_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = committed(tmp_path / "work", [b"1", b"2"])
    committed(tmp_path / "other", [b"3"])
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[log]\nshowSignature = true\nfollow = true\n[diff]\nrelative = true\nrenames = copies\n"
        "[core]\nworktree = /nonexistent\n[grep]\nbroken"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("GIT_TRACE", "1")
    monkeypatch.setenv("GIT_GLOB_PATHSPECS", "1")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.bare")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")

    assert bodies(file) == [b"1", b"2"]


def test_the_configuration_of_the_repository_does_not_change_what_is_read(tmp_path: Path) -> None:
    file = committed(tmp_path / "work", [b"1", b"2"])
    for name in ("log.showSignature", "diff.relative", "log.follow", "core.quotePath"):
        git(tmp_path / "work", "config", name, "true")
    git(tmp_path / "work", "config", "log.showRoot", "false")

    assert bodies(file) == [b"1", b"2"]


def test_a_version_follows_those_it_was_made_from_although_all_have_one_time(
    tmp_path: Path,
) -> None:
    work = tmp_path / "work"
    file = committed(work, [b"1"])
    main = output(work, "symbolic-ref", "--short", "HEAD")
    git(work, "checkout", "-q", "-b", "side")
    for body in (b"2", b"3", b"4"):
        commit(work, "data/models.json", body, 0)
    git(work, "checkout", "-q", main)
    commit(work, "data/models.json", b"5", 0)
    git(work, "merge", "-q", "-s", "ours", "-m", "m", "side")

    assert "".join(body.decode() for body in bodies(file)) in ("12345", "15234")


def test_the_versions_are_those_that_were_committed_not_their_replacements(tmp_path: Path) -> None:
    work = tmp_path / "work"
    file = committed(work, [b"1", b"2"])
    git(
        work,
        "replace",
        output(work, "rev-parse", "HEAD^:data/models.json"),
        "HEAD:data/models.json",
    )

    assert bodies(file) == [b"1", b"2"]


def test_versions_behind_a_merge_are_imported_and_a_merge_only_if_it_differs(
    tmp_path: Path,
) -> None:
    work = tmp_path / "work"
    file = committed(work, [b"1"])
    main = output(work, "symbolic-ref", "--short", "HEAD")
    git(work, "checkout", "-q", "-b", "side")
    commit(work, "data/models.json", b"2", 1)
    commit(work, "data/models.json", b"3", 2)
    git(work, "checkout", "-q", main)
    commit(work, "data/models.json", b"4", 3)
    git(work, "merge", "-q", "--no-ff", "-s", "ours", "-m", "m", "side", at=START + 4 * HOUR)
    git(work, "checkout", "-q", "-b", "more")
    commit(work, "data/models.json", b"5", 5)
    git(work, "checkout", "-q", main)
    commit(work, "data/models.json", b"6", 6)
    git(work, "merge", "-q", "-s", "ours", "--no-commit", "more")
    commit(work, "data/models.json", b"7", 7)

    assert bodies(file) == [b"1", b"2", b"3", b"4", b"5", b"6", b"7"]
    assert [version.observed_at for version in read(file)[0]] == [
        START + hour * HOUR for hour in (0, 1, 2, 3, 5, 6, 7)
    ]


def lose(work: Path, revision: str) -> str:
    """Removes the blob of a revision; returns its commit."""
    blob = output(work, "rev-parse", f"{revision}:data/models.json")
    (work / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    return output(work, "rev-parse", revision)


def test_a_missing_blob_is_named_and_the_others_are_imported(tmp_path: Path) -> None:
    file = committed(tmp_path / "work", [b"1", b"2", b"3"])
    lost = lose(tmp_path / "work", "HEAD~1")

    versions, (error,) = read(file)

    assert [version.body for version in versions] == [b"1", b"3"]
    assert isinstance(error, DamagedRecording)
    assert f"1 of 3 versions are missing in this clone: of commit {lost[:12]}" in error.what


def test_a_damaged_blob_is_named_and_the_others_are_imported(tmp_path: Path) -> None:
    work = tmp_path / "work"
    file = committed(work, [b"1", b"2", b"3", b"4"])
    for revision in ("HEAD~1", "HEAD~2"):
        blob = output(work, "rev-parse", f"{revision}:data/models.json")
        path = work / ".git" / "objects" / blob[:2] / blob[2:]
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")

    versions, left_out = read(file)

    assert [version.body for version in versions] == [b"1", b"4"]
    assert len(left_out) == 2
    assert "git cannot read blob" in left_out[0].what


@pytest.mark.parametrize(
    ("options", "imported", "message"),
    [
        (("--depth", "2"), [b"2", b"3"], "a shallow clone"),
        (("--filter=blob:none", "--no-checkout"), [], "3 of 3 versions are missing in this clone"),
        (("--filter=tree:0", "--no-checkout"), [], "its history cannot be read"),
    ],
)
def test_an_incomplete_clone_is_named_and_fetches_nothing(
    tmp_path: Path, options: tuple[str, ...], imported: list[bytes], message: str
) -> None:
    work = tmp_path / "work"
    committed(work, [b"1", b"2", b"3"])
    git(work, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", *options, f"file://{work}", "copy")

    versions, (error,) = read(tmp_path / "copy" / "data" / "models.json")

    assert [version.body for version in versions] == imported
    assert isinstance(error, DamagedRecording)
    assert message in error.what
    assert "--depth and --filter" in (error.hint or "")


def test_signed_commits_are_read(tmp_path: Path) -> None:
    work = tmp_path / "work"
    file = committed(work, [b"1", b"2"])
    text = output(work, "cat-file", "commit", "HEAD")
    head, blank, message = text.partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
    signed = tmp_path / "signed"
    signed.write_text(f"{head}\n{signature}{blank}{message}\n")
    sha = output(work, "hash-object", "-t", "commit", "-w", str(signed))
    git(work, "reset", "-q", "--hard", sha)
    git(work, "config", "log.showSignature", "true")

    assert bodies(file) == [b"1", b"2"]


@pytest.mark.parametrize(
    "name", ["a\nb.json", "  a.json", "a.json ", ":(top)a*?[x].json", os.fsdecode(b"\xff.json")]
)
@pytest.mark.parametrize("folder", ["d", " d\n", "-d"])
def test_names_with_any_bytes_are_read(tmp_path: Path, name: str, folder: str) -> None:
    work = tmp_path / "work"
    committed(work, [b"1"])
    commit(work, f"{folder}/{name}", b"2", 1)
    commit(work, f"{folder}/{name}", b"3", 2)

    versions, left_out = read(work / folder / name)

    assert (left_out, [version.body for version in versions]) == ([], [b"2", b"3"])
    shown = os.fsencode(name).decode("utf-8", "backslashreplace")
    assert {version.file for version in versions} == {shown}


def test_a_folder_is_read_with_all_its_files_and_others_are_named(tmp_path: Path) -> None:
    work = tmp_path / "work"
    committed(work, [b"1", None])
    commit(work, "data/dump.ndjson", b"{}\n{}\n", 2)
    commit(work, "data/README.md", b"2", 3)
    (work / "data" / "link.json").symlink_to("dump.ndjson")
    commit(work, "data/dump.ndjson", b"{}\n", 4)

    versions, left_out = read(work / "data")

    assert [(version.file, version.body, version.first_line) for version in versions] == [
        ("data/models.json", b"1", None),
        ("data/dump.ndjson", b"{}\n{}\n", 1),
        ("data/dump.ndjson", b"{}\n", 1),
    ]
    assert [error.what.partition(":")[0] for error in left_out] == [
        "data/link.json",
        "data/README.md",
    ]


def test_the_whole_work_tree_is_read(tmp_path: Path) -> None:
    committed(tmp_path / "work", [b"1", b"2"])

    versions, left_out = read(tmp_path / "work")

    assert left_out == []
    assert [(version.file, version.body) for version in versions] == [
        ("data/models.json", b"1"),
        ("data/models.json", b"2"),
    ]


def test_a_path_without_history_does_not_end_the_others(tmp_path: Path) -> None:
    file = committed(tmp_path / "work", [b"1"])

    versions, left_out = read(tmp_path / "work" / "data" / "no.json", tmp_path, file)

    assert [version.body for version in versions] == [b"1"]
    assert ["git knows no commit" in left_out[0].what, "not a git" in left_out[1].what] == [
        True
    ] * 2


def test_a_repository_without_commits_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")

    with pytest.raises(Invalid, match="git knows no commit"):
        list_git_recordings([tmp_path / "x.json"])
