"""The findings count for one bucket; a probe that did not apply keeps its earlier verdict."""

from pathlib import Path

import pytest

from eventlog.mirror.local.findings import Findings, findings_path, load_findings, save_findings

AT = "2026-11-21T05:00:00.000000Z"
LATER = "2026-11-22T05:00:00.000000Z"


def test_findings_are_kept_by_probe_and_bucket(tmp_path: Path) -> None:
    assert load_findings(tmp_path, "s3://a") is None
    save_findings(tmp_path, Findings("s3://a", AT, {"a": "OK", "b": "WARN"}))
    save_findings(tmp_path, Findings("s3://a", LATER, {"b": "OK"}))

    assert load_findings(tmp_path, "s3://a") == Findings("s3://a", LATER, {"a": "OK", "b": "OK"})
    assert load_findings(tmp_path, "s3://b") is None
    save_findings(tmp_path, Findings("s3://b", AT, {"b": "OK"}))
    assert load_findings(tmp_path, "s3://b") == Findings("s3://b", AT, {"b": "OK"})


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_no_finding(tmp_path: Path, data: bytes) -> None:
    save_findings(tmp_path, Findings("s3://a", AT, {}))
    findings_path(tmp_path).write_bytes(data)

    assert load_findings(tmp_path, "s3://a") is None
