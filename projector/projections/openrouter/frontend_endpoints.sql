-- openrouter.frontend_endpoints: one row per endpoint as the site tells it, by its UUID
-- types: endpoint
-- shapes: frontend*
-- key: uuid VARCHAR
-- json: overrides pricing_json display_pricing
-- usd_per_mtok: prompt completion input_cache_read input_cache_write
-- columns:
--   name                   /name                        text
--   model_id               /model_variant_slug          text
--   model_permaslug        /model_variant_permaslug     text
--   variant                /variant                     text
--   provider_name          /provider_name               text
--   tag                    /provider_slug               text
--   provider_model_id      /provider_model_id           text
--   provider_region        /provider_region             text
--   quantization           /quantization                text
--   context_length         /context_length              int
--   max_completion_tokens  /max_completion_tokens       int
--   max_prompt_tokens      /max_prompt_tokens           int
--   supported_parameters   /supported_parameters        texts
--   status                 /status                      int
--   is_deranked            /is_deranked                 bool
--   is_disabled            /is_disabled                 bool
--   is_hidden              /is_hidden                   bool
--   is_byok                /is_byok                     bool
--   deprecation_date       /deprecation_date            text
--   created_at             /created_at                  time
--   trains                 /data_policy/training        bool
--   retains_prompts        /data_policy/retainsPrompts  bool
--   retention_days         /data_policy/retentionDays   int
--   can_publish            /data_policy/canPublish      bool
--   prompt                 /pricing/prompt              price
--   completion             /pricing/completion          price
--   request                /pricing/request             price
--   image                  /pricing/image               price
--   input_cache_read       /pricing/input_cache_read    price
--   input_cache_write      /pricing/input_cache_write   price
--   discount               /pricing/discount            price
--   overrides              /pricing/overrides           json
--   pricing_json           /pricing_json                json
--   display_pricing        /display_pricing             json
--   pricing_version_id     /pricing_version_id          text
--   p50_throughput         /stats/p50_throughput        float
--   p50_latency            /stats/p50_latency           float
--   request_count          /stats/request_count         int
-- `model_id` and `tag` are those of the public API. Prices of models that give no text are
-- placeholders "0": the real ones are in `pricing_json` and `display_pricing`.
SELECT * REPLACE (
    CASE WHEN prompt >= 0 THEN prompt END AS prompt,
    CASE WHEN completion >= 0 THEN completion END AS completion,
    CASE WHEN request >= 0 THEN request END AS request,
    CASE WHEN image >= 0 THEN image END AS image,
    CASE WHEN input_cache_read >= 0 THEN input_cache_read END AS input_cache_read,
    CASE WHEN input_cache_write >= 0 THEN input_cache_write END AS input_cache_write
)
FROM event
