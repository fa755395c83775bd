"""The result of a query as a Parquet file: what DuckDB said, with its types."""

from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq

from projector.query.parquet_rows import write_parquet


def test_types_are_those_of_the_query_not_those_of_the_first_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    columns, types = ("price", "words", "body"), ("DECIMAL(38,24)", "VARCHAR[]", "JSON")
    rows = [(Decimal("0.000001"), None, None)] * 20_000 + [(Decimal("123"), ["a"], '{"b":1}')]

    write_parquet(columns, rows, path, types)

    table = pq.read_table(path)
    assert table.num_rows == 20_001
    assert str(table.schema.field("price").type) == "decimal128(38, 24)"
    assert table.to_pylist()[-1] == {"price": Decimal("123"), "words": ["a"], "body": '{"b":1}'}


def test_no_rows_still_have_columns(tmp_path: Path) -> None:
    write_parquet(("n",), [], tmp_path / "none.parquet", ("BIGINT",))

    assert pq.read_table(tmp_path / "none.parquet").schema.names == ["n"]
