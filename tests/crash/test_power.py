"""Power cuts at every step: every line acknowledged or shown before is there afterwards."""

import contextlib
import os
import random
import shutil
from pathlib import Path

import attrs
import pytest

from eventlog.check.verify import verify
from eventlog.files.assets import get_asset, put_asset
from eventlog.files.disk import REAL
from eventlog.files.listing import list_streams
from eventlog.format.event import ANOMALY, ENTITY, Draft, exact_body
from eventlog.format.event_codec import decode
from eventlog.format.paths import open_path
from eventlog.read.cursor import Cursor, mark
from eventlog.read.reader import read_events, read_stream
from eventlog.read.tail import check_cursor, follow
from eventlog.write.seal import seal
from eventlog.write.writer import (
    Stream,
    append,
    close_stream,
    open_stream,
    roll,
    roll_and_heartbeat,
    wait_sealed,
)
from tests.crash.rounds import ROUNDS
from tests.crash.simulated_disk import PowerCut, SimulatedDisk, disk_of, mark_durable, power_cut
from tests.eventlog.making import (
    HOUR,
    MINUTE,
    SECOND,
    SOURCE,
    WRITER,
    ManualClock,
    entity,
    write_log,
)
from tests.extent import few_or_all

pytestmark = pytest.mark.sampled

