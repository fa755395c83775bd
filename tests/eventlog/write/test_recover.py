"""Recovery: truncated segments, interrupted sealings, and any content of `state/`."""

import hashlib
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlog.check.verify import verify
from eventlog.errors import Corrupt
from eventlog.files.assets import get_asset
from eventlog.files.listing import list_segments
from eventlog.format.event import ANOMALY, ENTITY, Line, exact_body
from eventlog.format.event_codec import decode
from eventlog.format.paths import head_path, manifest_path, open_path, sealed_path
from eventlog.read.reader import read_events
from eventlog.write.recover import recover
from eventlog.write.writer import close_stream
from tests.eventlog.making import (
    HOSTILE,
    HOUR,
    SECOND,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    body_of,
    duckdb_rows,
    entity,
    opened,
    put,
    write_hours,
    write_log,
)
from tests.extent import few_or_all


def forget_heads(root: Path) -> None:
    head_path(root, SOURCE, WRITER).unlink(missing_ok=True)


def reopened(root: Path, at: int = START + 10 * SECOND) -> list[Line]:
    """Opens and closes a writer; returns all events."""
    close_stream(opened(root, ManualClock(at)))
    return [decode(record.line) for record in read_events(root)]


def without_damage(root: Path) -> bool:
    return verify(root).damages == ()


def test_recovery_of_the_last_segment_truncated_at_every_byte(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1, 0)], [body_of(b"NaN", "2")]], seal=False)
    path = open_path(tmp_path, name)
    whole = path.read_bytes()
    ends = [n + 1 for n, byte in enumerate(whole) if byte == 10]

    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        forget_heads(tmp_path)
        events = reopened(tmp_path)
        kept = sum(end <= cut for end in ends)
        rest = whole[([0, *ends])[kept] : cut]

        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert [event.id for event in events[:kept]] == ["1", "2"][:kept]
        assert [event.kind for event in events[kept:]] == [ANOMALY] * bool(rest)
        assert b"".join(exact_body(event) or b"" for event in events[kept:]) == rest
        for left in list_segments(tmp_path):
            open_path(tmp_path, left.name).unlink()


@settings(
    max_examples=few_or_all(20, 200), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(garbage=st.binary(min_size=1, max_size=60), behind=st.booleans(), at=st.integers(0, 3))
def test_invalid_bytes_of_a_segment_become_an_anomaly(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes, behind: bool, at: int
) -> None:
    root = tmp_path_factory.mktemp("log")
    name = write_log(root, [[entity(n)] for n in (1, 2, 3)], seal=False)
    path = open_path(root, name)
    lines = path.read_bytes().splitlines(keepends=True)
    bad = b"".join([garbage.replace(b"\n", b"\x00") + b"\n", *(lines[at:] if behind else [])])
    path.write_bytes(b"".join(lines[:at]) + bad)
    forget_heads(root)
    *kept, anomaly = reopened(root)

    assert [event.id for event in kept] == ["1", "2", "3"][:at]
    assert exact_body(anomaly) == bad
    members = orjson.loads([record.line for record in read_events(root)][-1])
    assert members["reason"] == ("damaged" if behind and at < 3 else "torn")
    assert (members["segment"], members["offset"]) == (str(name), len(b"".join(lines[:at])))
    assert (members["bytes"], members["sha256"]) == (len(bad), hashlib.sha256(bad).hexdigest())
    assert without_damage(root)


@pytest.mark.parametrize(
    "bad",
    [
        b'{"v":1}\n',
        b"\x00" * 4096,
        b"\x00" * 100 + b"\n",
        b'{"v":1,"source":"openrouter","writer":"1a2b3c4d","seq":3,"observed_at":"x","kind":"a"}\n',
    ],
)
def test_a_line_of_json_that_is_no_event_is_cut_off(tmp_path: Path, bad: bytes) -> None:
    name = write_log(tmp_path, [[entity(1), entity(2)]], seal=False)
    path = open_path(tmp_path, name)
    path.write_bytes(path.read_bytes() + bad)
    *kept, anomaly = reopened(tmp_path)

    assert [event.seq for event in kept] == [1, 2]
    assert exact_body(anomaly) == bad


def test_a_line_that_is_not_utf_8_is_cut_off_even_if_its_json_is_valid(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1), entity(2)]], seal=False)
    path = open_path(tmp_path, name)
    one, two = path.read_bytes().splitlines(keepends=True)
    bad = two.replace(b"xxx", b"x\xffx", 1)
    path.write_bytes(one + bad)
    forget_heads(tmp_path)
    (_, anomaly) = reopened(tmp_path)

    assert exact_body(anomaly) == bad
    assert len(duckdb_rows(path)) == 2


def test_a_skipped_or_repeated_seq_is_an_error(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1), entity(2), entity(3)]], seal=False)
    path = open_path(tmp_path, name)
    first, second, third = path.read_bytes().splitlines(keepends=True)
    forget_heads(tmp_path)
    path.write_bytes(first + third)
    assert [event.kind for event in reopened(tmp_path)] == [ENTITY, ANOMALY]

    path.write_bytes(first + second + second)
    forget_heads(tmp_path)
    assert [event.kind for event in reopened(tmp_path)] == [ENTITY, ENTITY, ANOMALY]


