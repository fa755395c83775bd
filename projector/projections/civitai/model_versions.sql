-- civitai.model_versions: one row per version of a model, with its files
-- types: modelVersion
-- shapes: embedded* detail* by-hash*
-- key: id BIGINT
-- columns:
--   told_model_id    /modelId             int
--   name             /name                text
--   base_model       /baseModel           text
--   base_model_type  /baseModelType       text
--   created_at       /createdAt           time
--   published_at     /publishedAt         time
--   updated_at       /updatedAt           time
--   trained_words    /trainedWords        texts
--   description      /description         text
--   air              /air                 text
--   nsfw_level       /nsfwLevel           int
--   download_count   /stats/downloadCount int
--   thumbs_up_count  /stats/thumbsUpCount int
--   status           /status              text
--   availability     /availability        text
--   download_url     /downloadUrl         text
--   told_files       /files               json
--   told_images      /images              json
SELECT
    * EXCLUDE (told_model_id, told_files, told_images),
    coalesce(told_model_id, as_int(_parent_id)) AS model_id,
    list_transform(
        CASE WHEN starts_with(told_files, '[') THEN from_json(told_files, '["JSON"]') END,
        lambda f: {
            'id': as_int(json_extract_string(f, '/id')),
            'name': json_extract_string(f, '/name'),
            'type': json_extract_string(f, '/type'),
            'size_kb': as_float(json_extract_string(f, '/sizeKB')),
            'is_primary': coalesce(as_bool(json_extract_string(f, '/primary')), false),
            'format': coalesce(json_extract_string(f, '/metadata/format'), json_extract_string(f, '/format')),
            'fp': json_extract_string(f, '/metadata/fp'),
            'sha256': json_extract_string(f, '/hashes/SHA256'),
            'autov1': json_extract_string(f, '/hashes/AutoV1'),
            'autov2': json_extract_string(f, '/hashes/AutoV2'),
            'autov3': json_extract_string(f, '/hashes/AutoV3'),
            'crc32': json_extract_string(f, '/hashes/CRC32'),
            'blake3': json_extract_string(f, '/hashes/BLAKE3'),
            'download_url': json_extract_string(f, '/downloadUrl')
        }
    ) AS files,
    as_int_stubs(told_images) AS image_ids,
    CASE WHEN starts_with(told_images, '[') THEN list_filter(
        list_transform(
            json_extract_string(told_images, '$[*].url'),
            lambda u: nullif(regexp_extract(u, '^https?://[^/]+/[^/]+/([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(/|$)', 1), '')
        ),
        lambda u: u IS NOT NULL
    ) END AS image_uuids
FROM event
