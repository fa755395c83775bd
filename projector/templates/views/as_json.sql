-- SQL expression: a text as JSON. A JSON text that is not an object or a list is stored without its
-- quotes: what does not parse is a string.
coalesce(TRY_CAST($text AS JSON), to_json($text))
