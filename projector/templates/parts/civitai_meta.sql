-- The meta of an image, from its `/meta` and `/meta/meta` as JSON: an object, flat or wrapped.
CREATE OR REPLACE TEMP MACRO meta_of(told) AS CASE WHEN starts_with(told[1], '{') THEN
    CASE WHEN told[2] IS NULL THEN told[1]
        WHEN list_sort(json_keys(told[1])) <> ['id', 'meta'] THEN told[1]
        WHEN starts_with(told[2], '{') THEN told[2] END END;
CREATE OR REPLACE TEMP MACRO text_of(told) AS
    CASE WHEN told IS NOT NULL THEN json_extract_string(told, '$') END;
-- Mentions of models in the meta of an image: lists of one structure, empty or NULL for none.
-- In: JSON as `json_extract` gives it, so that its first character tells its type.
CREATE OR REPLACE TEMP MACRO mention(kind, name, weight_raw, hash, version_id, air, source_path) AS
    {'kind': kind, 'name': name, 'weight_raw': weight_raw, 'hash': hash,
        'version_id': version_id, 'air': air, 'source_path': source_path};
CREATE OR REPLACE TEMP MACRO air_of(name) AS
    CASE WHEN starts_with(name, 'urn:air:') THEN name END;
CREATE OR REPLACE TEMP MACRO resources_of_tags(prompt, place) AS
    list_transform(
        list_zip(
            regexp_extract_all(prompt, '(?i)<\s*(lora|lyco|hypernet)\s*:([^<>]*)>', 1),
            list_transform(
                regexp_extract_all(prompt, '(?i)<\s*(lora|lyco|hypernet)\s*:([^<>]*)>', 2),
                -- The name ends at the next colon, an AIR at the colon after its id.
                lambda rest: regexp_extract(
                    regexp_replace(rest, '(?i)^\s*(lora|lyco|hypernet)\s*:', ''),
                    '(?s)^\s*(urn:air:[^:]*:[^:]*:[^:]*:[^:]*|[^:]*)(:(.*))?$', ['name', 'more', 'weight'])
            )
        ),
        lambda tag: mention(
            lower(tag[1]), nullif(trim(tag[2]['name']), ''), nullif(tag[2]['weight'], ''),
            NULL::VARCHAR, NULL::VARCHAR, air_of(trim(tag[2]['name'])), place)
    );
CREATE OR REPLACE TEMP MACRO resources_of_list(told, place, kind, name, weight, hash) AS
    CASE WHEN starts_with(told, '[') THEN list_transform(
        list_transform(
            from_json(told, '["JSON"]'),
            lambda each: json_extract_string(
                each, [kind, name, weight, hash, '/modelVersionId', '/air'])
        ),
        lambda each: mention(
            coalesce(each[1],
                nullif(regexp_extract(concat(each[6], ' ', each[2]), 'urn:air:[^:]*:([^:]*):', 1), '')),
            each[2], each[3], each[4], each[5],
            coalesce(air_of(each[2]), each[6]),
            place)
    ) END;
CREATE OR REPLACE TEMP MACRO resources_of_names(told, place, kind) AS
    CASE WHEN starts_with(told, '[') THEN list_transform(
        json_extract_string(told, '$[*]'),
        lambda each: mention(
            kind, each, NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, air_of(each), place)
    ) END;
CREATE OR REPLACE TEMP MACRO resources_of_ids(told, place) AS
    CASE WHEN starts_with(told, '[') THEN list_transform(
        json_extract_string(told, '$[*]'),
        lambda each: mention(
            NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, each, NULL::VARCHAR, place)
    ) END;
CREATE OR REPLACE TEMP MACRO resources_of_hashes(hashes, place, usual) AS
    CASE WHEN starts_with(hashes, '{') THEN list_transform(
        list_zip(json_keys(hashes), json_extract_string(hashes, '$.*')),
        lambda each: mention(
            coalesce(usual, CASE WHEN contains(each[1], ':') THEN
                CASE split_part(each[1], ':', 1) WHEN 'embed' THEN 'embedding'
                    ELSE split_part(each[1], ':', 1) END
                ELSE CASE each[1] WHEN 'model' THEN 'checkpoint' ELSE each[1] END END),
            CASE WHEN usual IS NOT NULL THEN each[1]
                WHEN contains(each[1], ':') THEN substr(each[1], strpos(each[1], ':') + 1) END,
            NULL::VARCHAR, each[2], NULL::VARCHAR,
            nullif(regexp_extract(each[1], 'urn:air:.*$'), ''), place)
    ) END;
