-- civitai.images: one row per image record; files are shared, see `uuid`
-- types: image
-- shapes: list*, embedded*
-- key: id BIGINT
-- columns:
--   url                /url                  text
--   blurhash           /hash                 text
--   width              /width                int
--   height             /height               int
--   type               /type                 text
--   told_nsfw          /nsfw                 text
--   told_level         /nsfwLevel            text
--   browsing_level     /browsingLevel        int
--   created_at         /createdAt            time
--   post_id            /postId               int
--   username           /username             text
--   base_model         /baseModel            text
--   model_version_ids  /modelVersionIds      ints
--   cry_count          /stats/cryCount       int
--   laugh_count        /stats/laughCount     int
--   like_count         /stats/likeCount      int
--   dislike_count      /stats/dislikeCount   int
--   heart_count        /stats/heartCount     int
--   comment_count      /stats/commentCount   int
--   told_meta          /meta                 json
-- `meta` is flat, or wrapped as {id, meta}, or null, or (rarely) a text or a list: then there
-- is none. `nsfw` was a level once ("None", "Soft", …), is a boolean now; `nsfw_level` is the
-- word of the images listing or the bits of the models listing, as text.
SELECT
    * EXCLUDE (told_nsfw, told_level, told_meta, meta, keys),
    coalesce(as_bool(told_nsfw), told_nsfw <> 'None') AS nsfw,
    coalesce(told_level, CASE WHEN as_bool(told_nsfw) IS NULL THEN told_nsfw END) AS nsfw_level,
    nullif(regexp_extract(url, '^https?://[^/]+/[^/]+/([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(/|$)', 1), '') AS uuid,
    coalesce(cry_count, 0) + coalesce(laugh_count, 0) + coalesce(like_count, 0)
        + coalesce(dislike_count, 0) + coalesce(heart_count, 0) AS total_reactions,
    json_extract_string(meta, '/prompt') AS prompt,
    json_extract_string(meta, '/negativePrompt') AS negative_prompt,
    json_extract_string(meta, '/seed') AS seed_text,
    as_big(json_extract_string(meta, '/seed')) AS seed,
    as_int(json_extract_string(meta, '/steps')) AS steps,
    json_extract_string(meta, '/sampler') AS sampler,
    as_float(json_extract_string(meta, '/cfgScale')) AS cfg_scale,
    meta IS NOT NULL AS has_meta,
    meta::VARCHAR AS meta
FROM (
    SELECT *,
        CASE
            WHEN keys IS NULL THEN NULL
            WHEN list_sort(keys) = ['id', 'meta'] THEN
                CASE WHEN json_type(told_meta, '/meta') = 'OBJECT'
                    THEN json_extract(told_meta, '/meta') END
            ELSE told_meta::JSON
        END AS meta
    FROM (
        SELECT *,
            CASE WHEN json_type(body, '/meta') = 'OBJECT' THEN json_keys(told_meta) END AS keys
        FROM event
    )
)
