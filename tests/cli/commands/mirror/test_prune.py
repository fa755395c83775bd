"""`prune`: what users see, and the exit codes."""

from pathlib import Path

import pytest

from tests.cli.making import damage, hindlog, new_archive
from tests.cli.mirror.making import mirrored_archive, pushed_archive
from tests.eventlog.making import OTHER
from tests.eventlog.mirror.buckets import add_hour, sealed_files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive with two sealed hours that were pushed."""
    return pushed_archive(tmp_path)


def test_files_are_freed_and_read_again_from_the_mirror(root: Path) -> None:
    lines, before = hindlog("log", at=root).out, sealed_files(root)
    add_hour(root, 2)

    plan = hindlog("prune", "--keep-local", "1h", "--dry-run", at=root)
    assert plan.code == 0 and "\nwould free 2 segments, " in plan.err
    assert "; kept, not in the mirror yet: 1 segment\n" in plan.err
    assert before.items() <= sealed_files(root).items()
    done = hindlog("prune", "--keep-local", "1h", "--read", at=root)
    assert (done.code, done.out) == (0, "") and "\nfreed 2 segments, " in done.err
    assert len(list((root / "log").rglob("*.zst"))) == 1
    assert hindlog("log", "-n", "4", at=root).out == lines
    assert hindlog("verify", at=root).code == 0
    assert "pulled 0 manifests, 2 segments" in hindlog("sync", "pull", at=root).err
    assert before.items() <= sealed_files(root).items()


def test_what_is_young_stays(root: Path) -> None:
    done = hindlog("prune", "--keep-local", "100000d", "--read", at=root)

    assert done.code == 0 and "freed 0 segments" in done.err
    assert len(list(root.rglob("*.zst"))) == 2


def test_a_folder_has_no_etags_and_other_errors_of_use(root: Path, tmp_path: Path) -> None:
    done = hindlog("prune", "--keep-local", "1h", at=root)
    assert done.code == 2 and "or read each file: --read" in done.err
    assert hindlog("prune", at=root).code == 2
    assert hindlog("prune", "--keep-local", "soon", at=root).code == 2
    bare = new_archive(tmp_path / "bare")
    assert "mirror.url is not set" in hindlog("prune", "--keep-local", "1h", at=bare).err
    (bare / "hindlog.toml").write_text((root / "hindlog.toml").read_text())
    for words in (("--dry-run",), ("--read",)):
        done = hindlog("prune", "--keep-local", "1h", *words, at=bare)
        assert done.code == 2 and "this folder has no record of a push to it" in done.err


def test_files_that_are_not_confirmed_stay_with_code_3(root: Path, tmp_path: Path) -> None:
    [path] = (tmp_path / "bucket").glob(f"log/*/*/*{OTHER}*.zst")
    damage(path)

    done = hindlog("prune", "--keep-local", "1h", "--read", at=root)
    assert done.code == 3 and "freed 1 segment" in done.err
    assert "kept, not confirmed in the mirror: file://" in done.err and str(path) in done.err
    assert "1 segment kept: not confirmed in the mirror" in done.err
    assert [x.name for x in (root / "log").rglob("*.zst")] == [path.name]


def test_of_many_files_that_are_not_confirmed_ten_are_named_and_the_others_counted(
    tmp_path: Path,
) -> None:
    root = mirrored_archive(tmp_path)
    for hour in range(12):
        add_hour(root, hour)
    assert hindlog("sync", "push", at=root).code == 0
    for path in (tmp_path / "bucket").glob("log/*/*/*.zst"):
        path.unlink()

    done = hindlog("prune", "--keep-local", "1h", "--read", at=root)
    assert done.code == 3 and done.err.count("kept, not confirmed in the mirror: ") == 10
    assert "\nand 2 more\n" in done.err
