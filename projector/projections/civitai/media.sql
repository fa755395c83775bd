-- civitai.media: one row per file of an image: several records may share one
-- reads: view
SELECT
    uuid,
    arg_min(url, id) AS url,
    arg_min(type, id) AS type,
    list(DISTINCT id ORDER BY id) FILTER (id IS NOT NULL) AS image_ids,
    min(_first_seen_at) AS _first_seen_at,
    max(_last_seen_at) AS _last_seen_at
FROM civitai.images
WHERE uuid IS NOT NULL
GROUP BY uuid
