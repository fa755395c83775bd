-- civitai.image_resources: one row per mention of a model in an image, with where it was found
-- types: image
-- shapes: list*, embedded*
-- key: image_id BIGINT
-- rows: many
-- columns:
--   told_meta  /meta  json
-- One resource is often named several times (tag, civitaiResources, AIR): every mention is
-- kept. Of a tag `<lora:name:rest>` the rest is `weight_raw`; `weight` is its first part if
-- that is a number. Hashes are upper case without `0x`. Of a graph of ComfyUI the loaders
-- are read, those that are switched off or of strength 0 are not.
SELECT
    * EXCLUDE (told_meta, meta, found, one),
    one['kind'] AS kind,
    one['name'] AS name,
    CASE WHEN regexp_full_match(trim(string_split(one['weight_raw'], ':')[1]), '[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)')
        THEN TRY_CAST(trim(string_split(one['weight_raw'], ':')[1]) AS DOUBLE) END AS weight,
    one['weight_raw'] AS weight_raw,
    upper(nullif(regexp_replace(one['hash'], '^0[xX]', ''), '')) AS hash,
    as_int(nullif(regexp_extract(one['air'], ':civitai:([0-9]+)@', 1), '')) AS model_id,
    coalesce(
        as_int(one['version_id']),
        as_int(nullif(regexp_extract(one['air'], ':civitai:[0-9]+@([0-9]+)', 1), ''))
    ) AS version_id,
    one['air'] AS air,
    one['source_path'] AS source_path
FROM (
    SELECT *, unnest(CASE WHEN len(found) = 0 THEN [NULL] ELSE found END) AS one,
        unnest(CASE WHEN len(found) = 0 THEN [0] ELSE range(1, len(found) + 1) END)::INTEGER AS _row
    FROM (
        SELECT *, list_filter(list_concat(
            resources_of_tags(json_extract_string(meta, '/prompt'), '/meta/prompt'),
            resources_of_tags(json_extract_string(meta, '/negativePrompt'), '/meta/negativePrompt'),
            resources_of_list(meta, '/resources', '/type', '/name', '/weight', '/hash'),
            resources_of_list(meta, '/civitaiResources', '/type', '/modelVersionName', '/weight', '/hash'),
            resources_of_list(meta, '/additionalResources', '/type', '/name', '/strength', '/hash'),
            resources_of_names(meta, '/models', 'checkpoint'),
            resources_of_names(meta, '/vaes', 'vae'),
            resources_of_names(meta, '/upscalers', 'upscaler'),
            resources_of_names(meta, '/controlNets', 'controlnet'),
            resources_of_ids(meta, '/versionIds'),
            resources_of_hashes(json_extract(meta, '/hashes'), '/meta/hashes', NULL),
            resources_of_hashes(json_extract(meta, '/TI hashes'), '/meta/TI hashes', 'embedding'),
            resources_of_hashes(json_extract(meta, '/Lora hashes'), '/meta/Lora hashes', 'lora'),
            resources_of_pairs(json_extract_string(meta, '/TI hashes'), '/meta/TI hashes', 'embedding'),
            resources_of_pairs(json_extract_string(meta, '/Lora hashes'), '/meta/Lora hashes', 'lora'),
            resources_of_comfy(json_extract_string(meta, '/comfy'), '/meta/comfy'),
            resource_of_text(meta, '/Model', '/Model hash', 'checkpoint', NULL),
            resource_of_text(meta, '/VAE', '/VAE hash', 'vae', NULL),
            resource_of_text(meta, '/Refiner', '/Refiner hash', 'checkpoint', NULL),
            resource_of_text(meta, '/Hypernet', '/Hypernet hash', 'hypernet', '/Hypernet strength'),
            flatten(list_transform([1, 2, 3, 4, 5], lambda i: resource_of_addnet(
                json_extract_string(meta, '/AddNet Model ' || i),
                json_extract_string(meta, '/AddNet Weight A ' || i),
                '/meta/AddNet Model ' || i
            )))
        ), lambda each: each IS NOT NULL) AS found
        FROM (
            SELECT *, CASE
                WHEN coalesce(json_type(body, '/meta'), '') <> 'OBJECT' THEN NULL
                WHEN list_sort(json_keys(told_meta)) = ['id', 'meta'] THEN
                    CASE WHEN json_type(told_meta, '/meta') = 'OBJECT'
                        THEN json_extract(told_meta, '/meta') END
                ELSE told_meta::JSON END AS meta
            FROM event
        )
    )
)
