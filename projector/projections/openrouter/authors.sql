-- openrouter.authors: one row per author of models, from the models themselves
-- reads: view
-- Upstream has no list of authors: an author is the first part of a model's id. `models` counts
-- those that are listed, `models_ever` all that ever were.
SELECT
    author,
    count(*) FILTER (_absent_since IS NULL) AS models,
    count(*) AS models_ever,
    list(id ORDER BY id) FILTER (_absent_since IS NULL) AS model_ids,
    min(created) AS first_created,
    max(created) AS last_created,
    min(_first_seen_at) AS _first_seen_at,
    max(_last_seen_at) AS _last_seen_at
FROM openrouter.models_all
GROUP BY author
