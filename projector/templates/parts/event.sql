-- In: `line`; the types and shapes read; pointers and casts of the declared columns.
-- Out: one row per stored body, or as many as the SELECT gives, from `event`: provenance
-- (names begin with `_`), the declared columns, `_errors`, `body`.
WITH told AS (
    SELECT
        position AS _position,
        writer AS _writer,
        seq AS _seq,
        observed_at AS _body_at,
        type AS _type,
        id AS _id,
        parent_type AS _parent_type,
        parent_id AS _parent_id,
        hash AS _hash,
        shape AS _shape,
        endpoint AS _endpoint,
        params::VARCHAR AS _params,
        run AS _run,
        epoch AS _epoch,
        segment AS _segment,
        body_asset AS _asset,
        body,
        json_extract_string(body, $pointers) AS told
    FROM line
    WHERE kind = 'entity' AND list_contains($types, type) AND ($shapes)
),
event AS (
    SELECT
        * EXCLUDE (told, _asset),
        $columns
        list_concat(
            CASE WHEN body IS NULL
                THEN [{'path': '', 'value': coalesce('asset ' || _asset, 'not JSON')}]
                ELSE []::STRUCT(path VARCHAR, value VARCHAR)[] END,
            CASE WHEN $any_error
                THEN list_filter([$errors], lambda e: e['path'] IS NOT NULL)
                ELSE []::STRUCT(path VARCHAR, value VARCHAR)[] END
            $more_errors
        ) AS _errors
    FROM told
)
SELECT COLUMNS(lambda name: name <> 'body') FROM ($select)
