-- openrouter.prices: one row per change of a price of an endpoint or model, and what it is due to
-- reads: view
-- `old` and `new` are as charged, in USD per unit; `old_list` and `new_list` are before the
-- discount: price / (1 - discount), rounded to 14 decimals. The row holds from `valid_from`
-- until `valid_to`, the next change of that price or the end of the entity, NULL while it lasts.
-- `because`: schema (the price is newly named, or no longer), schedule (the prices by time of
-- day stay as they are, another window applies), discount (it moved, the list price did not),
-- price+discount (both moved), price. An absence between two versions is no change.
WITH version AS (
    SELECT
        'model' AS entity_type, id AS entity, valid_from, valid_to, _shape, _hash, _segment, _seq,
        prompt, completion, request, image, audio, web_search, internal_reasoning,
        input_cache_read, input_cache_write, input_cache_write_1h, discount, overrides
    FROM openrouter.models_versions
    UNION ALL
    SELECT
        'endpoint', id, valid_from, valid_to, _shape, _hash, _segment, _seq,
        prompt, completion, request, image, audio, web_search, internal_reasoning,
        input_cache_read, input_cache_write, NULL, discount, overrides
    FROM openrouter.endpoints_versions
),
told AS (
    SELECT
        * EXCLUDE (prompt, completion, request, image, audio, web_search, internal_reasoning,
            input_cache_read, input_cache_write, input_cache_write_1h, valid_to),
        [
            {'field': 'prompt', 'price': prompt},
            {'field': 'completion', 'price': completion},
            {'field': 'request', 'price': request},
            {'field': 'image', 'price': image},
            {'field': 'audio', 'price': audio},
            {'field': 'web_search', 'price': web_search},
            {'field': 'internal_reasoning', 'price': internal_reasoning},
            {'field': 'input_cache_read', 'price': input_cache_read},
            {'field': 'input_cache_write', 'price': input_cache_write},
            {'field': 'input_cache_write_1h', 'price': input_cache_write_1h}
        ] AS prices,
        last_value(valid_to) OVER (
            PARTITION BY entity_type, entity, _shape ORDER BY valid_from
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS ended_at
    FROM version
),
neighbour AS (
    SELECT
        *,
        lag(prices) OVER timeline AS old_prices,
        lag(discount) OVER timeline AS old_discount,
        lag(overrides) OVER timeline AS old_overrides
    FROM told
    WINDOW timeline AS (PARTITION BY entity_type, entity, _shape ORDER BY valid_from)
    QUALIFY old_prices IS NOT NULL AND (
        old_prices IS DISTINCT FROM prices
        OR coalesce(old_discount, 0) <> coalesce(discount, 0)
    )
),
pair AS (
    SELECT
        * EXCLUDE (prices, old_prices, step),
        step['now']['field'] AS field, step['before']['price'] AS old, step['now']['price'] AS new
    FROM (
        SELECT *, unnest(list_transform(
            list_zip(prices, old_prices), lambda each: {'now': each[1], 'before': each[2]}
        )) AS step
        FROM neighbour
    )
),
listed AS (
    SELECT
        *, field NOT IN ('request', 'image', 'web_search') AS is_per_token,
        TRY(round((old / nullif(1 - coalesce(old_discount, 0), 0))::DOUBLE, 14)::DECIMAL(38, 14))
            AS old_list,
        TRY(round((new / nullif(1 - coalesce(discount, 0), 0))::DOUBLE, 14)::DECIMAL(38, 14))
            AS new_list
    FROM pair
)
SELECT
    entity_type,
    entity,
    field,
    old,
    new,
    old_list,
    new_list,
    CASE WHEN is_per_token THEN (old::VARCHAR || 'e6')::DOUBLE END AS old_usd_per_mtok,
    CASE WHEN is_per_token THEN (new::VARCHAR || 'e6')::DOUBLE END AS new_usd_per_mtok,
    coalesce(old_discount, 0) AS old_discount,
    coalesce(discount, 0) AS new_discount,
    valid_from,
    coalesce(
        lead(valid_from) OVER (
            PARTITION BY entity_type, entity, _shape, field ORDER BY valid_from
        ),
        ended_at
    ) AS valid_to,
    CASE
        WHEN old IS NULL OR new IS NULL THEN 'schema'
        WHEN coalesce(old_discount, 0) = coalesce(discount, 0) THEN
            CASE WHEN old_overrides = overrides AND list_contains(
                list_transform(
                    list_filter(
                        CASE WHEN starts_with(overrides, '[') AND json_valid(overrides)
                            THEN from_json(overrides, '["JSON"]') END,
                        lambda each: json_exists(each, '/utc_start')
                    ),
                    lambda each: TRY_CAST(json_extract_string(each, '/' || field) AS DECIMAL(38, 24))
                ),
                new
            ) THEN 'schedule' ELSE 'price' END
        WHEN old_list = new_list THEN 'discount'
        ELSE 'price+discount'
    END AS because,
    _shape,
    _hash,
    _segment,
    _seq
FROM listed
WHERE old IS DISTINCT FROM new OR (old_list <> new_list)
