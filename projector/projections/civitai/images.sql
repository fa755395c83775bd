-- civitai.images: one row per image record; files are shared, see `uuid`
-- types: image
-- shapes: list*, embedded*
-- key: id BIGINT
-- macros: civitai_meta
-- json: meta
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
-- `meta` is flat, or wrapped as {id, meta}, or null, or (rarely) a text or a list: then there
-- is none. `nsfw` was a level once ("None", "Soft", …), is a boolean now; `nsfw_level` is the
-- word of the images listing or the bits of the models listing, as text.
-- Each call of a JSON function reads its whole text again: so there are few of them.
SELECT
    * EXCLUDE (told_nsfw, told_level, told),
    coalesce(as_bool(told_nsfw), told_nsfw <> 'None') AS nsfw,
    coalesce(told_level, CASE WHEN as_bool(told_nsfw) IS NULL THEN told_nsfw END) AS nsfw_level,
    nullif(regexp_extract(url, '^https?://[^/]+/[^/]+/([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(/|$)', 1), '') AS uuid,
    TRY(coalesce(cry_count, 0) + coalesce(laugh_count, 0) + coalesce(like_count, 0)
        + coalesce(dislike_count, 0) + coalesce(heart_count, 0)) AS total_reactions,
    told[1] AS prompt,
    told[2] AS negative_prompt,
    told[3] AS seed_text,
    as_big(told[3]) AS seed,
    as_int(told[4]) AS steps,
    told[5] AS sampler,
    as_float(told[6]) AS cfg_scale,
    meta IS NOT NULL AS has_meta
FROM (
    SELECT * REPLACE (meta::VARCHAR AS meta),
        json_extract_string(
            meta, ['/prompt', '/negativePrompt', '/seed', '/steps', '/sampler', '/cfgScale']
        ) AS told
    FROM (
        SELECT * EXCLUDE (metas), meta_of(metas) AS meta
        FROM (SELECT *, json_extract(body, ['/meta', '/meta/meta']) AS metas FROM event)
    )
)
