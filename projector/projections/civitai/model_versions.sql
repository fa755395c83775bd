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
    * EXCLUDE (told_model_id, told_files, told_images) REPLACE (
        list_concat(
            _errors,
            CASE WHEN told_model_id IS NULL AND as_int(_parent_id) IS NULL AND _parent_id IS NOT NULL
                THEN [{'path': '/modelId', 'value': _parent_id}] END,
            odd_stubs(told_files, '/files'),
            odd_stubs(told_images, '/images')
        ) AS _errors
    ),
    coalesce(told_model_id, as_int(_parent_id)) AS model_id,
    list_transform(
        list_transform(
            as_items(told_files),
            lambda f: json_extract_string(f, [
                '/id', '/name', '/type', '/sizeKB', '/primary', '/metadata/format', '/format',
                '/metadata/fp', '/hashes/SHA256', '/hashes/AutoV1', '/hashes/AutoV2',
                '/hashes/AutoV3', '/hashes/CRC32', '/hashes/BLAKE3', '/downloadUrl'
            ])
        ),
        lambda f: {
            'id': as_int(f[1]),
            'name': f[2],
            'type': f[3],
            'size_kb': as_float(f[4]),
            'is_primary': coalesce(as_bool(f[5]), false),
            'format': coalesce(f[6], f[7]),
            'fp': f[8],
            'sha256': f[9],
            'autov1': f[10],
            'autov2': f[11],
            'autov3': f[12],
            'crc32': f[13],
            'blake3': f[14],
            'download_url': f[15]
        }
    ) AS files,
    as_int_stubs(told_images) AS image_ids,
    CASE WHEN starts_with(told_images, '[') AND json_valid(told_images) THEN list_filter(
        list_transform(
            json_extract_string(told_images, '$[*].url'),
            lambda u: nullif(regexp_extract(u, '^https?://[^/]+/[^/]+/([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(/|$)', 1), '')
        ),
        lambda u: u IS NOT NULL
    ) END AS image_uuids
FROM event
