-- openrouter.catalog: the frontend's rows, retired ones (without endpoint) among them
-- types: catalog
-- shapes: frontend*
-- key: id VARCHAR
-- usd_per_mtok: prompt completion
-- columns:
--   slug                   /slug                   text
--   permaslug              /permaslug              text
--   author                 /author                 text
--   name                   /name                   text
--   short_name             /short_name             text
--   hf_slug                /hf_slug                text
--   created_at             /created_at             time
--   updated_at             /updated_at             time
--   context_length         /context_length         int
--   input_modalities       /input_modalities       texts
--   output_modalities      /output_modalities      texts
--   knowledge_cutoff       /knowledge_cutoff       text
--   warning_message        /warning_message        text
--   hidden                 /hidden                 bool
--   endpoint_uuid          /endpoint/id            text
--   variant                /endpoint/variant       text
--   provider_name          /endpoint/provider_name text
--   provider_slug          /endpoint/provider_slug text
--   prompt                 /endpoint/pricing/prompt      price
--   completion             /endpoint/pricing/completion  price
--   is_disabled            /endpoint/is_disabled   bool
--   is_deranked            /endpoint/is_deranked   bool
SELECT
    * REPLACE (
        nullif(warning_message, '') AS warning_message,
        CASE WHEN prompt >= 0 THEN prompt END AS prompt,
        CASE WHEN completion >= 0 THEN completion END AS completion
    ),
    endpoint_uuid IS NULL AS is_orphan
FROM event
