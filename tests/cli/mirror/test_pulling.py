"""`sync pull` and `init --from`: what users see, and the exit codes."""

import shutil
from pathlib import Path

import pytest

from cli.mirror import pulling
from eventlog.format.paths import sealed_path
from tests.cli.making import hindlog, new_archive
from tests.cli.mirror.making import pushed_archive
from tests.eventlog.making import OTHER
from tests.eventlog.mirror.buckets import add_hour, sealed_files


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """An archive with two sealed hours, which were pushed to `bucket`."""
    return pushed_archive(tmp_path)


def test_init_from_a_bucket_makes_the_same_archive(origin: Path, tmp_path: Path) -> None:
    new, url = tmp_path / "new", f"file://{tmp_path}/bucket"
    done = hindlog("init", new, "--from", url)

    assert (done.code, done.out) == (0, "") and "pulled 2 manifests, 2 segments, " in done.err
    assert f"if this is interrupted, continue: hindlog -C {new} sync pull" in done.err
    assert sealed_files(new) == sealed_files(origin)
    assert hindlog("log", at=new).out == hindlog("log", at=origin).out != ""
    assert hindlog("verify", at=new).code == 0 and hindlog("config", "check", at=new).code == 0
    assert f'\nurl = "{url}"\n' in (new / "hindlog.toml").read_text()
    add_hour(origin, 2)
    hindlog("sync", "push", at=origin)
    assert "pulled 1 manifest, 1 segment, " in hindlog("sync", "pull", at=new).err
    assert sealed_files(new) == sealed_files(origin)


def test_init_takes_the_bucket_that_is_named_and_not_that_of_the_environment(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("HINDLOG_MIRROR_URL", f"file://{tmp_path}/bucket")
    refused = hindlog("init", tmp_path / "none", "--from", f"file://{tmp_path}/empty")
    monkeypatch.setenv("HINDLOG_MIRROR_URL", f"file://{tmp_path}/empty")
    done = hindlog("init", tmp_path / "new", "--from", f"file://{tmp_path}/bucket")

    assert refused.code == 2 and f"file://{tmp_path}/empty: no archive there" in refused.err
    assert not (tmp_path / "none").exists()
    assert done.code == 0 and sealed_files(tmp_path / "new") == sealed_files(origin)


def test_init_from_nothing_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    for url in (f"file://{tmp_path}/bucket", f"file://{tmp_path}/none", "bucket"):
        done = hindlog("init", tmp_path / "new", "--from", url)
        assert done.code == 2 and "sync pull" not in done.err and "mkdir" not in done.err
        assert not (tmp_path / "new").exists()
        assert not (tmp_path / "none").exists()
    assert "none: no such folder\n  expected the mirror.url of an archive" in (
        hindlog("init", tmp_path / "new", "--from", f"file://{tmp_path}/none").err
    )
    (tmp_path / "new").mkdir()
    assert hindlog("init", tmp_path / "new", "--from", f"file://{tmp_path}/bucket").code == 2
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "new" / "x").touch()
    assert hindlog("init", tmp_path / "new", "--from", f"file://{tmp_path}/bucket").code == 8


def test_a_missing_object_is_code_3_and_absent_segments_are_no_damage(
    origin: Path, tmp_path: Path
) -> None:
    [path] = (tmp_path / "bucket").glob(f"log/*/*/*{OTHER}*.zst")
    path.rename(tmp_path / "kept")
    done = hindlog("init", tmp_path / "new", "--from", f"file://{tmp_path}/bucket")

    assert done.code == 3 and "missing in the bucket: log/" in done.err
    verified = hindlog("verify", at=tmp_path / "new")
    assert verified.code == 0
    assert "in the mirror only: 1 segment: hindlog sync pull" in verified.err
    refused = hindlog("log", at=tmp_path / "new")
    assert refused.code == 4 and "missing in the mirror now\n  hindlog sync check" in refused.err
    (tmp_path / "kept").rename(path)
    assert hindlog("sync", "pull", at=tmp_path / "new").code == 0
    assert hindlog("log", at=tmp_path / "new").code == 0


