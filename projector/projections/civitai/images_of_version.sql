-- civitai.images_of_version: the images that mention a version
-- reads: macro
-- takes: of_version
SELECT * FROM civitai.images
WHERE id IN (SELECT image_id FROM civitai.mentions WHERE version_id = of_version)
