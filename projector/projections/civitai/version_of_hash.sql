-- civitai.version_of_hash: the files with a hash, of any kind and case, and their version
-- reads: macro
-- takes: of_hash
-- Ten digits or more may be the beginning of a SHA-256, as an AutoV2 is.
SELECT
    file.version_id, file.model_id, file.id AS file_id, file.name AS file_name,
    version.name AS version_name, version.base_model, file.sha256, file.autov1, file.autov2,
    file.autov3, file.crc32, file.blake3
FROM civitai.files AS file LEFT JOIN civitai.model_versions AS version ON version.id = file.version_id
WHERE list_contains(
    [file.sha256, file.autov1, file.autov2, file.autov3, file.crc32, file.blake3],
    upper(regexp_replace(of_hash, '^0[xX]', '')))
    OR (regexp_matches(of_hash, '^(0[xX])?[0-9a-fA-F]{10}')
        AND starts_with(file.sha256, upper(regexp_replace(of_hash, '^0[xX]', ''))))
