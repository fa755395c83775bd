"""Pairs are read from their file one row group at a time."""

from pathlib import Path

import duckdb
import pyarrow as pa

from projector.changes.pair_bodies import _pairs

COUNT = 200_000


def test_only_one_row_group_of_the_pairs_is_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "pairs.parquet"
    duckdb.execute(
        f"""COPY (
            SELECT
                'thing' AS type, md5(n::VARCHAR) AS before_hash, md5((n + 1)::VARCHAR) AS hash,
                'a' AS before_segment, n AS before_seq, 'b' AS segment, n + 1 AS seq,
                n % 2 = 0 AS is_far
            FROM range({COUNT}) AS t(n) ORDER BY n
        ) TO '{path}' (FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE 4096)"""
    )
    before = pa.total_allocated_bytes()
    peak = 0
    for number, pair in enumerate(_pairs(path)):
        assert (pair.before, pair.after) == (("a", number), ("b", number + 1))
        if number % 1000 == 0:
            peak = max(peak, pa.total_allocated_bytes() - before)

    assert number == COUNT - 1
    assert peak < path.stat().st_size / 8
