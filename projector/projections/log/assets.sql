-- log.assets: bodies too large for a line: their bytes lie in `assets/` by their SHA-256
-- reads: line
SELECT
    position AS _position, observed_at, source_of(segment) AS source, body_asset AS sha256,
    kind, type, id, shape, endpoint, url, writer, seq, segment
FROM line
WHERE body_asset IS NOT NULL
