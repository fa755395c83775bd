-- Casts from text that refuse what is not the type: NULL, never a guess, never an error. Numbers
-- are spelled as in JSON: `007`, ` 8` and the whole number `-0` are texts only.
-- In: the text of a JSON value (`json_extract_string`), NULL where it is absent or null.
CREATE OR REPLACE TEMP MACRO as_text(t) AS t;
CREATE OR REPLACE TEMP MACRO as_json(t) AS t;
CREATE OR REPLACE TEMP MACRO as_int(t) AS
    CASE WHEN TRY_CAST(t AS BIGINT)::VARCHAR = t THEN TRY_CAST(t AS BIGINT) END;
CREATE OR REPLACE TEMP MACRO as_big(t) AS
    CASE WHEN TRY_CAST(t AS DECIMAL(38,0))::VARCHAR = t THEN TRY_CAST(t AS DECIMAL(38,0)) END;
CREATE OR REPLACE TEMP MACRO as_float(t) AS
    CASE WHEN regexp_full_match(t, '-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?')
        AND isfinite(TRY_CAST(t AS DOUBLE)) THEN TRY_CAST(t AS DOUBLE) END;
CREATE OR REPLACE TEMP MACRO as_price(t) AS
    CASE WHEN regexp_full_match(t, '-?(0|[1-9][0-9]*|(0|[1-9][0-9]*)?\.[0-9]+)([eE][-+]?[0-9]+)?')
        THEN TRY_CAST(t AS DECIMAL(38,24)) END;
CREATE OR REPLACE TEMP MACRO as_bool(t) AS
    CASE t WHEN 'true' THEN true WHEN 'false' THEN false END;
CREATE OR REPLACE TEMP MACRO as_time(t) AS
    CASE WHEN regexp_full_match(t, '\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[-+]\d\d:?\d\d)')
            THEN TRY_CAST(t AS TIMESTAMPTZ)
        WHEN regexp_full_match(t, '\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?')
            THEN TRY_CAST(t AS TIMESTAMP) AT TIME ZONE 'UTC' END;
CREATE OR REPLACE TEMP MACRO as_epoch(t) AS
    CASE WHEN regexp_full_match(t, '0|[1-9][0-9]{0,10}') THEN to_timestamp(TRY_CAST(t AS BIGINT)) END;
CREATE OR REPLACE TEMP MACRO as_date(t) AS
    CASE WHEN regexp_full_match(t, '\d{4}-\d\d-\d\d') THEN TRY_CAST(t AS DATE) END;
CREATE OR REPLACE TEMP MACRO as_texts(t) AS
    CASE WHEN starts_with(t, '[') AND json_valid(t) THEN from_json(t, '["VARCHAR"]') END;
CREATE OR REPLACE TEMP MACRO as_items(t) AS
    CASE WHEN starts_with(t, '[') AND json_valid(t) THEN from_json(t, '["JSON"]') END;
CREATE OR REPLACE TEMP MACRO all_ints(texts) AS
    CASE WHEN len(list_filter(texts, lambda x: as_int(x) IS NULL)) = 0
        THEN list_transform(texts, lambda x: as_int(x)) END;
CREATE OR REPLACE TEMP MACRO as_ints(t) AS
    CASE WHEN regexp_full_match(t, '\[[-0-9,\s]*\]') AND json_valid(t)
        THEN all_ints(from_json(t, '["VARCHAR"]')) END;
CREATE OR REPLACE TEMP MACRO stub_ids(t) AS
    CASE WHEN starts_with(t, '[') AND json_valid(t) THEN json_extract_string(t, '$[*].id') END;
CREATE OR REPLACE TEMP MACRO as_stubs(t) AS
    list_filter(stub_ids(t), lambda x: x IS NOT NULL);
CREATE OR REPLACE TEMP MACRO as_int_stubs(t) AS
    list_filter(list_transform(stub_ids(t), lambda x: as_int(x)), lambda x: x IS NOT NULL);
CREATE OR REPLACE TEMP MACRO odd_stubs(t, pointer) AS
    list_transform(
        list_filter(stub_ids(t), lambda x: x IS NOT NULL AND as_int(x) IS NULL),
        lambda x: {'path': pointer || '/*/id', 'value': x});
CREATE OR REPLACE TEMP MACRO is_odd(t, body, pointer) AS
    CASE WHEN left(t, 1) IN ('[', '{')
        THEN json_type(body, pointer) IN ('ARRAY', 'OBJECT') ELSE false END;
CREATE OR REPLACE TEMP MACRO position_of(instant, writer, seq) AS
    ((epoch_us(instant)::UHUGEINT << 72) + (('0x' || writer)::UHUGEINT << 40) + seq::UHUGEINT)::UUID;
CREATE OR REPLACE TEMP MACRO source_of(segment) AS split_part(segment, '/', 1);
