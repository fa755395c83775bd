"""`sync check`: what users see, and the exit codes."""

import shutil
from pathlib import Path

import click
import pytest

from cli.mirror.checking import parse_share
from eventlog.mirror.check.choice import ReadShare
from tests.cli.making import damage, hindlog, new_archive
from tests.eventlog.mirror.buckets import add_hour


def test_a_check_prints_what_differs_and_status_shows_its_result(tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    root = new_archive(tmp_path / "a", f'[mirror]\nurl = "file://{bucket}"\n')
    name = add_hour(root, 0)
    hindlog("sync", "push", at=root)

    done = hindlog("sync", "check", "--heads", "--read", "1/1", at=root)
    expected = "3 objects committed, 3 read; 0 missing, 0 different, 0 foreign, 0 in flight\n"
    assert (done.code, done.out, done.err) == (0, "", expected)
    assert ", clean" in hindlog("status", at=root).out
    (bucket / "log" / "x.txt").write_bytes(b"x")
    path = bucket / f"log/{name}.ndjson.zst"
    path.unlink()
    done = hindlog("sync", "check", at=root)
    assert done.code == 4
    assert done.rows == [["missing", f"log/{name}.ndjson.zst"], ["foreign", "log/x.txt"]]
    assert "1 objects missing: hindlog sync push --again" in hindlog("status", at=root).out
    assert "hindlog sync push --again" in done.err
    as_json = hindlog("sync", "check", "--json", at=root).json()
    assert as_json["committed"] == 3
    assert [item["finding"] for item in as_json["findings"]] == ["missing", "foreign"]
    assert hindlog("status", "--json", at=root).json()["mirror"]["check_is_clean"] is False


def test_a_removed_record_is_found_by_a_folder_that_knew_it_and_suspected_by_others(
    tmp_path: Path,
) -> None:
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    root = new_archive(tmp_path / "a", f'[mirror]\nurl = "file://{bucket}"\n')
    name = add_hour(root, 0)
    hindlog("sync", "push", at=root)
    [record] = bucket.glob("mirror/*/*.json")
    record.unlink()

    known = hindlog("sync", "check", at=root)
    assert known.code == 4 and "rolled back" in known.err
    shutil.rmtree(root / "state")
    done = hindlog("sync", "check", at=root)
    assert done.code == 0
    assert done.rows[0] == [
        *("in flight", f"log/{name}.manifest.json: complete, but no record names it"),
    ]
    assert "complete in the bucket, but not in its records: 1 segment" in done.err
    assert "cannot tell whether the last ones were removed; the next check can" in done.err
    assert hindlog("sync", "push", at=root).code == 0
    done = hindlog("sync", "check", at=root)
    assert done.code == 0 and done.err.count("\n") == 1


def test_verify_remote_reads_what_since_and_sample_choose(tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    root = new_archive(tmp_path / "a", f'[mirror]\nurl = "file://{bucket}"\n')
    first, last = add_hour(root, 0), add_hour(root, 5)
    hindlog("sync", "push", at=root)

    done = hindlog("verify", "--remote", at=root)
    assert done.code == 0 and done.err.startswith("5 objects committed, 5 read; 0 missing, ")
    damage(bucket / f"log/{first}.ndjson.zst")
    done = hindlog("verify", "--remote", at=root)
    assert done.code == 4 and done.out.startswith(f"different\tlog/{first}.ndjson.zst: file://")
    assert hindlog("verify", at=root).code == 0
    since = hindlog("verify", "--remote", "--since", f"{last.date}T{last.hour}", at=root)
    assert since.code == 0 and "5 objects committed, 2 read; " in since.err
    sampled = hindlog("verify", "--remote", "--sample", "0.0001%", "--json", at=root)
    assert sampled.code == 0 and sampled.json()["read"] == 0
    (bucket / f"log/{last}.manifest.json").unlink()
    assert hindlog("verify", "--remote", "--sample", "0.0001%", at=root).code == 4
    (root / "hindlog.toml").write_text("")
    assert "mirror.url is not set" in hindlog("verify", "--remote", at=root).err


def test_a_share_is_a_part_of_a_number_of_parts() -> None:
    assert parse_share(None) is None and parse_share("3/30") == ReadShare(3, 30)
    for text in ("0/3", "4/3", "3", "a/b", "1/0"):
        with pytest.raises(click.BadParameter, match="expected part and number of parts"):
            parse_share(text)
