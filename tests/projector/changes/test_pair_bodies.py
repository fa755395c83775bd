"""Pairs: read from their file group by group."""

from pathlib import Path

import duckdb
import pyarrow as pa

from projector.changes.pair_bodies import _pairs

COUNT = 200_000


def test_of_the_file_of_pairs_no_more_is_held_than_a_group(tmp_path: Path) -> None:
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
    held = pa.total_allocated_bytes()
    most = 0
    for number, pair in enumerate(_pairs(path)):
        assert (pair.before, pair.after) == (("a", number), ("b", number + 1))
        if number % 1000 == 0:
            most = max(most, pa.total_allocated_bytes() - held)

    assert number == COUNT - 1
    assert most < path.stat().st_size / 8
