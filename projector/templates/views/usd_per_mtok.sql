-- SQL column: a price in USD per token, DECIMAL(38, 24), as USD per million tokens. The product is
-- exact and rounded once; one that is too large for a DECIMAL is rounded before.
coalesce(TRY(($price * 1000000)::DOUBLE), $price::DOUBLE * 1000000) AS $name
