"""`segment response`: prints every response byte for byte."""

import hashlib
import json
from pathlib import Path

import pytest

from eventlog.format.event import ANOMALY, PAGE, Draft
from eventlog.read.bodies import response_of
from eventlog.read.event_filter import Select
from eventlog.read.reader import read_events
from eventlog.write.writer import append, close_stream, open_stream
from tests.e2e.conftest import hindlog


def test_the_response_of_every_page_has_the_recorded_sha256(crawled: Path) -> None:
    pages = list(read_events(crawled, Select(kinds=frozenset({PAGE}))))

    for record in pages:
        response = response_of(crawled, record.line)
        assert hashlib.sha256(response).hexdigest() == json.loads(record.line)["sha256"]
    assert len(pages) > 50


def test_the_command_prints_the_bytes_and_nothing_else(crawled: Path, tmp_path: Path) -> None:
    record = next(read_events(crawled, Select(kinds=frozenset({PAGE}))))
    expected = response_of(crawled, record.line)
    place = (str(record.segment), str(record.seq))

    printed = hindlog("segment", "response", *place, cwd=crawled)
    written = hindlog("segment", "response", *place, "-o", str(tmp_path / "x"), cwd=crawled)

    assert printed.stdout.encode() == expected
    assert (printed.returncode, written.returncode, written.stdout) == (0, 0, "")
    assert (tmp_path / "x").read_bytes() == expected


def test_an_event_without_a_response_is_refused_with_a_command_that_lists_pages(
    crawled: Path,
) -> None:
    record = next(read_events(crawled, Select(kinds=frozenset({"entity"}))))

    done = hindlog("segment", "response", str(record.segment), str(record.seq), cwd=crawled)
    missing = hindlog("segment", "response", str(record.segment), "99999999", cwd=crawled)

    assert done.returncode == 6
    assert "expected a page event, found entity" in done.stderr
    assert "hindlog log --kind page" in done.stderr
    assert missing.returncode == 6


@pytest.mark.parametrize("kind", [ANOMALY, PAGE])
def test_a_key_that_upstream_repeated_is_replaced_by_asterisks_with_a_message(
    tmp_path: Path, kind: str
) -> None:
    body = b'{"next":"/x?token=******"}'
    sha256 = hashlib.sha256(body).hexdigest()
    (tmp_path / "log").mkdir()
    (tmp_path / "hindlog.toml").write_text("")
    stream = open_stream(tmp_path, "shop", "0000000a")
    draft = Draft(kind=kind, members={"sha256": sha256, "key_removed": True}, body_raw=body)
    append(stream, [lambda seq, at: [draft]])
    close_stream(stream, seal_open=True)
    record = next(read_events(tmp_path, Select(kinds=frozenset({kind}))))

    done = hindlog("segment", "response", str(record.segment), str(record.seq), cwd=tmp_path)

    assert done.stdout.encode() == body, done.stderr
    assert "asterisks" in done.stderr
