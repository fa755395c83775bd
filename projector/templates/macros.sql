-- Casts from text that refuse what is not the type: NULL, never a guess.
-- In: the text of a JSON value (`json_extract_string`), NULL where it is absent or null.
CREATE OR REPLACE TEMP MACRO as_text(t) AS t;
CREATE OR REPLACE TEMP MACRO as_json(t) AS t;
CREATE OR REPLACE TEMP MACRO as_int(t) AS
    CASE WHEN regexp_full_match(t, '-?[0-9]+') THEN TRY_CAST(t AS BIGINT) END;
CREATE OR REPLACE TEMP MACRO as_big(t) AS
    CASE WHEN regexp_full_match(t, '-?[0-9]+') THEN TRY_CAST(t AS DECIMAL(38,0)) END;
CREATE OR REPLACE TEMP MACRO as_float(t) AS
    CASE WHEN regexp_full_match(t, '-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?')
        AND isfinite(TRY_CAST(t AS DOUBLE)) THEN TRY_CAST(t AS DOUBLE) END;
CREATE OR REPLACE TEMP MACRO as_price(t) AS
    CASE WHEN regexp_full_match(t, '-?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?')
        THEN TRY_CAST(t AS DECIMAL(38,24)) END;
CREATE OR REPLACE TEMP MACRO as_bool(t) AS
    CASE t WHEN 'true' THEN true WHEN 'false' THEN false END;
CREATE OR REPLACE TEMP MACRO as_time(t) AS
    CASE WHEN regexp_full_match(t, '\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[-+]\d\d:?\d\d)')
            THEN TRY_CAST(t AS TIMESTAMPTZ)
        WHEN regexp_full_match(t, '\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?')
            THEN TRY_CAST(t AS TIMESTAMP) AT TIME ZONE 'UTC' END;
CREATE OR REPLACE TEMP MACRO as_epoch(t) AS
    CASE WHEN regexp_full_match(t, '[0-9]{1,11}') THEN to_timestamp(CAST(t AS BIGINT)) END;
CREATE OR REPLACE TEMP MACRO as_date(t) AS
    CASE WHEN regexp_full_match(t, '\d{4}-\d\d-\d\d') THEN TRY_CAST(t AS DATE) END;
CREATE OR REPLACE TEMP MACRO as_texts(t) AS
    CASE WHEN starts_with(t, '[') AND json_valid(t) THEN from_json(t, '["VARCHAR"]') END;
CREATE OR REPLACE TEMP MACRO as_ints(t) AS
    CASE WHEN regexp_full_match(t, '\[\s*(-?[0-9]+\s*(,\s*-?[0-9]+\s*)*)?\]')
        THEN from_json(t, '["BIGINT"]') END;
CREATE OR REPLACE TEMP MACRO as_stubs(t) AS
    CASE WHEN starts_with(t, '[') AND json_valid(t)
        THEN list_filter(json_extract_string(t, '$[*].id'), lambda x: x IS NOT NULL) END;
CREATE OR REPLACE TEMP MACRO as_int_stubs(t) AS
    CASE WHEN starts_with(t, '[') AND json_valid(t)
        THEN list_filter(list_transform(json_extract_string(t, '$[*].id'),
            lambda x: CASE WHEN regexp_full_match(x, '[0-9]+') THEN TRY_CAST(x AS BIGINT) END),
            lambda x: x IS NOT NULL) END;
CREATE OR REPLACE TEMP MACRO is_odd(t, body, pointer) AS
    CASE WHEN left(t, 1) IN ('[', '{')
        THEN json_type(body, pointer) IN ('ARRAY', 'OBJECT') ELSE false END;
CREATE OR REPLACE TEMP MACRO position_of(instant, writer, seq) AS
    ((epoch_us(instant)::UHUGEINT << 72) + (('0x' || writer)::UHUGEINT << 40) + seq::UHUGEINT)::UUID;
CREATE OR REPLACE TEMP MACRO source_of(segment) AS split_part(segment, '/', 1);
-- Mentions of models in the meta of an image: lists of one structure, empty or NULL for none.
CREATE OR REPLACE TEMP MACRO mention(kind, name, weight_raw, hash, version_id, air, source_path) AS
    {'kind': kind, 'name': name, 'weight_raw': weight_raw, 'hash': hash,
        'version_id': version_id, 'air': air, 'source_path': source_path};
CREATE OR REPLACE TEMP MACRO resources_of_tags(prompt, place) AS
    list_transform(
        list_zip(
            regexp_extract_all(prompt, '(?i)<\s*(lora|lyco|hypernet)\s*:([^<>]*)>', 1),
            list_transform(
                regexp_extract_all(prompt, '(?i)<\s*(lora|lyco|hypernet)\s*:([^<>]*)>', 2),
                lambda rest: string_split(
                    regexp_replace(rest, '(?i)^\s*(lora|lyco|hypernet)\s*:', ''), ':')
            )
        ),
        lambda tag: mention(
            lower(tag[1]), nullif(trim(tag[2][1]), ''),
            nullif(array_to_string(list_slice(tag[2], 2, len(tag[2])), ':'), ''),
            NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, place)
    );
