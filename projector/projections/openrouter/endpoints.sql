-- openrouter.endpoints: one row per offer of a model by a provider; prices in USD per unit
-- types: endpoint
-- shapes: list*
-- key: id VARCHAR
-- json: latency throughput data_policy overrides
-- usd_per_mtok: prompt completion audio internal_reasoning input_cache_read input_cache_write list_prompt list_completion
-- columns:
--   name                   /name                   text
--   canonical_model_id     /model_id               text
--   model_name             /model_name             text
--   provider_name          /provider_name          text
--   tag                    /tag                    text
--   quantization           /quantization           text
--   context_length         /context_length         int
--   max_completion_tokens  /max_completion_tokens  int
--   max_prompt_tokens      /max_prompt_tokens      int
--   supported_parameters   /supported_parameters   texts
--   status                 /status                 int
--   uptime_5m              /uptime_last_5m         float
--   uptime_30m             /uptime_last_30m        float
--   uptime_1d              /uptime_last_1d         float
--   latency                /latency_last_30m       json
--   throughput             /throughput_last_30m    json
--   implicit_caching       /supports_implicit_caching  bool
--   data_policy            /data_policy            json
--   deprecation_date       /deprecation_date       text
--   is_disabled            /is_disabled            bool
--   is_deranked            /is_deranked            bool
--   prompt                 /pricing/prompt             price
--   completion             /pricing/completion         price
--   request                /pricing/request            price
--   image                  /pricing/image              price
--   audio                  /pricing/audio              price
--   web_search             /pricing/web_search         price
--   internal_reasoning     /pricing/internal_reasoning price
--   input_cache_read       /pricing/input_cache_read   price
--   input_cache_write      /pricing/input_cache_write  price
--   discount               /pricing/discount           price
--   overrides              /pricing/overrides          json
-- Prices are as charged; `list_prompt` and `list_completion` are before the discount:
-- price / (1 - discount), rounded to 14 decimals. A router's "-1" is no price. `model_id` is the
-- model as it was requested, which may be an alias; `canonical_model_id` is what upstream names.
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
        CASE WHEN input_cache_write >= 0 THEN input_cache_write END AS input_cache_write
    ),
    coalesce(_parent_id, split_part(_id, '#', 1)) AS model_id,
    coalesce(prompt < 0 OR completion < 0, false) AS is_router,
    CASE WHEN prompt >= 0 THEN
        TRY(round((prompt / nullif(1 - coalesce(discount, 0), 0))::DOUBLE, 14)::DECIMAL(38, 14)
            ::DECIMAL(38, 24)) END AS list_prompt,
    CASE WHEN completion >= 0 THEN
        TRY(round((completion / nullif(1 - coalesce(discount, 0), 0))::DOUBLE, 14)::DECIMAL(38, 14)
            ::DECIMAL(38, 24)) END AS list_completion
FROM event
