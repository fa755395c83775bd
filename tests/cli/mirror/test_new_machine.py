"""A new machine has the same archive from the bucket, with hindlog or with rclone alone.

And `state/` may be deleted at any time: nothing is sent again, and nothing else changes.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.making import hindlog, new_archive
from tests.eventlog.mirror.buckets import sealed_files
from tests.eventlog.stores.places import new_name
from tests.object_store.environment import rclone_program
from tests.object_store.server import BUCKET, KEYS, ObjectServer

VIEWS = ("openrouter.models", "civitai.models", "log.events", "log.sightings", "log.pages")
KEY = "test:tester"


@pytest.fixture
def origin(archive: Path, object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive whose log is sealed, pushed to a real S3 server."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS[KEY])
    monkeypatch.setenv("AWS_ENDPOINT_URL", object_server.url())
    url = f"s3://{BUCKET}/{new_name()}"
    mirror = f'[mirror]\nurl = "{url}"\nendpoint_url = "{object_server.url()}"\n'
    (archive / "hindlog.toml").write_text(mirror)
    for words in (("segment", "seal"), ("sync", "push")):
        done = hindlog(*words, at=archive)
        assert done.code == 0, done.err
    return archive


def url_of(root: Path) -> str:
    lines = (root / "hindlog.toml").read_text().splitlines()
    return next(line.split('"')[1] for line in lines if line.startswith("url = "))


def log_hashes(root: Path) -> dict[str, str]:
    """Returns the SHA-256 of what `sha256sum log/*/*/*` names."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (root / "log").glob("*/*/*")
        if not path.name.startswith(".")
    }


def view_hashes(root: Path) -> dict[str, str]:
    """Returns number and hash of the rows of each view."""
    return {
        view: hindlog("sql", f"SELECT count(*), bit_xor(hash(v)) FROM {view} v", at=root).out
        for view in VIEWS
    }


def reports(root: Path) -> list[str]:
    gaps = hindlog("gaps", "--since", "2026-10-01", "--json", at=root)
    return [gaps.out, hindlog("log", at=root).out]


@pytest.mark.slow
def test_a_new_machine_has_equal_files_views_and_gaps(origin: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    done = hindlog("init", new, "--from", url_of(origin))
    assert done.code == 0, done.err
    for root in (origin, new):
        assert hindlog("view", "update", at=root).code == 0

    assert log_hashes(new) == log_hashes(origin) != {}
    assert view_hashes(new) == view_hashes(origin)
    assert all("\n0\t" not in rows for rows in view_hashes(new).values())
    assert reports(new) == reports(origin)
    assert hindlog("verify", at=new).code == 0


@pytest.mark.slow
def test_rclone_alone_copies_a_log_that_passes_verify(
    origin: Path, object_server: ObjectServer, tmp_path: Path
) -> None:
    new = new_archive(tmp_path / "new")
    settings = {
        "TYPE": "s3",
        "PROVIDER": "Other",
        "ACCESS_KEY_ID": KEY,
        "SECRET_ACCESS_KEY": KEYS[KEY],
        "ENDPOINT": object_server.url(),
        "REGION": "auto",
        "FORCE_PATH_STYLE": "true",
    }
    env = os.environ | {f"RCLONE_CONFIG_R_{name}": value for name, value in settings.items()}
    bucket = f"r:{url_of(origin).removeprefix('s3://')}/log"
    command = [rclone_program(), "--config", "/dev/null", "copy", bucket, new / "log"]
    subprocess.run(command, env=env, check=True)

    assert log_hashes(new) == log_hashes(origin)
    done = hindlog("verify", at=new)
    assert done.code == 0, done.err
    assert hindlog("log", at=new).out == hindlog("log", at=origin).out


def test_without_state_nothing_changes_and_nothing_is_sent_again(
    archive: Path, tmp_path: Path
) -> None:
    (tmp_path / "bucket").mkdir()
    mirror = f'[mirror]\nurl = "file://{tmp_path}/bucket"\n'
    (archive / "hindlog.toml").write_text(mirror)
    assert hindlog("segment", "seal", at=archive).code == 0
    assert hindlog("sync", "push", at=archive).code == 0
    objects = stamps(tmp_path / "bucket")
    before, files = reports(archive), sealed_files(archive)

    for words in (("push",), ("pull",), ("check", "--read", "1/1"), ("push",)):
        shutil.rmtree(archive / "state")
        done = hindlog("sync", *words, at=archive)
        assert done.code == 0, done.err
        assert stamps(tmp_path / "bucket") == objects
        assert sealed_files(archive) == files
    assert reports(archive) == before
    assert "nothing to push" in hindlog("sync", "push", at=archive).err


def stamps(bucket: Path) -> dict[str, tuple[int, int]]:
    """Returns inode and timestamp of every object: an object that is put again has others."""
    return {
        path.as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in bucket.rglob("*")
        if path.is_file()
    }
