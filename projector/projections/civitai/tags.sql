-- civitai.tags: one row per tag
-- types: tag
-- shapes: list*
-- key: name VARCHAR
-- columns:
--   link         /link        text
--   model_count  /modelCount  int
SELECT * FROM event
