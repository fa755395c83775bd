-- In: files of whole lines (a list of paths), the longest line in bytes; where the name of the
-- segment is: in the name of the file, or the first member of each line.
-- Out: `line`, one row per event: its envelope, what SQL needs of a page, the body as JSON.
-- The functions for JSON return the first of equal keys of an object. A VARIANT keeps the last
-- one, as every other reader does, but numbers beyond 64 bits lose digits; so only bodies with
-- equal keys go through it: then it is of another length, and has fewer members.
SELECT
    writer,
    seq,
    observed_at::TIMESTAMPTZ AS observed_at,
    position_of(observed_at::TIMESTAMPTZ, writer, seq) AS position,
    * EXCLUDE (writer, seq, observed_at, filename) REPLACE (
        CASE WHEN kind = 'entity'
                AND strlen(body) <> strlen(TRY_CAST(body AS VARIANT)::JSON)
                AND strlen(body) - strlen(replace(body, '":', ''))
                    <> strlen(TRY_CAST(body AS VARIANT)::JSON)
                        - strlen(replace(TRY_CAST(body AS VARIANT)::JSON, '":', ''))
            THEN TRY_CAST(body AS VARIANT)::JSON ELSE body END AS body
    )
    $segment_of_file
FROM read_json(
    $files,
    format = 'newline_delimited',
    filename = true,
    maximum_object_size = $longest,
    columns = {
        writer: 'VARCHAR', seq: 'BIGINT', observed_at: 'VARCHAR', kind: 'VARCHAR',
        run: 'VARCHAR', epoch: 'VARCHAR', type: 'VARCHAR', id: 'VARCHAR',
        parent_type: 'VARCHAR', parent_id: 'VARCHAR', shape: 'VARCHAR',
        endpoint: 'VARCHAR', params: 'JSON', hash: 'VARCHAR',
        url: 'VARCHAR', status: 'INTEGER', ms: 'DOUBLE', bytes: 'BIGINT', sha256: 'VARCHAR',
        scope: 'VARCHAR', page_no: 'INTEGER', last: 'BOOLEAN',
        roster: 'MAP(VARCHAR, VARCHAR[][])', shapes: 'MAP(VARCHAR, VARCHAR)',
        reason: 'JSON', error: 'JSON', attempts: 'JSON', state: 'VARCHAR', evidence: 'JSON',
        headers: 'JSON', listing: 'VARCHAR', why: 'JSON', pages: 'BIGINT', entities: 'BIGINT',
        repaired: 'BOOLEAN', body_asset: 'VARCHAR', body: 'JSON' $segment_of_line
    }
)
