-- SQL column: a price in USD per token, DECIMAL(38, 24), as USD per million tokens. By its text, the
-- exact product is rounded once, with every version of DuckDB, and no price is too large.
($price::VARCHAR || 'e6')::DOUBLE AS $name
