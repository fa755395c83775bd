"""SQL of what a view makes of stored columns: the type JSON, and prices per million tokens. Pure.

Both are computed when a view is read, so that no part is rebuilt for them, and a query that does
not select such a column does not pay for it.
"""

from projector.definition import Definition
from projector.engine.sql_text import fill, identifier

SUFFIX = "_usd_per_mtok"
"""Suffix of the column with a price in USD per million tokens."""


def as_json_sql(definition: Definition, table: str = "") -> str:
    """Returns the REPLACE clause that gives the columns with JSON texts DuckDB's type JSON.

    `table`: what the columns belong to, as `name.`.
    """
    columns = ((identifier(name), f"{table}{identifier(name)}") for name in definition.json)
    casts = (f"{fill('as_json', text=text)} AS {name}" for name, text in columns)
    return f"REPLACE ({', '.join(casts)})" if definition.json else ""


def computed_sql(definition: Definition, table: str) -> str:
    """Returns the columns that the view adds, each with a comma after it."""
    prices = (
        fill(
            "usd_per_mtok",
            price=f"{table}{identifier(name)}",
            name=identifier(name + SUFFIX),
        )
        for name in definition.usd_per_mtok
    )
    return " ".join(f"{price}," for price in prices)
