-- openrouter.models: one row per model, variants (`:free`, …) apart; prices in USD per unit
-- types: model
-- shapes: list* detail*
-- key: id VARCHAR
-- json: overrides benchmarks reasoning
-- usd_per_mtok: prompt completion audio internal_reasoning input_cache_read input_cache_write input_cache_write_1h
-- columns:
--   canonical_slug          /canonical_slug                      text
--   name                    /name                                text
--   description             /description                         text
--   created                 /created                             epoch
--   context_length          /context_length                      int
--   modality                /architecture/modality               text
--   input_modalities        /architecture/input_modalities       texts
--   output_modalities       /architecture/output_modalities      texts
--   tokenizer               /architecture/tokenizer              text
--   instruct_type           /architecture/instruct_type          text
--   top_context_length      /top_provider/context_length         int
--   max_completion_tokens   /top_provider/max_completion_tokens  int
--   is_moderated            /top_provider/is_moderated           bool
--   supported_parameters    /supported_parameters                texts
--   hugging_face_id         /hugging_face_id                     text
--   knowledge_cutoff        /knowledge_cutoff                    date
--   expiration_date         /expiration_date                     date
--   alias_target            /alias_target/slug                   text
--   prompt                  /pricing/prompt                      price
--   completion              /pricing/completion                  price
--   request                 /pricing/request                     price
--   image                   /pricing/image                       price
--   audio                   /pricing/audio                       price
--   web_search              /pricing/web_search                  price
--   internal_reasoning      /pricing/internal_reasoning          price
--   input_cache_read        /pricing/input_cache_read            price
--   input_cache_write       /pricing/input_cache_write           price
--   input_cache_write_1h    /pricing/input_cache_write_1h        price
--   discount                /pricing/discount                    price
--   overrides               /pricing/overrides                   json
--   benchmarks              /benchmarks                          json
--   reasoning               /reasoning                           json
-- A router's price is the text "-1": no price, `is_router` instead. Absent, null and ""
-- of texts that upstream leaves open are all NULL.
SELECT
    * REPLACE (
        CASE WHEN prompt >= 0 THEN prompt END AS prompt,
        CASE WHEN completion >= 0 THEN completion END AS completion,
        CASE WHEN request >= 0 THEN request END AS request,
        CASE WHEN image >= 0 THEN image END AS image,
        CASE WHEN audio >= 0 THEN audio END AS audio,
        CASE WHEN web_search >= 0 THEN web_search END AS web_search,
        CASE WHEN internal_reasoning >= 0 THEN internal_reasoning END AS internal_reasoning,
        CASE WHEN input_cache_read >= 0 THEN input_cache_read END AS input_cache_read,
        CASE WHEN input_cache_write >= 0 THEN input_cache_write END AS input_cache_write,
        CASE WHEN input_cache_write_1h >= 0 THEN input_cache_write_1h END AS input_cache_write_1h,
        nullif(hugging_face_id, '') AS hugging_face_id
    ),
    coalesce(prompt < 0 OR completion < 0, false) AS is_router,
    ltrim(split_part(_id, '/', 1), '~') AS author,
    CASE WHEN contains(_id, ':') THEN split_part(_id, ':', 2) ELSE 'standard' END AS variant
FROM event
