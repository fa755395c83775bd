"""Digests of the files of views: each change of a file gives another one."""

import os
from pathlib import Path

from projector.digests import digest_files, digest_rules, digest_texts, find_files


def test_the_files_of_views_are_the_views_file_and_those_of_parts(tmp_path: Path) -> None:
    names = ("hindlog.duckdb", "hindlog.sql", "current", "parts/a/b/1.parquet", "parts-1/2.parquet")
    for name in (*names, "last-update", "tmp/scratch", "answers/summary"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"1")
    folders = [tmp_path / "parts", tmp_path / "parts-1", tmp_path / "parts-2"]

    assert set(find_files(tmp_path, folders)) == {str(tmp_path / name) for name in names}
    assert set(find_files(tmp_path, folders[:1])) == {str(tmp_path / name) for name in names[:4]}
    assert find_files(tmp_path / "nowhere", []) == {}


def test_a_file_with_another_size_inode_time_or_path_gives_another_digest(tmp_path: Path) -> None:
    def digest() -> bytes:
        return digest_files(find_files(tmp_path, [tmp_path / "parts"]))

    (tmp_path / "parts").mkdir()
    path, other = tmp_path / "parts" / "1", tmp_path / "other"
    digests = [digest()]
    path.write_bytes(b"1")
    digests += [digest(), digest()]
    stamp = path.stat()
    path.write_bytes(b"12")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    digests.append(digest())
    other.write_bytes(b"12")
    os.utime(other, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    other.replace(path)
    digests.append(digest())
    os.utime(path, ns=(0, 0))
    digests.append(digest())
    path.rename(tmp_path / "parts" / "2")
    digests.append(digest())

    assert digests[1] == digests[2]
    assert len(set(digests)) == 6


def test_the_digest_of_the_rules_depends_on_definitions_and_limits() -> None:
    assert digest_rules() == digest_rules(None, None)
    assert len({digest_rules(), digest_rules("a"), digest_rules(None, "a"), digest_rules("b")}) == 4
    assert digest_texts(["a", "b"]) != digest_texts(["b", "a"])
