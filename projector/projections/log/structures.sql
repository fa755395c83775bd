-- log.structures: which paths the bodies of a segment have, with the type of their values
-- reads: line
-- A path is a JSON Pointer, `*` for any element of a list; '' is the body itself. Below an
-- object whose keys are free, where each is data and no field, nothing is told: those are
-- named here, per source. `bodies`: how many have that path with that type. A form is a structure
-- that bodies of the segment have as a whole: `forms` numbers those with the path and type, and
-- the row of the path '' lists the bodies of each form.
WITH RECURSIVE free AS (
    FROM (VALUES
        ('civitai', 'image', '/meta'),
        ('civitai', 'image', '/meta/meta'),
        ('civitai', 'modelVersion', '/files/*/hashes'),
        ('civitai', 'modelVersion', '/images/*/meta'),
        ('civitai', 'modelVersion', '/trainingDetails'),
        ('openrouter', 'endpoint', '/pricing_json'),
        ('openrouter', 'endpoint', '/display_pricing'),
        ('openrouter', 'endpoint', '/features'),
        ('openrouter', 'catalog', '/endpoint/pricing_json'),
        ('openrouter', 'catalog', '/endpoint/display_pricing'),
        ('openrouter', 'catalog', '/features'),
        ('openrouter', 'catalog', '/endpoint/features')
    ) AS free(source, type, path)
),
whole AS (
    -- Structures are counted before they are taken apart: they are few.
    SELECT
        segment, type, split_part(coalesce(shape, ''), '?', 1) AS shape,
        json_structure(CASE WHEN type = 'image' AND json_type(body, '/meta') = 'OBJECT'
            THEN json_merge_patch(json_merge_patch(body, '{"meta": null}'), '{"meta": {}}')
            ELSE body END) AS node,
        count(*) AS bodies, max(observed_at) AS last_at, list(seq ORDER BY seq) AS seqs,
        min({'at': observed_at, 'seq': seq, 'writer': writer}) AS first
    FROM line
    WHERE kind = 'entity' AND body IS NOT NULL
    GROUP BY ALL
),
form AS (
    SELECT *, row_number() OVER (PARTITION BY segment, type, shape ORDER BY first) AS form FROM whole
),
node AS (
    SELECT * EXCLUDE (node), '' AS path, node FROM form
    UNION ALL
    SELECT
        * EXCLUDE (path, node, below) REPLACE (NULL AS seqs), path || below['name'], below['node']
    FROM (
        SELECT *, unnest(CASE json_type(node)
            WHEN 'ARRAY' THEN [{'name': '/*', 'node': json_extract(node, '/0')}]
            WHEN 'OBJECT' THEN list_transform(
                list_zip(json_keys(node), json_extract(node, '$.*')),
                lambda each: {
                    'name': '/' || replace(replace(each[1], '~', '~0'), '/', '~1'),
                    'node': each[2]
                }
            ) END) AS below
        FROM node
        WHERE json_type(node) IN ('ARRAY', 'OBJECT') AND NOT EXISTS (
            FROM free
            WHERE free.source = split_part(node.segment, '/', 1) AND free.type = node.type
                AND free.path = node.path
        )
    )
)
SELECT
    md5(concat_ws(chr(0), segment, type, shape, path, kind))::UUID AS _position,
    min(first)['at'] AS observed_at, max(last_at) AS last_observed_at,
    split_part(segment, '/', 1) AS source, type, shape, path, kind, sum(bodies)::BIGINT AS bodies,
    min(first)['writer'] AS writer, min(first)['seq'] AS seq, segment,
    list(form ORDER BY form) AS forms,
    list(seqs ORDER BY form) FILTER (path = '') AS seqs
FROM (
    SELECT *, CASE json_type(node)
        WHEN 'ARRAY' THEN 'array'
        WHEN 'OBJECT' THEN 'object'
        ELSE CASE json_extract_string(node, '$')
            WHEN 'VARCHAR' THEN 'string'
            WHEN 'BOOLEAN' THEN 'bool'
            WHEN 'NULL' THEN 'null'
            WHEN 'JSON' THEN CASE WHEN ends_with(path, '/*') THEN 'mixed' ELSE 'object' END
            ELSE 'number' END
        END AS kind
    FROM node
)
WHERE NOT (kind = 'null' AND ends_with(path, '/*'))
GROUP BY segment, type, shape, path, kind
