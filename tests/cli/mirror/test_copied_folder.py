"""A folder that was copied and separated from its origin: both go on, and no stream forks."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.making import hindlog
from tests.cli.mirror.making import mirrored_archive
from tests.cli.upstream import item, models, toml_of, upstream
from tests.eventlog.mirror.buckets import check_laws


@pytest.mark.parametrize("is_sealed", [True, False], ids=["sealed", "copied while open"])
def test_both_folders_crawl_import_seal_and_push(tmp_path: Path, is_sealed: bool) -> None:
    origin, copy = mirrored_archive(tmp_path), tmp_path / "b"
    with upstream(answer) as (address, _):
        with (origin / "hindlog.toml").open("a") as toml:
            toml.write(toml_of(address))
        work(origin)
        if is_sealed:
            seal_and_push(origin)
        shutil.copytree(origin, copy)
        done = hindlog("sync", "push", "--as-new", *([] if is_sealed else ["--join"]), at=copy)
        for root in (copy, origin, copy, origin):
            work(root)
            seal_and_push(root)

    assert done.code == 0, done.err
    assert ("stays open here: " in done.err) != is_sealed
    bucket = tmp_path / "bucket"
    objects = {
        path.relative_to(bucket).as_posix(): path.read_bytes()
        for path in bucket.rglob("*")
        if path.is_file()
    }
    streams = {stream.rpartition("/")[2] for stream in check_laws(objects)}
    assert len(streams) == 4  # a crawler and an editor of the queue in each folder
    assert hindlog("sync", "check", "--read", "1/1", at=copy).code == 0
    assert hindlog("init", tmp_path / "new", "--from", f"file://{bucket}").code == 0
    assert hindlog("verify", at=tmp_path / "new").code == 0


def answer(origin: str, path: str) -> tuple[int, Any]:
    return (200, item(1)) if path.startswith("/models/") else models(origin, path)


def work(root: Path) -> None:
    """Writes streams of two roles."""
    assert hindlog("fetch", "add", "civitai", "model", "1", at=root).code == 0
    done = hindlog("fetch", "run", "--once", at=root)
    assert done.code == 0, done.err


def seal_and_push(root: Path) -> None:
    for words in (("segment", "seal", "--all"), ("sync", "push")):
        done = hindlog(*words, at=root)
        assert done.code == 0, done.err
