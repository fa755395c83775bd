"""Any bytes can be stored exactly in one line of strict JSON, which DuckDB reads."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlog.body.encode_body import MAX_BOTH_BYTES, embed, repaired_copy
from eventlog.body.value_hash import is_strict
from eventlog.format.event import MAX_LINE_BYTES, exact_body
from eventlog.format.event_codec import decode, encode
from tests.eventlog.making import HOSTILE, SOURCE, WRITER, body_of, duckdb_rows
from tests.extent import few_or_all

AT = "2026-11-21T05:00:00.000000Z"
any_body = (
    st.binary(max_size=60)
    | st.sampled_from(HOSTILE)
    | st.text(alphabet='[]{}",:01eE+-.\\ud8\x00\x1f\n\r NaN\xff', max_size=20).map(
        lambda text: text.encode("latin-1")
    )
)


def line_of(body: bytes, seq: int = 1) -> bytes:
    return encode(body_of(body), source=SOURCE, writer=WRITER, seq=seq, observed_at=AT)


@given(any_body)
def test_the_exact_bytes_can_be_restored(body: bytes) -> None:
    assert (exact_body(decode(line_of(body))) or b"") == body


@given(any_body)
def test_the_line_is_strict_json_on_one_line(body: bytes) -> None:
    line = line_of(body)

    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert b"\r" not in line
    json.loads(line, parse_constant=lambda name: pytest.fail(name))


@given(any_body)
def test_a_repaired_copy_is_strict_or_there_is_none(body: bytes) -> None:
    copy = repaired_copy(body)

    assert copy is None or is_strict(copy)


@pytest.mark.parametrize(
    ("body", "copy"),
    [
        (b'{"a":NaN,"b":-Infinity}', b'{"a":null,"b":null}'),
        (b'"\\ud800x"', '"\ufffdx"'.encode()),
        (b'{"a":"\xff"}', '{"a":"\ufffd"}'.encode()),
        (b'\xef\xbb\xbf{"a":1}', b'{"a":1}'),
        (b'{"a":"\x01\n"}', b'{"a":"\\u0001\\n"}'),
        (b"[nan,undefined,Infinity,NaN]", b"[null,null,null,null]"),
        (b'["NaN",NaN]', b'["NaN",null]'),
        (b"[NaN,[1,\r\n 2]]", b"[null,[1, 2]]"),
        (b'{"a":"\\q\\u12"}', b'{"a":"\\\\q\\\\u12"}'),
        ('{"a":"é\x02"}'.encode(), '{"a":"é\\u0002"}'.encode()),
        (b"[" * 256 + b"NaN" + b"]" * 256, b"[" * 256 + b"null" + b"]" * 256),
        (b"[" * 257 + b"NaN" + b"]" * 257, None),
        (b'{"a":"torn', None),
        (b"<html>", None),
        (b"", None),
        (b"[" * 3000 + b"]" * 3000, None),
    ],
)
def test_a_repaired_copy_keeps_all_readable_values(body: bytes, copy: bytes | None) -> None:
    assert repaired_copy(body) == copy


@pytest.mark.parametrize("fill", [b'\\"', b"\\\\", b"\\", b"\\u0001"])
def test_a_string_that_ends_with_the_bytes_is_read_once(fill: bytes) -> None:
    """Read again from each quote in it, these 4 MiB would take days."""
    body = b'{"a":"' + fill * (4 * 2**20 // len(fill))

    assert repaired_copy(body) is None
    assert embed(body).body_raw == body


def test_a_body_with_line_breaks_is_stored_exactly_beside_a_copy_without() -> None:
    held = embed(b'{\n"a": 1\r\n}')

    assert (held.body, held.body_raw, held.repaired) == (
        b'{ "a": 1  }',
        b'{\n"a": 1\r\n}',
        True,
    )


@pytest.mark.parametrize(
    ("body", "body_raw", "copy"),
    [
        (b'{"a": 1}', None, b'{"a": 1}'),
        (b' {"a":1}', b' {"a":1}', b'{"a":1}'),
        (b'{"a":1}\t', b'{"a":1}\t', b'{"a":1}'),
        (b"[1,\n2]", b"[1,\n2]", b"[1, 2]"),
        (b"[1,\r2]", b"[1,\r2]", b"[1, 2]"),
        (b"<html>", b"<html>", None),
    ],
)
def test_only_strict_json_on_one_line_is_stored_as_the_body_alone(
    body: bytes, body_raw: bytes | None, copy: bytes | None
) -> None:
    embedded = embed(body)

    assert (embedded.body, embedded.body_raw) == (copy, body_raw)
    assert embedded.repaired == (body_raw is not None and copy is not None)


def test_a_repaired_copy_is_kept_if_it_fits_into_a_line_with_the_base64() -> None:
    room = MAX_BOTH_BYTES * 3 // 7  # base64 takes four thirds, the copy as much again
    for extra_bytes, is_kept in ((0, True), (2, False)):
        embedded = embed(b"[" + b"\n" * (room - 2 + extra_bytes) + b"]")
        assert (embedded.body is not None, embedded.repaired) == (is_kept, is_kept)
        assert embedded.body_raw is not None


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"\n" * (8 * 2**20 - 2) + b"]",
        b"[" + b"\n" * (7 * 2**20) + b"]",
        pytest.param(b'"' + b"\x01" * (8 * 2**20 - 2) + b'"', marks=pytest.mark.slow),
        b"\xff" * 2**23,
    ],
)
def test_the_largest_inline_body_fits_into_a_line_for_any_content(body: bytes) -> None:
    assert len(line_of(body)) <= MAX_LINE_BYTES


@settings(
    max_examples=few_or_all(10, 60), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(any_body, min_size=1, max_size=30))
def test_duckdb_reads_every_line(tmp_path: Path, bodies: list[bytes]) -> None:
    path = tmp_path / "lines.ndjson"
    path.write_bytes(b"".join(line_of(body, seq) for seq, body in enumerate(bodies, 1)))

    assert [seq for seq, _ in duckdb_rows(path)] == list(range(1, len(bodies) + 1))


def test_duckdb_reads_every_hostile_body(tmp_path: Path) -> None:
    path = tmp_path / "lines.ndjson"
    path.write_bytes(b"".join(line_of(body, seq) for seq, body in enumerate(HOSTILE, 1)))

    assert len(duckdb_rows(path)) == len(HOSTILE)


@pytest.mark.parametrize(("depth", "has_copy"), [(256, True), (257, False)])
def test_a_body_nested_deeper_than_256_has_no_repaired_copy(depth: int, has_copy: bool) -> None:
    strict, broken = b"[" * depth + b"]" * depth, b"[" * depth + b"NaN" + b"]" * depth

    assert (embed(strict).body == strict, embed(strict).body_raw) == (
        (True, None) if has_copy else (False, strict)
    )
    assert (embed(broken).body is not None, embed(broken).body_raw) == (has_copy, broken)