def test_other_bytes_and_other_events_are_code_4(origin: Path, tmp_path: Path) -> None:
    [path] = (tmp_path / "bucket").glob(f"log/*/*/*{OTHER}*.zst")
    path.chmod(0o644)
    path.write_bytes(b"other")
    done = hindlog("init", tmp_path / "new", "--from", f"file://{tmp_path}/bucket")
    assert done.code == 4 and path.name in done.err

    clash = new_archive(tmp_path / "clash", (origin / "hindlog.toml").read_text())
    add_hour(clash, 0, rows=5)
    assert hindlog("sync", "pull", at=clash).code == 2
    joined = hindlog("sync", "pull", "--join", at=clash)
    assert joined.code == 4 and "left out: " in joined.err


def test_a_deleted_file_comes_back(origin: Path, tmp_path: Path) -> None:
    name = add_hour(origin, 3)
    hindlog("sync", "push", at=origin)
    good = sealed_path(origin, name).read_bytes()
    sealed_path(origin, name).unlink()

    assert hindlog("sync", "pull", at=origin).code == 0
    assert sealed_path(origin, name).read_bytes() == good
    shutil.rmtree(origin / "state")
    assert hindlog("sync", "push", at=origin).code == 0


def test_the_options_of_a_pull_limit_the_files_and_not_the_manifests(
    origin: Path, tmp_path: Path
) -> None:
    new, url = tmp_path / "new", f"file://{tmp_path}/bucket"
    lines = hindlog("log", at=origin).out
    done = hindlog("init", new, "--from", url, "--manifests")
    assert done.code == 0 and f"hindlog -C {new} sync pull --manifests" in done.err
    expected = (
        "pulled 2 manifests, 0 segments, 0.0 kB;"
        " only in the mirror, and fetched when read: 2 segments\n"
    )
    assert expected in done.err and not list(new.rglob("*.zst"))

    def planned(*words: str) -> str:
        return hindlog("sync", "pull", "--dry-run", *words, at=new).err.splitlines()[-1]

    assert "would pull 0 manifests, 2 segments, " in planned()
    stay = "; only in the mirror, and fetched when read: "
    assert f"would pull 0 manifests, 0 segments, 0.0 kB{stay}2 segments" in planned("--manifests")
    since = planned("--since", "2026-11-21T06")
    assert "1 segment, " in since
    assert f"{stay}1 segment before 2026-11-21T06:00:00Z" in since
    assert not list(new.rglob("*.zst"))
    assert hindlog("log", at=new).out == lines and not list((new / "log").rglob("*.zst"))
    cached = {path.stat().st_ino for path in (new / "cache").rglob("*.zst")}
    (tmp_path / "bucket" / "log").rename(tmp_path / "away")
    assert hindlog("sync", "pull", "--until", "2026-11-21T06", at=new).code == 0
    [path] = (new / "log").rglob("*.zst")
    assert path.stat().st_ino in cached  # a file of the cache is not fetched again
    refused = hindlog("sync", "pull", "--source", "nobody", at=new)
    assert refused.code == 2 and "--source nobody: expected one of openrouter" in refused.err
    assert hindlog("sync", "pull", "--manifests", "--since", "1h", at=new).code == 2
    assert hindlog("init", tmp_path / "other", "--manifests").code == 2


def test_init_from_a_bucket_that_cannot_be_reached_gives_up_soon_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "FIRST_S", 0.0)
    monkeypatch.setenv("HINDLOG_MIRROR_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    done = hindlog("init", tmp_path / "new", "--from", "s3://bucket/prefix")

    assert done.code == 7 and "sync pull" not in done.err
    assert not (tmp_path / "new").exists()
