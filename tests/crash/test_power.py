"""Power cuts at every instant: what was acknowledged or shown is there afterwards."""

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
from tests.crash.platter import Platter, PowerCut, disk_of, power_cut, settle
from tests.crash.rounds import ROUNDS
from tests.eventlog.making import HOUR, MINUTE, SECOND, SOURCE, WRITER, Hand, entity, write_log
from tests.extent import few_or_all

pytestmark = pytest.mark.sampled

LIVES = max(2, ROUNDS // 20)
"""Power cuts in the life of one archive; the test has forty such archives."""
SEEDS = few_or_all(1, 3)


@attrs.define
class Witness:
    """Who remembers what was promised."""

    acknowledged: dict[int, bytes] = attrs.field(factory=dict)
    shown: dict[int, bytes] = attrs.field(factory=dict)
    assets: list[str] = attrs.field(factory=list)


@pytest.mark.parametrize("seed", range(40))
def test_nothing_acknowledged_or_shown_is_lost(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    witness, hand = Witness(), Hand()
    root = tmp_path / "0"
    root.mkdir()
    for life in range(1, 1 + min(LIVES, 12)):
        platter = Platter(root, chance, fuse=chance.randrange(120))
        settle(platter)
        _live(platter, hand, witness)
        _look(root, witness)
        after = tmp_path / str(life)
        state = chance.choice(["kept", "gone", "emptied", "as synced"])
        power_cut(platter, after, disorder=chance.random() < 0.7, state=state)
        shutil.rmtree(root)
        root = after
        _check(root, hand, witness)


def _live(platter: Platter, hand: Hand, witness: Witness) -> None:
    """A writer at work until the power goes."""
    stream: Stream | None = None
    try:
        stream = open_stream(
            platter.root, SOURCE, WRITER, clock=hand, disk=disk_of(platter), segment_bytes=3000
        )
        while True:
            _step(stream, platter.chance, hand, witness)
            if platter.chance.random() < 0.3:
                _look(platter.root, witness)
    except PowerCut:
        platter.fuse = -1
    finally:
        if stream is not None:
            stream.sealer.shutdown()
            os.close(stream.lock)


def _step(stream: Stream, chance: random.Random, hand: Hand, witness: Witness) -> None:
    hand.at += chance.choice([SECOND, MINUTE, 20 * MINUTE, HOUR])
    match chance.choice(["put", "put", "put", "asset", "roll", "keep", "wait"]):
        case "put":
            sizes = [chance.randrange(900) for _ in range(chance.randint(1, 4))]
            _put(stream, [entity(n, size) for n, size in enumerate(sizes)], witness)
        case "asset":
            name = put_asset(stream.root, os.urandom(40), stream.disk)
            draft = Draft(kind=ENTITY, type="model", id="1", shape="list", body_asset=name)
            _put(stream, [draft], witness)
            witness.assets.append(name)
        case "roll":
            roll(stream)
        case "keep":
            roll_and_heartbeat(stream)
        case "wait":
            wait_sealed(stream)


def _put(stream: Stream, drafts: list[Draft], witness: Witness) -> None:
    (done,) = append(stream, [lambda _seq, _at: drafts])
    for record in read_stream(stream.root, SOURCE, WRITER, done.first.seq - 1):
        witness.acknowledged[record.seq] = record.line
    assert max(witness.acknowledged) == done.last.seq


def _look(root: Path, witness: Witness) -> None:
    """A tail and a reader of everything, while the writer lives or lies dead."""
    seen = max(witness.shown, default=0)
    start: Cursor = {(SOURCE, WRITER): mark(seen, witness.shown[seen])} if seen else {}
    for record in follow(root, start, idle=lambda: False):
        witness.shown[record.seq] = record.line
    assert sorted(witness.shown) == list(range(1, len(witness.shown) + 1))


def _check(root: Path, hand: Hand, witness: Witness) -> None:
    """After the power is back and a writer has come and gone."""
    close_stream(open_stream(root, SOURCE, WRITER, clock=hand))
    records = list(read_events(root))
    held = {record.seq: record.line for record in records}

    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    for seq, line in (witness.acknowledged | witness.shown).items():
        assert held.get(seq) == line
    if witness.shown:
        last = max(witness.shown)
        check_cursor(root, {(SOURCE, WRITER): mark(last, witness.shown[last])})
    assert verify(root).damages == ()
    assert list_streams(root) in ([], [(SOURCE, WRITER)])
    for name in witness.assets:
        get_asset(root, name)
    reasons = {decode(line).kind for seq, line in held.items() if seq not in witness.acknowledged}
    assert reasons <= {ENTITY, ANOMALY, "heartbeat"}


@pytest.mark.parametrize("disorder", [False, True])
@pytest.mark.parametrize("fuse", range(20))
def test_a_power_cut_at_every_step_of_sealing_loses_no_line(
    tmp_path: Path, fuse: int, disorder: bool
) -> None:
    for seed in range(SEEDS):
        chance = random.Random(seed)
        root, after = tmp_path / f"{seed}", tmp_path / f"{seed}-after"
        name = write_log(root, [[entity(number)] for number in range(5)], seal=False)
        lines = [record.line for record in read_events(root)]
        platter = Platter(root, chance, fuse)
        settle(platter)
        with contextlib.suppress(PowerCut):
            seal(root, name, None, disk_of(platter))
        power_cut(platter, after, disorder=disorder, state="gone")
        close_stream(open_stream(after, SOURCE, WRITER, clock=Hand()), seal_open=True)

        assert [record.line for record in read_events(after)] == lines
        assert verify(after).damages == ()


@pytest.mark.parametrize("disorder", [False, True])
@pytest.mark.parametrize("fuse", range(20))
def test_a_power_cut_at_every_step_of_recovery_keeps_the_bytes_it_cuts(
    tmp_path: Path, fuse: int, disorder: bool
) -> None:
    torn = b'{"v":1,"source":"openrouter","writer":"1a2b'
    for seed in range(SEEDS):
        root, after = tmp_path / f"{seed}", tmp_path / f"{seed}-after"
        name = write_log(root, [[entity(1)], [entity(2)]], seal=False)
        with open_path(root, name).open("ab") as file:
            file.write(torn)
        platter = Platter(root, random.Random(seed), fuse)
        settle(platter)
        with contextlib.suppress(PowerCut):
            _come_and_go(platter)
        power_cut(platter, after, disorder=disorder, state="gone")
        close_stream(open_stream(after, SOURCE, WRITER, clock=Hand()))
        events = [decode(record.line) for record in read_events(after)]

        assert [event.id for event in events[:2]] == ["1", "2"]
        assert torn in [exact_body(event) for event in events[2:]]
        assert verify(after).damages == ()


def _come_and_go(platter: Platter) -> None:
    stream = open_stream(platter.root, SOURCE, WRITER, clock=Hand(), disk=disk_of(platter))
    stream.sealer.shutdown()
    os.close(stream.lock)


def test_lines_a_killed_writer_left_unsynced_are_synced_before_they_are_shown(
    tmp_path: Path,
) -> None:
    root = tmp_path / "a"
    root.mkdir()
    platter = Platter(root, random.Random(2))
    settle(platter)
    disk = attrs.evolve(disk_of(platter), write=REAL.write)
    stream = open_stream(root, SOURCE, WRITER, clock=Hand(), disk=disk)
    append(stream, [lambda _seq, _at: [entity(1)]])
    platter.fuse = 0  # the next fsync is its last
    with pytest.raises(PowerCut):
        append(stream, [lambda _seq, _at: [entity(2)]])
    os.close(stream.lock)
    platter.fuse = 1 << 60
    again = open_stream(root, SOURCE, WRITER, clock=Hand(), disk=disk)
    shown = [record.line for record in follow(root, {}, idle=lambda: False)]
    os.close(again.lock)
    power_cut(platter, tmp_path / "b", disorder=False, state="kept")
    close_stream(open_stream(tmp_path / "b", SOURCE, WRITER, clock=Hand()))

    assert len(shown) == 2
    assert [record.line for record in read_events(tmp_path / "b")] == shown


def test_the_platter_forgets_what_was_not_synced(tmp_path: Path) -> None:
    root = tmp_path / "a"
    root.mkdir()
    platter = Platter(root, random.Random(1))
    settle(platter)
    disk = disk_of(platter)
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
    power_cut(platter, tmp_path / "b", disorder=False, state="kept")
    left = {path.name: path for path in (tmp_path / "b").iterdir()}

    assert (left["both"] / "file").read_bytes() == b"x"
    assert (left["name"] / "file").read_bytes() == b""
    assert not (left["bytes"] / "file").exists()
    assert not (left["none"] / "file").exists()
