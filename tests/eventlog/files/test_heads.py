"""Heads: a head that was read during a write is rejected."""

import os
from pathlib import Path

import attrs
import pytest

from eventlog.files.heads import Head, encode_head, head_written_at, parse_head, read_head
from eventlog.format.paths import head_path
from tests.eventlog.making import SOURCE, WRITER

HEAD = Head(f"{SOURCE}/2026-11-21/05-{WRITER}-000", 100, 98)


def test_a_mixture_of_two_heads_is_rejected() -> None:
    assert parse_head(encode_head(HEAD)) == HEAD
    for change in ({"segment": "x"}, {"durable_bytes": 211}, {"last_seq": 89}):
        other = attrs.evolve(HEAD, **change)
        old, new = encode_head(HEAD), encode_head(other)
        assert len(old) == len(new)
        mixed = {parse_head(new[:at] + old[at:]) for at in range(len(old))}
        assert mixed <= {HEAD, other, None}
    assert parse_head(b"") is parse_head(b"{}") is parse_head(b"[]") is None


def test_all_heads_have_the_same_size() -> None:
    heads = [Head("", 0, 0), HEAD, Head("s" * 63 + HEAD.segment[10:], 2**40, 2**40)]

    assert {len(encode_head(head)) for head in heads} == {256}


def test_a_head_that_is_being_written_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = head_path(tmp_path, SOURCE, WRITER)
    path.parent.mkdir(parents=True)
    path.write_bytes(encode_head(HEAD)[:40].ljust(256))
    reads: list[int] = []
    original = Path.read_bytes

    def read_bytes(file: Path) -> bytes:
        reads.append(1)
        if len(reads) == 3:
            path.write_bytes(encode_head(HEAD))
        return original(file)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert read_head(tmp_path, SOURCE, WRITER) == HEAD
    assert len(reads) == 3


def test_the_instant_at_which_a_head_was_written_is_in_microseconds(tmp_path: Path) -> None:
    assert head_written_at(tmp_path, SOURCE, WRITER) == 0
    path = head_path(tmp_path, SOURCE, WRITER)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    os.utime(path, ns=(5_000_000_000, 7_000_000_999))

    assert head_written_at(tmp_path, SOURCE, WRITER) == 7_000_000
