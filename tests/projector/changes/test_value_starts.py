"""Since when values were seen: the rows for bodies that were not stored at that instant."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

from eventlog.files.listing import list_segments
from eventlog.format.event import ENTITY, PAGE, Draft
from eventlog.format.paths import manifest_path, sealed_path
from projector.changes.value_starts import file_of_starts
from projector.update.update import update
from tests.projector.compare_views import DEFINITIONS
from tests.projector.few import write_drafts
from tests.projector.logs import T0, hours

WRITER, OTHER = "0000000a", "0000000b"
Batch = tuple[int, list[Draft]]


def batch(hour: int, *, stores: str | None = None, names: int = 0, shape: str = "list") -> Batch:
    """Returns a page that shows `x`: with the value it stores, or with that of an earlier event.

    `names`: seq of the event that contains the body.
    """
    epoch = f"epoch {hour}"
    entity = Draft(
        kind=ENTITY, epoch=epoch, type="thing", id="x", shape=shape, hash=stores, body=b"{}"
    )
    roster, shapes = {"/x": [("thing", "x", names)]}, {"/x": shape}
    page = Draft(kind=PAGE, epoch=epoch, members={"roster": roster, "shapes": shapes})
    return hours(hour), [page] if stores is None else [entity, page]


def folder_of(root: Path) -> Path:
    return root / "views/parts/shop/log.starts/rules-1"


def starts(root: Path) -> list[tuple[Any, ...]]:
    """Returns the rows of the file: seq, begin and end in hours, epoch."""
    with contextlib.closing(duckdb.connect()) as connection:
        rows = connection.execute(
            "SELECT _writer, _seq, epoch_us(since), epoch_us(until), epoch "
            "FROM read_parquet(?) ORDER BY ALL",
            [str(file_of_starts(folder_of(root)))],
        ).fetchall()
    end = 253370764800000000
    return [
        (writer, seq, hour(since), None if until == end else hour(until), epoch)
        for writer, seq, since, until, epoch in rows
    ]


def hour(instant: int) -> int:
    return (instant - T0) // (hours(1) - T0)


def write(root: Path, batches: Sequence[Batch], writer: str = WRITER) -> None:
    write_drafts(root, "shop", batches, writer)
    assert update(root, definitions=DEFINITIONS).failed == ()


def test_bodies_that_were_stored_when_their_value_was_first_seen_have_no_row(
    tmp_path: Path,
) -> None:
    write(
        tmp_path, [batch(0, stores="A", names=1), batch(1, names=1), batch(2, stores="B", names=4)]
    )

    assert starts(tmp_path) == []


def test_a_body_that_was_stored_after_the_first_sighting_has_a_row_until_the_value_changes(
    tmp_path: Path,
) -> None:
    write(tmp_path, [batch(2, stores="A", names=1), batch(1, names=1)])
    assert starts(tmp_path) == [(WRITER, 1, 1, None, "epoch 1")]

    write(tmp_path, [batch(4, stores="B", names=4)])
    assert starts(tmp_path) == [(WRITER, 1, 1, 4, "epoch 1")]


def test_a_body_that_is_named_again_after_another_value_has_a_row_for_the_second_run(
    tmp_path: Path,
) -> None:
    write(
        tmp_path, [batch(0, stores="A", names=1), batch(2, names=1), batch(1, stores="B", names=4)]
    )

    assert starts(tmp_path) == [(WRITER, 1, 2, None, "epoch 2")]


def test_a_value_that_is_stored_again_was_seen_since_the_first_time(tmp_path: Path) -> None:
    write(tmp_path, [batch(0, stores="A", names=1)])
    write(tmp_path, [batch(1, stores="A", names=1)], OTHER)

    assert starts(tmp_path) == [(OTHER, 1, 0, None, "epoch 0")]


def test_shapes_have_starts_of_their_own(tmp_path: Path) -> None:
    write(
        tmp_path,
        [batch(0, stores="A", names=1), batch(1, stores="A", names=3, shape="detail")],
    )

    assert starts(tmp_path) == []


def test_the_file_is_written_only_if_starts_changed(tmp_path: Path) -> None:
    write(tmp_path, [batch(2, stores="A", names=1), batch(1, names=1)])
    file = file_of_starts(folder_of(tmp_path))

    write(tmp_path, [batch(3, names=1)])
    assert file_of_starts(folder_of(tmp_path)) == file

    write(tmp_path, [batch(0, names=1)])
    assert file_of_starts(folder_of(tmp_path)) != file
    assert starts(tmp_path) == [(WRITER, 1, 0, None, "epoch 0")]


@pytest.mark.parametrize("lost", ["state.json", "v-*.parquet"])
def test_what_was_lost_is_found_again_in_all_of_history(tmp_path: Path, lost: str) -> None:
    write(tmp_path, [batch(2, stores="A", names=1), batch(1, names=1)])
    for path in folder_of(tmp_path).glob(lost):
        path.unlink()

    assert file_of_starts(folder_of(tmp_path)).name == "schema.parquet"
    assert update(tmp_path, definitions=DEFINITIONS).failed == ()
    assert starts(tmp_path) == [(WRITER, 1, 1, None, "epoch 1")]


def test_a_segment_that_the_log_lost_counts_no_longer(tmp_path: Path) -> None:
    write(tmp_path, [batch(2, stores="A", names=1), batch(1, names=1)])
    (name,) = [
        each.name for each in list_segments(tmp_path, "shop") if each.name.starts_at == hours(1)
    ]
    for path_of in (sealed_path, manifest_path):
        path_of(tmp_path, name).unlink()

    write(tmp_path, [batch(3, stores="B", names=1)], OTHER)

    assert starts(tmp_path) == []


def test_a_state_that_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_bytes(orjson.dumps({})[:1])

    assert file_of_starts(tmp_path) == tmp_path / "schema.parquet"
