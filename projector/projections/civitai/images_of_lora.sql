-- civitai.images_of_lora: the images that mention a LoRA by its name or by a hash
-- reads: macro
-- takes: of_name_or_hash
-- Names are compared without case, folder and ending: `x\Detail.safetensors` is `detail`. A hash
-- also finds the mentions by the id of a version that has it.
SELECT * FROM civitai.images
WHERE id IN (
    SELECT image_id FROM civitai.image_resources
    WHERE kind IN ('lora', 'lyco', 'locon', 'dora') AND (
        lower(regexp_extract(regexp_replace(name, '(?i)\.(safetensors|pt|ckpt)$', ''), '[^/\\]*$'))
            = lower(of_name_or_hash)
        OR hash = upper(of_name_or_hash)
    )
    UNION
    SELECT mention.image_id
    FROM civitai.mentions AS mention JOIN civitai.files AS file USING (version_id)
    WHERE list_contains(
        [file.sha256, file.autov1, file.autov2, file.autov3, left(file.sha256, 10),
            left(file.sha256, 12), file.crc32,
            file.blake3], upper(of_name_or_hash))
)