POWER_CUTS = max(2, ROUNDS // 20)
"""Power cuts per archive; the test has forty archives."""
SEEDS = few_or_all(1, 3)


@attrs.define
class Promises:
    """What an archive has promised so far to its writer and its readers."""

    acknowledged: dict[int, bytes] = attrs.field(factory=dict)
    """Lines that `append` reported as durable, by seq."""
    shown: dict[int, bytes] = attrs.field(factory=dict)
    """Lines that a tail showed, by seq."""
    assets: list[str] = attrs.field(factory=list)
    """Names of the assets that acknowledged events refer to."""


@pytest.mark.parametrize("seed", range(40))
def test_nothing_acknowledged_or_shown_is_lost(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    promises, clock = Promises(), ManualClock()
    root = tmp_path / "0"
    root.mkdir()
    for cut in range(1, 1 + min(POWER_CUTS, 12)):
        simulated = SimulatedDisk(root, chance, changes_left=chance.randrange(120))
        mark_durable(simulated)
        _write_until_power_cut(simulated, clock, promises)
        _read_all(root, promises)
        after = tmp_path / str(cut)
        state = chance.choice(["kept", "gone", "emptied", "as synced"])
        power_cut(simulated, after, disorder=chance.random() < 0.7, state=state)
        shutil.rmtree(root)
        root = after
        _check_after_restart(root, clock, promises)


def _write_until_power_cut(
    simulated: SimulatedDisk, clock: ManualClock, promises: Promises
) -> None:
    """Runs a writer that does random steps until the power fails."""
    stream: Stream | None = None
    try:
        stream = open_stream(
            simulated.root, SOURCE, WRITER, clock=clock, disk=disk_of(simulated), segment_bytes=3000
        )
        while True:
            _step(stream, simulated.chance, clock, promises)
            if simulated.chance.random() < 0.3:
                _read_all(simulated.root, promises)
    except PowerCut:
        simulated.changes_left = -1
    finally:
        if stream is not None:
            stream.sealer.shutdown()
            os.close(stream.lock)


def _step(stream: Stream, chance: random.Random, clock: ManualClock, promises: Promises) -> None:
    clock.at += chance.choice([SECOND, MINUTE, 20 * MINUTE, HOUR])
    match chance.choice(["append", "append", "append", "asset", "roll", "heartbeat", "wait"]):
        case "append":
            sizes = [chance.randrange(900) for _ in range(chance.randint(1, 4))]
            _append(stream, [entity(n, size) for n, size in enumerate(sizes)], promises)
        case "asset":
            name = put_asset(stream.root, os.urandom(40), stream.disk)
            draft = Draft(kind=ENTITY, type="model", id="1", shape="list", body_asset=name)
            _append(stream, [draft], promises)
            promises.assets.append(name)
        case "roll":
            roll(stream)
        case "heartbeat":
            roll_and_heartbeat(stream)
        case "wait":
            wait_sealed(stream)


def _append(stream: Stream, drafts: list[Draft], promises: Promises) -> None:
    (batch,) = append(stream, [lambda _seq, _at: drafts])
    for record in read_stream(stream.root, SOURCE, WRITER, batch.first.seq - 1):
        promises.acknowledged[record.seq] = record.line
    assert max(promises.acknowledged) == batch.last.seq


def _read_all(root: Path, promises: Promises) -> None:
    """Follows the log to its end from the last shown line; the writer may be alive or dead."""
    last = max(promises.shown, default=0)
    start: Cursor = {(SOURCE, WRITER): mark(last, promises.shown[last])} if last else {}
    for record in follow(root, start, idle=lambda: False):
        promises.shown[record.seq] = record.line
    assert sorted(promises.shown) == list(range(1, len(promises.shown) + 1))


def _check_after_restart(root: Path, clock: ManualClock, promises: Promises) -> None:
    """Lets a writer recover the log after the power cut; then checks all promises."""
    close_stream(open_stream(root, SOURCE, WRITER, clock=clock))
    records = list(read_events(root))
    line_of = {record.seq: record.line for record in records}

    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    for seq, line in (promises.acknowledged | promises.shown).items():
        assert line_of.get(seq) == line
    if promises.shown:
        last = max(promises.shown)
        check_cursor(root, {(SOURCE, WRITER): mark(last, promises.shown[last])})
    assert verify(root).damages == ()
    assert list_streams(root) in ([], [(SOURCE, WRITER)])
    for name in promises.assets:
        get_asset(root, name)
    unpromised = {seq: line for seq, line in line_of.items() if seq not in promises.acknowledged}
    kinds = {decode(line).kind for line in unpromised.values()}
    assert kinds <= {ENTITY, ANOMALY, "heartbeat"}


@pytest.mark.parametrize("disorder", [False, True])
@pytest.mark.parametrize("changes_left", range(20))
def test_a_power_cut_at_every_step_of_sealing_loses_no_line(
    tmp_path: Path, changes_left: int, disorder: bool
) -> None:
    for seed in range(SEEDS):
        chance = random.Random(seed)
        root, after = tmp_path / f"{seed}", tmp_path / f"{seed}-after"
        name = write_log(root, [[entity(number)] for number in range(5)], seal=False)
        lines = [record.line for record in read_events(root)]
        simulated = SimulatedDisk(root, chance, changes_left)
        mark_durable(simulated)
        with contextlib.suppress(PowerCut):
            seal(root, name, None, disk_of(simulated))
        power_cut(simulated, after, disorder=disorder, state="gone")
        close_stream(open_stream(after, SOURCE, WRITER, clock=ManualClock()), seal_open=True)

        assert [record.line for record in read_events(after)] == lines
        assert verify(after).damages == ()


@pytest.mark.parametrize("disorder", [False, True])
@pytest.mark.parametrize("changes_left", range(20))
def test_a_power_cut_at_every_step_of_recovery_keeps_the_bytes_it_cuts(
    tmp_path: Path, changes_left: int, disorder: bool
) -> None:
    torn = b'{"v":1,"source":"openrouter","writer":"1a2b'
    for seed in range(SEEDS):
        root, after = tmp_path / f"{seed}", tmp_path / f"{seed}-after"
        name = write_log(root, [[entity(1)], [entity(2)]], seal=False)
        with open_path(root, name).open("ab") as file:
            file.write(torn)
        simulated = SimulatedDisk(root, random.Random(seed), changes_left)
        mark_durable(simulated)
        with contextlib.suppress(PowerCut):
            _open_and_abandon(simulated)
        power_cut(simulated, after, disorder=disorder, state="gone")
        close_stream(open_stream(after, SOURCE, WRITER, clock=ManualClock()))
        events = [decode(record.line) for record in read_events(after)]

        assert [event.id for event in events[:2]] == ["1", "2"]
        assert torn in [exact_body(event) for event in events[2:]]
        assert verify(after).damages == ()


def _open_and_abandon(simulated: SimulatedDisk) -> None:
    stream = open_stream(
        simulated.root, SOURCE, WRITER, clock=ManualClock(), disk=disk_of(simulated)
    )
    stream.sealer.shutdown()
    os.close(stream.lock)


def test_lines_that_a_killed_writer_left_unsynced_are_synced_before_they_are_shown(
    tmp_path: Path,
) -> None:
    root = tmp_path / "a"
    root.mkdir()
    simulated = SimulatedDisk(root, random.Random(2))
    mark_durable(simulated)
    disk = attrs.evolve(disk_of(simulated), write=REAL.write)
    stream = open_stream(root, SOURCE, WRITER, clock=ManualClock(), disk=disk)
    append(stream, [lambda _seq, _at: [entity(1)]])
    simulated.changes_left = 0  # the power fails at the next fsync
    with pytest.raises(PowerCut):
        append(stream, [lambda _seq, _at: [entity(2)]])
    os.close(stream.lock)
    simulated.changes_left = 1 << 60
    again = open_stream(root, SOURCE, WRITER, clock=ManualClock(), disk=disk)
    shown = [record.line for record in follow(root, {}, idle=lambda: False)]
    os.close(again.lock)
    power_cut(simulated, tmp_path / "b", disorder=False, state="kept")
    close_stream(open_stream(tmp_path / "b", SOURCE, WRITER, clock=ManualClock()))

    assert len(shown) == 2
    assert [record.line for record in read_events(tmp_path / "b")] == shown


def test_the_simulated_disk_loses_everything_that_was_not_synced(tmp_path: Path) -> None:
    root = tmp_path / "a"
    root.mkdir()
    simulated = SimulatedDisk(root, random.Random(1))
    mark_durable(simulated)
    disk = disk_of(simulated)
    for name, synced in (("both", "fd"), ("bytes", "f"), ("name", "d"), ("none", "")):
        (root / name).mkdir()
        handle = disk.open_append(root / name / "file")
        while disk.write(handle, b"x") == 0:
            pass
        if "f" in synced:
            disk.fsync(handle)
        if "d" in synced:
            disk.sync_dir(root / name)
        disk.close(handle)
    disk.sync_dir(root)
    power_cut(simulated, tmp_path / "b", disorder=False, state="kept")
    after = tmp_path / "b"

    assert (after / "both" / "file").read_bytes() == b"x"
    assert (after / "name" / "file").read_bytes() == b""
    assert not (after / "bytes" / "file").exists()
    assert not (after / "none" / "file").exists()