CREATE OR REPLACE TEMP MACRO resources_of_pairs(told, place, kind) AS
    CASE WHEN NOT starts_with(told, '{') THEN list_transform(
        regexp_extract_all(text_of(told), '[^,:]+:\s*(0[xX])?[0-9a-fA-F]{8,64}'),
        lambda each: mention(
            kind, trim(regexp_extract(each, '^([^:]+):', 1)), NULL::VARCHAR,
            trim(regexp_extract(each, ':\s*([0-9a-zA-Z]+)$', 1)), NULL::VARCHAR, NULL::VARCHAR, place)
    ) END;
CREATE OR REPLACE TEMP MACRO resource_of_text(kind, name, hash, weight, place) AS
    CASE WHEN starts_with(name, '"') OR starts_with(hash, '"') THEN [mention(
        kind, CASE WHEN starts_with(name, '"') THEN text_of(name) END, text_of(weight),
        text_of(hash), NULL::VARCHAR, air_of(text_of(name)), place)] END;
CREATE OR REPLACE TEMP MACRO resource_of_addnet(told, weight, place) AS
    CASE WHEN text_of(told) IS NULL THEN []
    ELSE [mention(
        'lora',
        coalesce(nullif(regexp_extract(text_of(told), '^(.*)\([0-9a-fA-F]+\)$', 1), ''), text_of(told)),
        text_of(weight),
        nullif(regexp_extract(text_of(told), '\(([0-9a-fA-F]+)\)$', 1), ''), NULL::VARCHAR,
        air_of(regexp_replace(text_of(told), '\([0-9a-fA-F]+\)$', '')), place)] END;
-- A graph of ComfyUI is a text that may hold what JSON does not know; a resource switched off
-- or of strength 0 was not used.
CREATE OR REPLACE TEMP MACRO comfy_graph(told) AS
    CASE WHEN json_valid(told) THEN told::JSON
        WHEN json_valid(regexp_replace(told, '([:\[,]\s*)(undefined|NaN|[-+]?Infinity)\b', '\1null', 'g'))
        THEN regexp_replace(told, '([:\[,]\s*)(undefined|NaN|[-+]?Infinity)\b', '\1null', 'g')::JSON END;
CREATE OR REPLACE TEMP MACRO comfy_name(kind, inputs, key, weight, place) AS
    mention(kind, json_extract_string(inputs, key), weight, NULL::VARCHAR, NULL::VARCHAR,
        air_of(json_extract_string(inputs, key)), place);
CREATE OR REPLACE TEMP MACRO is_zero(told) AS
    coalesce(TRY_CAST(told AS DOUBLE) = 0, false);
CREATE OR REPLACE TEMP MACRO resources_of_node(inputs, place) AS list_concat(
    CASE WHEN json_type(inputs, '/ckpt_name') = 'VARCHAR'
        THEN [comfy_name('checkpoint', inputs, '/ckpt_name', NULL::VARCHAR, place)] END,
    CASE WHEN json_type(inputs, '/unet_name') = 'VARCHAR'
        THEN [comfy_name('checkpoint', inputs, '/unet_name', NULL::VARCHAR, place)] END,
    CASE WHEN json_type(inputs, '/vae_name') = 'VARCHAR'
        THEN [comfy_name('vae', inputs, '/vae_name', NULL::VARCHAR, place)] END,
    CASE WHEN json_type(inputs, '/lora_name') = 'VARCHAR' AND NOT (
            is_zero(json_extract_string(inputs, '/strength_model'))
            AND coalesce(is_zero(json_extract_string(inputs, '/strength_clip'))
                OR json_type(inputs, '/strength_clip') IS NULL, true))
        THEN [comfy_name('lora', inputs, '/lora_name',
            json_extract_string(inputs, '/strength_model'), place)] END,
    list_transform(
        list_filter(
            CASE WHEN json_type(inputs) = 'OBJECT'
                THEN list_zip(json_keys(inputs), json_extract(inputs, '$.*')) END,
            lambda each: regexp_full_match(each[1], 'lora_[0-9]+')
                AND json_type(each[2], '/lora') = 'VARCHAR'
                AND coalesce(json_extract_string(each[2], '/on'), 'true') <> 'false'
                AND NOT is_zero(json_extract_string(each[2], '/strength'))
        ),
        lambda each: comfy_name('lora', each[2], '/lora',
            json_extract_string(each[2], '/strength'), place)
    )
);
CREATE OR REPLACE TEMP MACRO resources_of_comfy(told, place) AS flatten(list_transform(
    list_filter(
        json_extract(comfy_graph(told), '$.prompt.*'),
        lambda node: contains(coalesce(json_extract_string(node, '/class_type'), ''), 'Loader')
    ),
    lambda node: resources_of_node(json_extract(node, '/inputs'), place)
));
