-- SQL expression: the BIGINT that a text spells as JSON does, else NULL: `007`, ` 8`, `-0`, `1_0`
-- and numbers beyond 64 bits are texts only.
CASE WHEN TRY_CAST($text AS BIGINT)::VARCHAR = $text THEN TRY_CAST($text AS BIGINT) END
