-- civitai.files: one row per file of a model version, with its hashes and scans
-- types: modelVersion
-- shapes: detail* embedded* by-hash*
-- key: version_id BIGINT
-- rows: many
-- columns:
--   told_model_id  /modelId  int
--   told_files     /files    json
SELECT
    * EXCLUDE (told_model_id, told_files, files, file),
    coalesce(told_model_id, as_int(_parent_id)) AS model_id,
    as_int(json_extract_string(file, '/id')) AS id,
    json_extract_string(file, '/name') AS name,
    json_extract_string(file, '/type') AS type,
    as_float(json_extract_string(file, '/sizeKB')) AS size_kb,
    coalesce(as_bool(json_extract_string(file, '/primary')), false) AS is_primary,
    coalesce(json_extract_string(file, '/metadata/format'), json_extract_string(file, '/format'))
        AS format,
    json_extract_string(file, '/metadata/fp') AS fp,
    json_extract_string(file, '/metadata/size') AS size,
    upper(json_extract_string(file, '/hashes/SHA256')) AS sha256,
    upper(json_extract_string(file, '/hashes/AutoV1')) AS autov1,
    upper(json_extract_string(file, '/hashes/AutoV2')) AS autov2,
    upper(json_extract_string(file, '/hashes/AutoV3')) AS autov3,
    upper(json_extract_string(file, '/hashes/CRC32')) AS crc32,
    upper(json_extract_string(file, '/hashes/BLAKE3')) AS blake3,
    json_extract_string(file, '/pickleScanResult') AS pickle_scan_result,
    json_extract_string(file, '/virusScanResult') AS virus_scan_result,
    as_time(json_extract_string(file, '/scannedAt')) AS scanned_at,
    json_extract_string(file, '/downloadUrl') AS download_url
FROM (
    SELECT *, unnest(CASE WHEN len(files) = 0 THEN [NULL] ELSE files END) AS file,
        unnest(CASE WHEN len(files) = 0 THEN [0] ELSE range(1, len(files) + 1) END)::INTEGER AS _row
    FROM (
        SELECT *, CASE WHEN starts_with(told_files, '[') THEN from_json(told_files, '["JSON"]')
            ELSE [] END AS files
        FROM event
    )
)
