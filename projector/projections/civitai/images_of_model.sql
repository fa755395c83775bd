-- civitai.images_of_model: the images that mention any version of a model
-- reads: macro
-- takes: of_model
SELECT * FROM civitai.images
WHERE id IN (SELECT image_id FROM civitai.mentions WHERE model_id = of_model)
