"""Turns: the same rows however many turns they are made in, and no turn with most of them."""

import contextlib

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projector.engine.chunked_copy import in_turns, ranges
from projector.engine.connections import connect
from projector.keyframes import build as keyframing
from projector.limits import LIMITS, Limits
from projector.query.select import query
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.logs import Page, hours, write_log
from tests.projector.projections import MODELS


def counted(rows: str, told: int, limits: Limits = LIMITS) -> tuple[list[int], int]:
    """How many rows each turn has, and how many meet no condition or several."""
    with contextlib.closing(connect()) as connection:
        conditions = ranges(connection, rows, told, limits)
        numbers = [
            connection.execute(f"FROM ({rows}) SELECT count(*) WHERE {each}").fetchall()[0][0]
            for each in conditions
        ]
        met = " + ".join(f"({each})::INTEGER" for each in conditions)
        odd = connection.execute(f"FROM ({rows}) SELECT count(*) WHERE {met} <> 1").fetchall()
    return numbers, odd[0][0]


@given(st.lists(st.integers(1, 2**40), min_size=1, max_size=50), st.integers(0, 9))
def test_each_row_is_in_one_turn_however_its_seqs_lie(seqs: list[int], count: int) -> None:
    rows = f"SELECT unnest({seqs}::BIGINT[]) AS _seq"
    numbers, odd = counted(rows, count * LIMITS.max_chunk_keys)

    assert odd == 0
    assert sum(numbers) == len(seqs)
    assert len(numbers) <= max(1, count)


def test_where_there_is_no_row_there_is_still_one_turn() -> None:
    assert counted("SELECT 1::BIGINT AS _seq WHERE false", 3 * LIMITS.max_chunk_keys) == ([0], 0)


@pytest.mark.parametrize(
    "spread", ["n", "n * n * n", "n % 100_000", "if(n % 2 = 0, n, 10 ** 12 - n)::BIGINT"]
)
def test_a_turn_holds_hardly_more_than_it_may_however_large_the_log(spread) -> None:
    limits = attrs.evolve(LIMITS, max_chunk_keys=20_000)
    numbers, _ = counted(f"SELECT {spread} AS _seq FROM range(200_000) AS t(n)", 200_000, limits)

    assert sum(numbers) == 200_000
    assert len(numbers) >= 10
    assert max(numbers) < 30_000


def test_what_the_turns_wrote_aside_is_gone_also_when_one_fails(tmp_path) -> None:
    path = tmp_path / "k.parquet"
    with (
        contextlib.closing(connect()) as connection,
        pytest.raises(ZeroDivisionError),
        in_turns(connection, "SELECT 1 AS _seq WHERE {}".format, ["true", "false"], path) as all,
    ):
        assert connection.execute(all).fetchall() == [(1,)]
        assert len(list(tmp_path.iterdir())) == 2
        raise ZeroDivisionError

    assert list(tmp_path.iterdir()) == []


def test_a_keyframe_holds_the_same_bodies_made_in_one_turn_or_in_many(empty, monkeypatch) -> None:
    for n in range(4):
        listed = [model(str(i), f"{i} {n if i % 3 else 0}") for i in range(30)]
        write_log(
            empty, "openrouter", WRITER, [Page(hours(n), listed, f"r{n}", "/models", 1, True)]
        )
    made = []
    for most in (10**6, 7):
        chosen: list[int] = []

        def watched(*given, chosen=chosen):
            found = ranges(*given)
            chosen.append(len(found))
            return found

        with monkeypatch.context() as patch:
            patch.setattr(keyframing, "ranges", watched)
            limits = attrs.evolve(LIMITS, min_keyframe_rows=0, max_chunk_keys=most)
            update(empty, definitions=MODELS, limits=limits)
        assert (max(chosen) > 3) == (most == 7), "as many turns as the rows need"
        made.append(_bodies(empty))
        for each in (empty / "views").rglob("*"):
            if each.name.startswith(("k-", "s-", "p-")):
                each.unlink()

    assert made[0] == made[1] != []


def _bodies(root) -> list[tuple]:
    files = sorted(str(path) for path in (root / "views").rglob("openrouter.models/*/k-*"))
    return list(query(root, f"FROM read_parquet({files}, filename = true) ORDER BY ALL").rows)
