-- civitai.mentions: which version an image mentions, as far as known: by id, else by hash
-- reads: view
-- Of several files with one hash each version is a row. `found_by`: id (in what was mentioned),
-- hash, or listing (upstream's own list of the image's versions).
WITH resource AS MATERIALIZED (
    SELECT image_id, version_id, model_id, kind, name, hash FROM civitai.image_resources
),
version AS MATERIALIZED (SELECT id, model_id FROM civitai.model_versions),
hash AS (
    SELECT DISTINCT version_id, model_id, hash
    FROM (
        SELECT version_id, model_id,
            unnest([sha256, autov1, autov2, autov3, left(sha256, 10), left(sha256, 12), crc32, blake3]) AS hash
        FROM civitai.files
    )
    WHERE hash IS NOT NULL
)
SELECT DISTINCT
    resource.image_id, resource.version_id, coalesce(resource.model_id, version.model_id) AS model_id,
    resource.kind, resource.name, 'id' AS found_by
FROM resource LEFT JOIN version ON version.id = resource.version_id
WHERE resource.version_id IS NOT NULL OR resource.model_id IS NOT NULL
UNION
SELECT resource.image_id, hash.version_id, hash.model_id, resource.kind, resource.name, 'hash'
FROM resource JOIN hash USING (hash)
WHERE resource.version_id IS NULL
UNION
SELECT image.image_id, image.version_id, version.model_id, NULL, NULL, 'listing'
FROM (
    SELECT id AS image_id, unnest(model_version_ids) AS version_id FROM civitai.images
) AS image
LEFT JOIN version ON version.id = image.version_id
