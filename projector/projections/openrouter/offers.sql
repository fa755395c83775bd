-- openrouter.offers: every endpoint, whether its model is still listed, and its UUID where known
-- reads: view
-- `model_is_listed`: false where a complete listing no longer names the model, `_model_absent_since`
-- then; NULL where no list ever named it. The endpoint itself is absent only by its own listing
-- (docs/decisions/an-endpoint-outlives-its-model.md). `endpoint_uuid`: that of the site's only
-- endpoint of this model and tag, where this is the only one here too.
WITH unique_uuid AS (
    SELECT model_id, tag, any_value(uuid) AS endpoint_uuid, any_value(provider_region) AS provider_region,
        any_value(pricing_version_id) AS pricing_version_id, any_value(is_deranked) AS is_deranked,
        any_value(is_disabled) AS is_disabled
    FROM openrouter.frontend_endpoints
    WHERE model_id IS NOT NULL AND tag IS NOT NULL
    GROUP BY ALL
    HAVING count(*) = 1
),
endpoint AS (
    SELECT
        endpoint.* EXCLUDE (is_deranked, is_disabled),
        endpoint.is_deranked AS told_deranked, endpoint.is_disabled AS told_disabled,
        count(*) OVER (PARTITION BY model_id, tag) AS twins
    FROM openrouter.endpoints AS endpoint
)
SELECT
    endpoint.* EXCLUDE (twins, told_deranked, told_disabled),
    coalesce(told_deranked, uuid.is_deranked) AS is_deranked,
    coalesce(told_disabled, uuid.is_disabled) AS is_disabled,
    uuid.endpoint_uuid, uuid.provider_region, uuid.pricing_version_id,
    CASE WHEN model.id IS NOT NULL THEN model._absent_since IS NULL END AS model_is_listed,
    model._absent_since AS _model_absent_since
FROM endpoint
LEFT JOIN openrouter.models_all AS model ON model.id = endpoint.model_id
LEFT JOIN unique_uuid AS uuid
    ON uuid.model_id = endpoint.model_id AND uuid.tag = endpoint.tag AND endpoint.twins = 1
