-- civitai.image_resources: one row per mention of a model in an image, with where it was found
-- types: image
-- shapes: list*, embedded*
-- key: image_id BIGINT
-- rows: many
-- macros: civitai_meta
-- One resource is often named several times (tag, civitaiResources, AIR): every mention is
-- kept. Of a tag `<lora:name:rest>` the rest is `weight_raw`; `weight` is its first part if
-- that is a number. Hashes are upper case without `0x`. Of a graph of ComfyUI the loaders
-- are read, those that are switched off or of strength 0 are not.
SELECT
    * EXCLUDE (found, one),
    one['kind'] AS kind,
    one['name'] AS name,
    CASE WHEN regexp_full_match(trim(string_split(one['weight_raw'], ':')[1]), '[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)')
        THEN TRY_CAST(trim(string_split(one['weight_raw'], ':')[1]) AS DOUBLE) END AS weight,
    one['weight_raw'] AS weight_raw,
    upper(nullif(regexp_replace(one['hash'], '^0[xX]', ''), '')) AS hash,
    as_int(nullif(regexp_extract(one['air'], ':civitai:([0-9]+)(@|:|$)', 1), '')) AS model_id,
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
        SELECT * EXCLUDE (told), list_filter(list_concat(
            resources_of_tags(text_of(told[1]), '/meta/prompt'),
            resources_of_tags(text_of(told[2]), '/meta/negativePrompt'),
            resources_of_list(told[3], '/meta/resources', '/type', '/name', '/weight', '/hash'),
            resources_of_list(told[4], '/meta/civitaiResources', '/type', '/modelVersionName', '/weight', '/hash'),
            resources_of_list(told[5], '/meta/additionalResources', '/type', '/name', '/strength', '/hash'),
            resources_of_names(told[6], '/meta/models', 'checkpoint'),
            resources_of_names(told[7], '/meta/vaes', 'vae'),
            resources_of_names(told[8], '/meta/upscalers', 'upscaler'),
            resources_of_names(told[9], '/meta/controlNets', 'controlnet'),
            resources_of_ids(told[10], '/meta/versionIds'),
            resources_of_hashes(told[11], '/meta/hashes', NULL),
            resources_of_hashes(told[12], '/meta/TI hashes', 'embedding'),
            resources_of_hashes(told[13], '/meta/Lora hashes', 'lora'),
            resources_of_pairs(told[12], '/meta/TI hashes', 'embedding'),
            resources_of_pairs(told[13], '/meta/Lora hashes', 'lora'),
            CASE WHEN told[14] IS NOT NULL THEN resources_of_comfy(text_of(told[14]), '/meta/comfy') END,
            resource_of_text('checkpoint', told[15], told[16], NULL, '/meta/Model'),
            resource_of_text('vae', told[17], told[18], NULL, '/meta/VAE'),
            resource_of_text('checkpoint', told[19], told[20], NULL, '/meta/Refiner'),
            resource_of_text('hypernet', told[21], told[22], told[23], '/meta/Hypernet'),
            resource_of_addnet(told[24], told[25], '/meta/AddNet Model 1'),
            resource_of_addnet(told[26], told[27], '/meta/AddNet Model 2'),
            resource_of_addnet(told[28], told[29], '/meta/AddNet Model 3'),
            resource_of_addnet(told[30], told[31], '/meta/AddNet Model 4'),
            resource_of_addnet(told[32], told[33], '/meta/AddNet Model 5')
        ), lambda each: each IS NOT NULL) AS found
        FROM (
            -- One reading of meta: a call of a JSON function for each form would read it 40 times.
            SELECT * EXCLUDE (metas), json_extract(meta_of(metas), [
                '/prompt', '/negativePrompt', '/resources', '/civitaiResources',
                '/additionalResources', '/models', '/vaes', '/upscalers', '/controlNets',
                '/versionIds', '/hashes', '/TI hashes', '/Lora hashes', '/comfy',
                '/Model', '/Model hash', '/VAE', '/VAE hash', '/Refiner', '/Refiner hash',
                '/Hypernet', '/Hypernet hash', '/Hypernet strength',
                '/AddNet Model 1', '/AddNet Weight A 1', '/AddNet Model 2', '/AddNet Weight A 2',
                '/AddNet Model 3', '/AddNet Weight A 3', '/AddNet Model 4', '/AddNet Weight A 4',
                '/AddNet Model 5', '/AddNet Weight A 5'
            ]) AS told
            FROM (SELECT *, json_extract(body, ['/meta', '/meta/meta']) AS metas FROM event)
        )
    )
)
