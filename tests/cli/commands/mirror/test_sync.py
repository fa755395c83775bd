"""`sync push`: what users see, and the exit codes."""

import asyncio
import os
import platform
import shutil
import signal
from pathlib import Path

import pytest

from eventlog.errors import Unavailable
from eventlog.format.paths import sealed_path
from eventlog.mirror.push.push import PushResult
from tests.cli.making import damage, hindlog, new_archive
from tests.eventlog.making import OTHER, SOURCE, WRITER
from tests.eventlog.mirror.buckets import add_hour, check_laws
from tests.eventlog.mirror.exports.exporting import write_export


def archive_of(root: Path, bucket: Path) -> Path:
    """Creates an archive with a sealed hour, and the folder of its bucket."""
    bucket.mkdir(exist_ok=True)
    new_archive(root, f'[mirror]\nurl = "file://{bucket}/"\n')
    add_hour(root, 0)
    return root


def objects_in(bucket: Path) -> dict[str, bytes]:
    return {
        path.relative_to(bucket).as_posix(): path.read_bytes()
        for path in bucket.rglob("*")
        if path.is_file()
    }


def test_a_push_says_what_it_put_and_the_next_one_that_nothing_is_left(tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    root = archive_of(tmp_path / "a", bucket)

    plan = hindlog("sync", "push", "--dry-run", at=root)
    assert (plan.code, plan.out) == (0, "") and "would push 1 segment, " in plan.err
    assert not (root / "state" / "mirror").exists() and objects_in(bucket) == {}
    done = hindlog("sync", "push", at=root)
    assert (done.code, done.out) == (0, "") and "pushed 1 segment, " in done.err
    assert list(check_laws(objects_in(bucket))) == [f"{SOURCE}/{WRITER}"]
    again = hindlog("sync", "push", at=root)
    assert again.err == f"nothing to push: everything sealed is in file://{bucket}\n"
    assert "would push 0 segments" in hindlog("sync", "push", "--dry-run", at=root).err


def test_exports_are_pushed_on_request_after_the_log(tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    root = archive_of(tmp_path / "a", bucket)
    push = ("sync", "push", "--exports")

    done = hindlog(*push, at=root)
    assert done.code == 0 and f"no exports: hindlog export --to {root}/exports/NAME" in done.err
    write_export(root, "prices", {"a/models.parquet": b"x"})
    plan = hindlog(*push, "--dry-run", at=root)
    assert "would push export prices, 2 files, 0." in plan.err
    assert not (bucket / "exports").exists()
    assert "export prices: pushed 2 files, " in hindlog(*push, at=root).err
    assert (bucket / "exports" / "prices" / "manifest.json").exists()
    assert hindlog(*push, at=root).err.endswith("export prices: is in the bucket\n")
    assert hindlog("sync", "check", at=root).code == 0
    assert hindlog(*push, "--watch", at=root).code == 2


def test_without_a_mirror_the_message_says_how_to_name_one(tmp_path: Path) -> None:
    root = new_archive(tmp_path / "a")

    for words in ((), ("--dry-run",), ("--watch",)):
        done = hindlog("sync", "push", *words, at=root)
        assert done.code == 2 and "mirror.url is not set" in done.err
    assert not (root / "log" / "writer.json").exists()


def test_a_damaged_stream_is_left_out_with_code_3(tmp_path: Path) -> None:
    root = archive_of(tmp_path / "a", tmp_path / "bucket")
    damage(sealed_path(root, add_hour(root, 0, OTHER)))

    done = hindlog("sync", "push", at=root)

    assert done.code == 3 and "pushed 1 segment" in done.err
    assert f"left out: {SOURCE}, {OTHER}: " in done.err and "hindlog verify" in done.err


def test_other_bytes_in_the_bucket_are_code_4_and_another_archive_is_code_2(tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    root = archive_of(tmp_path / "a", bucket)
    hindlog("sync", "push", at=root)
    other = new_archive(tmp_path / "b", (root / "hindlog.toml").read_text())
    add_hour(other, 0, rows=3)

    refused = hindlog("sync", "push", at=other)
    assert refused.code == 2 and "hindlog sync push --join" in refused.err
    joined = hindlog("sync", "push", "--join", at=other)
    assert joined.code == 4 and joined.err.count("two folders write the stream") == 1
    assert f"{SOURCE}, {WRITER}; the other one is {platform.node()}:{root}, last" in joined.err
    quiet = hindlog("sync", "push", "--quiet", at=other)
    assert quiet.code == 4 and f"the other one is {platform.node()}:{root}" in quiet.err


def test_a_copied_folder_is_code_11_and_pushes_as_a_new_pusher(tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    root = archive_of(tmp_path / "a", bucket)
    hindlog("sync", "push", at=root)
    copy = tmp_path / "b"
    shutil.copytree(root, copy)
    add_hour(root, 1, OTHER)
    hindlog("sync", "push", at=root)
    add_hour(copy, 1, "0badcafe")

    fenced = hindlog("sync", "push", at=copy)
    assert fenced.code == 11 and "hindlog sync push --as-new" in fenced.err
    assert f"{platform.node()}:{root} put it at " in fenced.err
    assert hindlog("sync", "push", "--as-new", at=copy).code == 0
    assert len(check_laws(objects_in(bucket))) == 3


def test_what_a_check_found_missing_is_put_again(tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    root = archive_of(tmp_path / "a", bucket)
    assert hindlog("sync", "push", "--again", at=root).err.splitlines()[0] == (
        "no check found anything missing: hindlog sync check"
    )
    before = objects_in(bucket)
    sealed = next(name for name in before if name.endswith(".zst"))
    for name in (sealed, sealed.replace("ndjson.zst", "manifest.json")):
        (bucket / name).unlink()
    assert hindlog("sync", "check", at=root).code == 4
    (root / sealed).rename(tmp_path / "kept")

    done = hindlog("sync", "push", "--again", at=root)
    assert done.code == 3 and "put again 1 objects, " in done.err
    assert f"still missing: {sealed}: not here either" in done.err
    (tmp_path / "kept").rename(root / sealed)
    done = hindlog("sync", "push", "--again", at=root)
    assert done.code == 0 and "put again 1 objects, " in done.err
    assert objects_in(bucket) == before
    assert "not clean: hindlog sync check" in hindlog("status", at=root).out
    assert hindlog("sync", "check", at=root).code == 0


def test_a_bucket_that_does_not_exist_is_an_error_of_use(tmp_path: Path) -> None:
    root = archive_of(tmp_path / "a", tmp_path / "bucket")
    (tmp_path / "bucket").rmdir()

    assert hindlog("sync", "push", at=root).code == 2
    assert hindlog("sync", "push", "--bwlimit", "fast", at=root).code == 2


def test_watching_waits_while_the_bucket_is_away_and_ends_with_a_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = archive_of(tmp_path / "a", tmp_path / "bucket")
    monkeypatch.setattr("cli.mirror.push.watching.WATCH_S", 0.01)
    calls: list[int] = []

    async def push(*_: object, **__: object) -> PushResult:
        calls.append(len(calls))
        await asyncio.sleep(0)
        if len(calls) == 1:
            raise Unavailable("the bucket is away")
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return PushResult(1, 2, 30, ())

    monkeypatch.setattr("eventlog.mirror.push.push.push", push)
    done = hindlog("sync", "push", "--watch", at=root)

    assert done.code == 0 and calls == [0, 1, 2]
    assert done.err.splitlines() == [
        "pushing whatever is sealed; Ctrl-C stops, and the next push continues",
        "mirror unreachable: the bucket is away; pushing is tried again, nothing is lost",
        "mirror: pushing works again",
        *["pushed 1 segment, 0.0 kB, in 0 requests"] * 2,
    ]


def test_status_and_doctor_say_how_far_the_mirror_is_behind(tmp_path: Path) -> None:
    root = archive_of(tmp_path / "a", tmp_path / "bucket")

    state = hindlog("status", "--json", at=root).json()["mirror"]
    assert (state["segments"], state["pushed_at"], state["left_out"]) == (1, None, [])
    assert "1 segment, " in hindlog("status", at=root).out
    assert "WARN  not in the mirror" in hindlog("doctor", at=root).out
    hindlog("sync", "push", at=root)
    state = hindlog("status", "--json", at=root).json()["mirror"]
    assert (state["segments"], state["behind"]) == (0, None) and state["pushed_at"]
    assert "everything sealed is there" in hindlog("status", at=root).out
    assert "OK    everything sealed is in the mirror" in hindlog("doctor", at=root).out
    sealed_path(root, add_hour(root, 1, OTHER)).unlink()
    assert hindlog("status", "--json", at=root).code == 4
    assert f"FAIL  the mirror leaves out {SOURCE}, {OTHER}" in hindlog("doctor", at=root).out
