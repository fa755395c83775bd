"""Chunked COPY: the rows do not depend on the chunks, and no chunk has most of them."""

import contextlib

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projector.engine.chunked_copy import copied_in_chunks, split_by_seq
from projector.engine.connections import connect
from projector.keyframes import build as keyframing
from projector.limits import LIMITS, Limits
from projector.query.select import run_query
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.logs import Page, hours, write_log
from tests.projector.projections import MODELS


def count_per_chunk(rows: str, max_rows: int, limits: Limits = LIMITS) -> tuple[list[int], int]:
    """Returns the number of rows per chunk, and of rows that meet no condition or several."""
    with contextlib.closing(connect()) as connection:
        conditions = split_by_seq(connection, rows, max_rows, limits)
        numbers = [
            connection.execute(f"FROM ({rows}) SELECT count(*) WHERE {condition}").fetchall()[0][0]
            for condition in conditions
        ]
        met = " + ".join(f"({condition})::INTEGER" for condition in conditions)
        odd = connection.execute(f"FROM ({rows}) SELECT count(*) WHERE {met} <> 1").fetchall()
    return numbers, odd[0][0]


@given(st.lists(st.integers(1, 2**40), min_size=1, max_size=50), st.integers(0, 9))
def test_each_row_is_in_exactly_one_chunk(seqs: list[int], count: int) -> None:
    rows = f"SELECT unnest({seqs}::BIGINT[]) AS _seq"
    numbers, odd = count_per_chunk(rows, count * LIMITS.max_chunk_keys)

    assert odd == 0
    assert sum(numbers) == len(seqs)
    assert len(numbers) <= max(1, count)


def test_without_rows_there_is_still_one_chunk() -> None:
    assert count_per_chunk("SELECT 1::BIGINT AS _seq WHERE false", 3 * LIMITS.max_chunk_keys) == (
        [0],
        0,
    )


@pytest.mark.parametrize(
    "spread", ["n", "n * n * n", "n % 100_000", "if(n % 2 = 0, n, 10 ** 12 - n)::BIGINT"]
)
def test_no_chunk_has_much_more_rows_than_the_limit(spread) -> None:
    limits = attrs.evolve(LIMITS, max_chunk_keys=20_000)
    numbers, _ = count_per_chunk(
        f"SELECT {spread} AS _seq FROM range(200_000) AS t(n)", 200_000, limits
    )

    assert sum(numbers) == 200_000
    assert len(numbers) >= 10
    assert max(numbers) < 30_000


def test_temporary_files_are_deleted_also_after_an_error(tmp_path) -> None:
    path = tmp_path / "k.parquet"
    with (
        contextlib.closing(connect()) as connection,
        pytest.raises(ZeroDivisionError),
        copied_in_chunks(
            connection, "SELECT 1 AS _seq WHERE {}".format, ["true", "false"], path
        ) as copied,
    ):
        assert connection.execute(copied).fetchall() == [(1,)]
        assert len(list(tmp_path.iterdir())) == 2
        raise ZeroDivisionError

    assert list(tmp_path.iterdir()) == []


def test_a_keyframe_has_the_same_bodies_built_in_one_chunk_or_in_many(empty, monkeypatch) -> None:
    for n in range(4):
        listed = [model(str(i), f"{i} {n if i % 3 else 0}") for i in range(30)]
        write_log(
            empty, "openrouter", WRITER, [Page(hours(n), listed, f"r{n}", "/models", 1, True)]
        )
    bodies = []
    for max_keys in (10**6, 7):
        counts: list[int] = []

        def counting_chunks(*arguments, counts=counts):
            chunks = split_by_seq(*arguments)
            counts.append(len(chunks))
            return chunks

        with monkeypatch.context() as patch:
            patch.setattr(keyframing, "split_by_seq", counting_chunks)
            limits = attrs.evolve(LIMITS, min_keyframe_rows=0, max_chunk_keys=max_keys)
            update(empty, definitions=MODELS, limits=limits)
        assert (max(counts) > 3) == (max_keys == 7), "as many chunks as the rows need"
        bodies.append(_bodies(empty))
        for path in (empty / "views").rglob("*"):
            if path.name.startswith(("k-", "s-", "p-")):
                path.unlink()

    assert bodies[0] == bodies[1] != []


def _bodies(root) -> list[tuple]:
    files = sorted(str(path) for path in (root / "views").rglob("openrouter.models/*/k-*"))
    return list(run_query(root, f"FROM read_parquet({files}, filename = true) ORDER BY ALL").rows)
