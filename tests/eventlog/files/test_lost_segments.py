"""Losses: which are valid, and how they are stored."""

from pathlib import Path

import attrs
import pytest

from eventlog.errors import Corrupt
from eventlog.files.listing import known_streams, list_losses, list_segments
from eventlog.files.lost_segments import (
    Loss,
    chain_digest,
    encode_loss,
    parse_loss,
    read_loss,
    read_losses,
    skip_lost,
    write_loss,
)
from eventlog.format.manifest import digest
from eventlog.format.paths import loss_path, segment_at
from tests.eventlog.making import (
    HOUR,
    OTHER,
    SOURCE,
    START,
    WRITER,
    entity,
    recording_disk,
    write_log,
)

NAME = segment_at(SOURCE, WRITER, START, 0)
LOSS = Loss(1, str(NAME), 3, 5, "2026-11-21T05:00:00.000000Z", None, None)


@pytest.mark.parametrize(
    ("seq", "next_seq"), [(2, 2), (3, 8), (4, 8), (5, 8), (6, 8), (7, 8), (8, 8), (9, 10), (10, 10)]
)
def test_the_next_seq_that_is_not_lost_follows_adjacent_losses(seq: int, next_seq: int) -> None:
    losses = [LOSS, attrs.evolve(LOSS, first_seq=6, last_seq=7)]
    losses.append(attrs.evolve(LOSS, first_seq=9, last_seq=9))

    assert skip_lost(losses, seq) == next_seq


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"first_seq": 0},
        {"first_seq": 6},
    ],
)
def test_a_contradictory_loss_is_rejected(change: dict[str, int]) -> None:
    with pytest.raises(Corrupt, match="here: expected format 1 and seqs in order"):
        parse_loss(encode_loss(attrs.evolve(LOSS, **change)), "here")


def test_a_loss_in_another_spelling_is_rejected() -> None:
    assert parse_loss(encode_loss(LOSS), "here") == LOSS
    assert parse_loss(encode_loss(attrs.evolve(LOSS, first_seq=5)), "here").last_seq == 5
    with pytest.raises(Corrupt, match="here: expected exactly the bytes that hindlog writes"):
        parse_loss(encode_loss(LOSS) + b"\n", "here")
    with pytest.raises(Corrupt, match="here: expected the record of a loss"):
        parse_loss(b"{}", "here")


def test_a_loss_under_the_name_of_another_segment_is_rejected(tmp_path: Path) -> None:
    write_loss(tmp_path, LOSS)
    other = attrs.evolve(NAME, number=1)
    loss_path(tmp_path, NAME).rename(loss_path(tmp_path, other))

    with pytest.raises(Corrupt, match=f"expected the loss of {other}, found {NAME}"):
        read_loss(tmp_path, other)


def test_a_loss_is_stored_durably_and_never_replaces_another(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    root.mkdir()
    steps: list[str] = []
    write_loss(root, LOSS, recording_disk(steps))
    file = f"05-{WRITER}-000.lost.json"

    assert steps[-9:] == [
        f"write .{file}.tmp",
        f"fsync .{file}.tmp",
        f"close .{file}.tmp",
        f"link {file}",
        f"unlink .{file}.tmp",
        "sync_dir 2026-11-21",
        f"sync_dir {SOURCE}",
        "sync_dir log",
        "sync_dir archive",
    ]
    with pytest.raises(FileExistsError):
        write_loss(root, attrs.evolve(LOSS, last_seq=9))
    assert read_loss(root, NAME) == LOSS
    assert [path.name for path in loss_path(root, NAME).parent.iterdir()] == [file]


def test_losses_of_a_stream_are_in_seq_order(tmp_path: Path) -> None:
    late = attrs.evolve(LOSS, segment=str(segment_at(SOURCE, WRITER, START - HOUR, 0)))
    late = attrs.evolve(late, first_seq=7, last_seq=7)
    other = attrs.evolve(LOSS, segment=str(segment_at(SOURCE, OTHER, START, 0)))
    for loss in (other, late, LOSS):
        write_loss(tmp_path, loss)

    assert read_losses(tmp_path, SOURCE, WRITER) == [LOSS, late]
    assert read_losses(tmp_path, SOURCE, OTHER) == [other]
    assert list_losses(tmp_path) == [late.name, LOSS.name, other.name]
    assert known_streams(tmp_path) == [(SOURCE, WRITER), (SOURCE, OTHER)]


def test_losses_are_listed_in_the_order_of_their_names(tmp_path: Path) -> None:
    names = [segment_at(SOURCE, WRITER, START + n * HOUR, n) for n in range(30)]
    for name in names[::-1]:
        write_loss(tmp_path, attrs.evolve(LOSS, segment=str(name)))

    assert list_losses(tmp_path) == names


def test_remaining_files_of_a_lost_segment_are_not_listed(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]])
    write_loss(tmp_path, attrs.evolve(LOSS, segment=str(name)))

    assert list_segments(tmp_path) == []


def test_a_loss_contains_the_digest_of_the_lost_manifest_if_it_is_known() -> None:
    assert chain_digest(attrs.evolve(LOSS, manifest="ab")) == "ab"
    assert chain_digest(LOSS) == digest(encode_loss(LOSS))
