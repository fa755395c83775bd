-- civitai.files: one row per file of a model version, with its hashes and scans
-- types: modelVersion
-- shapes: detail* embedded* by-hash*
-- key: version_id BIGINT
-- rows: many
-- columns:
--   told_model_id  /modelId  int
--   told_files     /files    json
SELECT
    * EXCLUDE (told_model_id, told_files, files, file) REPLACE (
        list_concat(_errors, list_filter([
            CASE WHEN told_model_id IS NULL AND as_int(_parent_id) IS NULL AND _parent_id IS NOT NULL
                THEN {'path': '/modelId', 'value': _parent_id} END,
            CASE WHEN file[1] IS NOT NULL AND as_int(file[1]) IS NULL
                THEN {'path': '/files/' || (_row - 1) || '/id', 'value': file[1]} END,
            CASE WHEN file[4] IS NOT NULL AND as_float(file[4]) IS NULL
                THEN {'path': '/files/' || (_row - 1) || '/sizeKB', 'value': file[4]} END,
            CASE WHEN file[18] IS NOT NULL AND as_time(file[18]) IS NULL
                THEN {'path': '/files/' || (_row - 1) || '/scannedAt', 'value': file[18]} END
        ], lambda e: e IS NOT NULL)) AS _errors
    ),
    coalesce(told_model_id, as_int(_parent_id)) AS model_id,
    as_int(file[1]) AS id,
    file[2] AS name,
    file[3] AS type,
    as_float(file[4]) AS size_kb,
    coalesce(as_bool(file[5]), false) AS is_primary,
    coalesce(file[6], file[7]) AS format,
    file[8] AS fp,
    file[9] AS size,
    upper(file[10]) AS sha256,
    upper(file[11]) AS autov1,
    upper(file[12]) AS autov2,
    upper(file[13]) AS autov3,
    upper(file[14]) AS crc32,
    upper(file[15]) AS blake3,
    file[16] AS pickle_scan_result,
    file[17] AS virus_scan_result,
    as_time(file[18]) AS scanned_at,
    file[19] AS download_url
FROM (
    SELECT *, unnest(CASE WHEN len(files) = 0 THEN [NULL] ELSE files END) AS file,
        unnest(CASE WHEN len(files) = 0 THEN [0] ELSE range(1, len(files) + 1) END)::INTEGER AS _row
    FROM (
        SELECT *, list_transform(
            coalesce(as_items(told_files), []),
            lambda f: json_extract_string(f, [
                '/id', '/name', '/type', '/sizeKB', '/primary', '/metadata/format', '/format',
                '/metadata/fp', '/metadata/size', '/hashes/SHA256', '/hashes/AutoV1',
                '/hashes/AutoV2', '/hashes/AutoV3', '/hashes/CRC32', '/hashes/BLAKE3',
                '/pickleScanResult', '/virusScanResult', '/scannedAt', '/downloadUrl'
            ])
        ) AS files
        FROM event
    )
)
