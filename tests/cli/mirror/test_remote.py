"""`-C` with the address of a bucket: every command that reads gives the bytes of the folder."""

import shutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from cli.mirror.remote import READING, cache_folder
from tests.cli.making import copy_archive, hindlog, spelled
from tests.cli.mirror import test_absent
from tests.cli.mirror.test_absent import BUILDING, A
from tests.cli.test_program import ALL, ARGUMENTS, WITHOUT_ARCHIVE
from tests.extent import few_or_all

REPORTING = {"config check", "config paths", "config show", "doctor", "segment list", "status"}
"""Commands that name folders or say that segments are absent; `verify` and `sync check`, too."""
COMPARED = {
    **test_absent.READING,
    "verify": [("verify",)],
    "sync check": [("sync", "check")],
    "view diff": [("view", "diff", "openrouter.models", "--definition", "DEFINITION")],
    "view update": [("view", "update")],
}
"""Commands whose output is compared."""


@pytest.fixture(scope="module")
def origin(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shared archive with the folder `bucket` beside it, everything pushed."""
    folder = tmp_path_factory.mktemp("origin")
    root = copy_archive(shared, folder / "a")
    (folder / "bucket").mkdir()
    with (root / "hindlog.toml").open("a") as toml:
        toml.write(f'[mirror]\nurl = "file://{folder}/bucket"\n')
    for words in (("segment", "seal", "--all"), ("sync", "push"), ("view", "update")):
        assert hindlog(*words, at=root).code == 0
    return root


@pytest.fixture(scope="module")
def cache(origin: Path) -> Path:
    """The user's cache, in which the bucket was read once and views were built."""
    folder = origin.parent / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        done = hindlog("-C", address_of(origin), "view", "update")
    assert done.code == 0 and "reading the manifests of file://" in done.err, done.err
    return folder


@pytest.fixture
def address(origin: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    yield address_of(origin)


def address_of(origin: Path) -> str:
    return f"file://{origin.parent}/bucket"


def test_every_command_that_reads_is_compared() -> None:
    assert {*COMPARED, *BUILDING, *REPORTING, "export"} == READING
    assert set(ALL) > READING


CALLS = [words for variants in COMPARED.values() for words in few_or_all(variants[:1], variants)]


@pytest.mark.parametrize("words", CALLS, ids=spelled)
def test_a_command_prints_the_same_bytes_from_the_bucket(
    origin: Path, address: str, tmp_path: Path, words: tuple[str, ...]
) -> None:
    if "DEFINITION" in words:
        definition = tmp_path / "models.sql"
        shutil.copy(definition_path(), definition)
        words = tuple(str(definition) if word == "DEFINITION" else word for word in words)
    expected = hindlog(*words, at=origin)
    shutil.rmtree(cache_folder(address) / "cache", ignore_errors=True)

    done = hindlog("-C", address, *words)
    assert (done.code, done.raw) == (expected.code, expected.raw), done.err
    assert done.code in (0, 6)


def definition_path() -> Path:
    import projector

    [file] = projector.__path__
    return Path(file) / "projections" / "openrouter" / "models.sql"


def test_an_export_is_the_same_from_the_bucket(origin: Path, address: str, tmp_path: Path) -> None:
    for at, name in ((str(origin), "local"), (address, "remote")):
        words = ("export", "openrouter.models", "--format", "csv", "--to", tmp_path / name)
        assert hindlog("-C", at, *words).code == 0

    local, remote = (sorted((tmp_path / name).rglob("*.csv")) for name in ("local", "remote"))
    assert [file.read_bytes() for file in local] == [file.read_bytes() for file in remote] != []


@pytest.mark.slow
@pytest.mark.parametrize("words", list(chain.from_iterable(BUILDING.values())), ids=spelled)
def test_views_are_built_from_the_bucket(
    origin: Path, address: str, words: tuple[str, ...]
) -> None:
    assert hindlog("-C", address, *words).raw == hindlog(*words, at=origin).raw


@pytest.mark.parametrize("name", sorted(REPORTING))
def test_a_command_that_reports_about_the_archive_runs(address: str, name: str) -> None:
    assert hindlog("-C", address, *name.split(), *ARGUMENTS[name]).code == 0


@pytest.mark.parametrize("name", sorted(set(ALL) - READING - set(WITHOUT_ARCHIVE)))
def test_a_command_that_writes_is_refused_and_says_how(address: str, name: str) -> None:
    before = sorted(Path(address.removeprefix("file://")).rglob("*"))
    done = hindlog("-C", address, *name.split(), *ARGUMENTS[name])

    assert done.code == 2 and f"{name} changes an archive, and {address} is read only" in done.err
    assert f"\n  hindlog init DIR --from {address}\n" in done.err
    assert sorted(Path(address.removeprefix("file://")).rglob("*")) == before


def test_a_tail_that_follows_is_refused(address: str) -> None:
    done = hindlog("-C", address, "tail", "-f")

    assert done.code == 2 and "tail --follow does not follow" in done.err


def test_offline_nothing_is_asked(
    origin: Path, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = hindlog("show", A, at=origin).raw
    assert hindlog("-C", address, "log").code == 0  # fetches all
    bucket = origin.parent / "bucket"
    bucket.rename(origin.parent / "away")
    try:
        assert hindlog("-C", address, "--offline", "show", A).raw == expected
        shutil.rmtree(cache_folder(address) / "cache")
        done = hindlog("-C", address, "--offline", "log")
        assert done.code == 7 and "--offline: the mirror is not asked" in done.err
        assert "needs " in done.err
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        done = hindlog("-C", address, "--offline", "log")
        assert done.code == 7 and "was not read from here before" in done.err
        assert list(tmp_path.iterdir()) == []
    finally:
        (origin.parent / "away").rename(bucket)


def test_the_variable_names_a_bucket_and_another_mirror_url_does_not_count(
    origin: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDLOG_ARCHIVE", f"{address}/")
    monkeypatch.setenv("HINDLOG_MIRROR_URL", "file:///elsewhere")
    shutil.rmtree(cache_folder(address) / "cache", ignore_errors=True)

    assert hindlog("log").raw == hindlog("log", at=origin).raw
    assert f"mirror.url\t{address}\t" in hindlog("config", "show", "--origin").out


def test_an_address_without_an_archive_is_an_error_of_use_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bucket").mkdir()

    for address, text in (
        (f"file://{tmp_path}/bucket", "no archive there"),
        (f"file://{tmp_path}/none", "no such folder"),
        ("s3://bucket", "mirror.endpoint_url is not set"),
        ("ftp://bucket", "expected a folder, s3://bucket/prefix"),
    ):
        done = hindlog("-C", address, "log")
        assert done.code == 2 and text in done.err, done.err
        assert not cache_folder(address).exists()
