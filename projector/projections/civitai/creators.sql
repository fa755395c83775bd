-- civitai.creators: one row per creator
-- types: creator
-- shapes: list*
-- key: username VARCHAR
-- columns:
--   image        /image       text
--   model_count  /modelCount  int
--   link         /link        text
SELECT * FROM event
