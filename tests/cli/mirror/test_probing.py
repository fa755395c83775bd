"""`doctor --online`: what users read, and what is kept."""

from pathlib import Path

import pytest

from eventlog.mirror.local.findings import load_findings
from tests.cli.making import NO_SOURCES, hindlog, new_archive
from tests.eventlog.mirror.buckets import add_hour


def test_a_probing_is_asked_for_and_its_findings_are_kept(tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    root = new_archive(tmp_path / "a", NO_SOURCES + f'[mirror]\nurl = "file://{bucket}/"\n')
    add_hour(root, 0)
    hindlog("sync", "push", at=root)

    assert "put once" not in hindlog("doctor", at=root).out
    done = hindlog("doctor", "--online", at=root)
    assert done.code == 0 and done.err == f"probing file://{bucket}\n"
    assert "OK    put once: conditional writes work" in done.out
    assert "-     lifecycle rules: only buckets have this\n" in done.out
    assert not (bucket / "probe").exists() or not list((bucket / "probe").rglob("*.*"))
    findings = load_findings(root, f"file://{bucket}")
    assert findings is not None and set(findings.verdicts.values()) == {"OK"}
    assert "Z: all is well\n" in hindlog("doctor", at=root).out


def test_a_finding_is_repeated_and_a_bucket_that_is_gone_is_a_failure(tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    root = new_archive(tmp_path / "a", NO_SOURCES + f'[mirror]\nurl = "file://{bucket}/"\n')
    add_hour(root, 0)
    hindlog("sync", "push", at=root)
    (bucket / "hindlog.json").unlink()

    done = hindlog("doctor", "--online", at=root)
    assert done.code == 1 and "FAIL  archive: the id of the archive" in done.out
    again = hindlog("doctor", at=root)
    assert again.code == 0 and "Z: archive\n      hindlog doctor --online\n" in again.out
    bucket.rename(tmp_path / "elsewhere")
    gone = hindlog("doctor", "--online", at=root)
    assert gone.code == 1 and "bucket: no such folder\n" in gone.out


def test_without_a_mirror_there_is_nothing_to_probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = new_archive(tmp_path / "a", NO_SOURCES)

    assert "WARN  there is no mirror to probe" in hindlog("doctor", "--online", at=root).out
