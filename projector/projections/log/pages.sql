-- log.pages: one row per response: what was asked, what came, where it stands in its listing
-- reads: line
-- json: params
SELECT
    position AS _position, observed_at, source_of(segment) AS source, writer, seq,
    kind, run, epoch, endpoint, params::VARCHAR AS params, url, status, ms, bytes, sha256,
    scope, page_no, coalesce(last, false) AS last,
    coalesce(list_sum(list_transform(map_values(roster), lambda each: len(each))), 0)::BIGINT
        AS entities,
    json_extract_string(coalesce(reason, error, why), '$') AS why, segment
FROM line
WHERE kind IN ('page', 'page_failed')