CREATE OR REPLACE TEMP MACRO resources_of_list(meta, place, kind, name, weight, hash) AS
    CASE WHEN json_type(meta, place) = 'ARRAY' THEN list_transform(
        from_json(json_extract(meta, place), '["JSON"]'),
        lambda each: mention(
            coalesce(json_extract_string(each, kind),
                nullif(regexp_extract(
                    concat(json_extract_string(each, '/air'), ' ', json_extract_string(each, name)),
                    'urn:air:[^:]*:([^:]*):', 1), '')),
            json_extract_string(each, name), json_extract_string(each, weight),
            json_extract_string(each, hash), json_extract_string(each, '/modelVersionId'),
            CASE WHEN starts_with(json_extract_string(each, name), 'urn:air:')
                THEN json_extract_string(each, name) ELSE json_extract_string(each, '/air') END,
            '/meta' || place)
    ) END;
CREATE OR REPLACE TEMP MACRO resources_of_names(meta, place, kind) AS
    CASE WHEN json_type(meta, place) = 'ARRAY' THEN list_transform(
        json_extract_string(json_extract(meta, place), '$[*]'),
        lambda each: mention(
            kind, each, NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR,
            CASE WHEN starts_with(each, 'urn:air:') THEN each END, '/meta' || place)
    ) END;
CREATE OR REPLACE TEMP MACRO resources_of_ids(meta, place) AS
    CASE WHEN json_type(meta, place) = 'ARRAY' THEN list_transform(
        json_extract_string(json_extract(meta, place), '$[*]'),
        lambda each: mention(
            NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, each, NULL::VARCHAR,
            '/meta' || place)
    ) END;
CREATE OR REPLACE TEMP MACRO resources_of_hashes(hashes, place, usual) AS
    CASE WHEN json_type(hashes) = 'OBJECT' THEN list_transform(
        list_zip(json_keys(hashes), json_extract_string(hashes, '$.*')),
        lambda each: mention(
            coalesce(usual, CASE WHEN contains(each[1], ':') THEN
                CASE split_part(each[1], ':', 1) WHEN 'embed' THEN 'embedding'
                    ELSE split_part(each[1], ':', 1) END
                ELSE CASE each[1] WHEN 'model' THEN 'checkpoint' ELSE each[1] END END),
            CASE WHEN usual IS NOT NULL THEN each[1]
                WHEN contains(each[1], ':') THEN substr(each[1], strpos(each[1], ':') + 1) END,
            NULL::VARCHAR, each[2], NULL::VARCHAR, NULL::VARCHAR, place)
    ) END;
CREATE OR REPLACE TEMP MACRO resources_of_pairs(told, place, kind) AS
    CASE WHEN NOT starts_with(told, '{') THEN list_transform(
        regexp_extract_all(told, '[^,:]+:\s*(0[xX])?[0-9a-fA-F]{8,64}'),
        lambda each: mention(
            kind, trim(regexp_extract(each, '^([^:]+):', 1)), NULL::VARCHAR,
            trim(regexp_extract(each, ':\s*([0-9a-zA-Z]+)$', 1)), NULL::VARCHAR, NULL::VARCHAR, place)
    ) END;
CREATE OR REPLACE TEMP MACRO resource_of_text(meta, name, hash, kind, weight) AS
    CASE WHEN json_type(meta, name) = 'VARCHAR' OR json_type(meta, hash) = 'VARCHAR' THEN [mention(
        kind, CASE WHEN json_type(meta, name) = 'VARCHAR' THEN json_extract_string(meta, name) END,
        CASE WHEN weight IS NOT NULL THEN json_extract_string(meta, weight) END,
        json_extract_string(meta, hash), NULL::VARCHAR, NULL::VARCHAR, '/meta' || name)] END;
CREATE OR REPLACE TEMP MACRO resource_of_addnet(told, weight, place) AS
    CASE WHEN told IS NULL THEN []
    ELSE [mention(
        'lora', coalesce(nullif(regexp_extract(told, '^(.*)\([0-9a-fA-F]+\)$', 1), ''), told), weight,
        nullif(regexp_extract(told, '\(([0-9a-fA-F]+)\)$', 1), ''), NULL::VARCHAR, NULL::VARCHAR,
        place)] END;
-- A graph of ComfyUI is a text that may hold what JSON does not know; a resource switched off
-- or of strength 0 was not used.
CREATE OR REPLACE TEMP MACRO comfy_graph(told) AS
    CASE WHEN json_valid(told) THEN told::JSON
        WHEN json_valid(regexp_replace(told, '([:\[,]\s*)(undefined|NaN|[-+]?Infinity)\b', '\1null', 'g'))
        THEN regexp_replace(told, '([:\[,]\s*)(undefined|NaN|[-+]?Infinity)\b', '\1null', 'g')::JSON END;
CREATE OR REPLACE TEMP MACRO comfy_name(kind, inputs, key, weight, place) AS
    mention(kind, json_extract_string(inputs, key), weight, NULL::VARCHAR, NULL::VARCHAR,
        CASE WHEN starts_with(json_extract_string(inputs, key), 'urn:air:')
            THEN json_extract_string(inputs, key) END, place);
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
