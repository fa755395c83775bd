"""`segment response`: every response comes back byte for byte."""

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


def test_every_page_of_a_crawl_is_given_back_with_its_sha256(crawled: Path) -> None:
    pages = list(read_events(crawled, Select(kinds=frozenset({PAGE}))))

    for record in pages:
        found = response_of(crawled, record.line)
        assert hashlib.sha256(found).hexdigest() == json.loads(record.line)["sha256"]
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


def test_what_is_no_response_is_refused_with_the_way_to_one(crawled: Path) -> None:
    record = next(read_events(crawled, Select(kinds=frozenset({"entity"}))))

    done = hindlog("segment", "response", str(record.segment), str(record.seq), cwd=crawled)
    none = hindlog("segment", "response", str(record.segment), "99999999", cwd=crawled)

    assert done.returncode == 6
    assert "expected a page event, found entity" in done.stderr
    assert "hindlog log --kind page" in done.stderr
    assert none.returncode == 6


@pytest.mark.parametrize("kind", [ANOMALY, PAGE])
def test_a_key_that_upstream_repeated_is_asterisks_and_said(tmp_path: Path, kind: str) -> None:
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