def test_a_torn_tail_of_any_size_becomes_an_anomaly(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    with open_path(tmp_path, name).open("ab") as file:
        file.write(b"x" * (9 * 2**20))
    _, anomaly = reopened(tmp_path)

    assert anomaly.body_asset is not None
    assert get_asset(tmp_path, anomaly.body_asset) == b"x" * (9 * 2**20)


def test_duckdb_reads_a_recovered_segment(tmp_path: Path) -> None:
    bodies = [body_of(raw, str(n)) for n, raw in enumerate(HOSTILE)]
    name = write_log(tmp_path, [bodies], seal=False)
    with open_path(tmp_path, name).open("ab") as file:
        file.write(b'\x00\xff{"torn')
    forget_heads(tmp_path)
    events = reopened(tmp_path)

    assert [seq for seq, _ in duckdb_rows(open_path(tmp_path, name))] == list(
        range(1, len(HOSTILE) + 2)
    )
    assert [exact_body(event) or b"" for event in events[:-1]] == HOSTILE


def test_the_cut_off_bytes_survive_a_start_that_is_killed_before_they_are_in_the_log(
    tmp_path: Path,
) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    with open_path(tmp_path, name).open("ab") as file:
        file.write(b"torn")
    recover(tmp_path, SOURCE, WRITER)
    (tmp_path / "state").rename(tmp_path / "gone")
    _, anomaly = reopened(tmp_path)

    assert exact_body(anomaly) == b"torn"
    assert len(reopened(tmp_path)) == 2


def test_a_torn_tail_becomes_one_anomaly(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    with open_path(tmp_path, name).open("ab") as file:
        file.write(b"torn")
    recover(tmp_path, SOURCE, WRITER)
    (kept,) = (tmp_path / "log" / SOURCE / ".torn").iterdir()
    data = kept.read_bytes()
    assert len(reopened(tmp_path)) == 2
    kept.write_bytes(data)  # a power cut took its removal back

    assert len(reopened(tmp_path)) == 2
    assert not kept.exists()


def test_damaged_durable_lines_are_not_cut_off(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)], [entity(2)], [entity(3)]], seal=False)
    path = open_path(tmp_path, name)
    data = path.read_bytes()
    second = data.index(b"\n") + 1
    path.write_bytes(data[:second] + b"\x00" * 30 + data[second + 30 :])

    with pytest.raises(Corrupt, match=f"line 2 at byte {second} is not the event with seq 2"):
        opened(tmp_path)
    assert path.stat().st_size == len(data)


@pytest.mark.parametrize("cut", [1, 90])
def test_a_log_that_is_older_than_its_head_continues_with_an_anomaly(
    tmp_path: Path, cut: int
) -> None:
    name = write_log(tmp_path, [[entity(1)], [entity(2)], [entity(3)]], seal=False)
    path = open_path(tmp_path, name)
    data = path.read_bytes()
    third = data.rindex(b"\n", 0, -1) + 1
    path.write_bytes(data[:third] if cut == 1 else data[: third + cut])
    reopened(tmp_path)
    events = [orjson.loads(record.line) for record in read_events(tmp_path)]
    (lost,) = [each for each in events if each.get("reason") == "lost"]

    assert [each["seq"] for each in events] == list(range(1, len(events) + 1))
    assert (lost["segment"], lost["offset"]) == (str(name), third)
    assert lost["bytes"] == len(data) - third
    assert len(reopened(tmp_path)) == len(events)


@pytest.mark.parametrize("state", ["gone", "older", "garbage", "of another segment"])
def test_recovery_keeps_all_durable_events_with_any_state_folder(
    tmp_path: Path, state: str
) -> None:
    write_log(tmp_path, [[entity(1)]], seal=False)
    head = head_path(tmp_path, SOURCE, WRITER)
    older = head.read_bytes()
    write_log(
        tmp_path, [[entity(2)], [entity(3)]], seal=False, clock=ManualClock(START + 5 * SECOND)
    )
    if state == "gone":
        head.unlink()
    else:
        other = orjson.dumps({"segment": f"{SOURCE}/2026-11-20/05-{WRITER}-000"})
        head.write_bytes({"older": older, "garbage": b"\x00\x00"}.get(state, other))

    assert [event.id for event in reopened(tmp_path)] == ["1", "2", "3"]
    assert without_damage(tmp_path)


def test_an_open_segment_after_a_lost_one_is_rejected_and_not_truncated(tmp_path: Path) -> None:
    clock = ManualClock()
    stream = opened(tmp_path, clock)
    put(stream, entity(1), entity(2))
    clock.at += HOUR
    put(stream, entity(3))
    close_stream(stream)
    first, second = [each.name for each in list_segments(tmp_path)]
    sealed_path(tmp_path, first).unlink()
    manifest_path(tmp_path, first).unlink()

    with pytest.raises(Corrupt, match="expected seq 1 in its first line, found 3"):
        opened(tmp_path, clock)
    assert b'"seq":3' in open_path(tmp_path, second).read_bytes()
    assert "the segments before it are missing" in str(verify(tmp_path).damages[0])


def test_an_open_segment_with_seqs_of_another_segment_is_rejected(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    data = open_path(tmp_path, name).read_bytes()
    write_hours(tmp_path, 2, 2)
    open_path(tmp_path, name).with_name(f"09-{WRITER}-000.ndjson").write_bytes(data)

    with pytest.raises(Corrupt, match="its seqs are in the log already"):
        opened(tmp_path, ManualClock(START + 9 * HOUR))
