-- In: the sightings of a keyframe, types, bodies (those of the keyframe before, and since),
-- the rows beside it.
-- Out: the rows of the bodies that the last of them name, per shape and writer, and that the
-- rows beside it do not have.
SELECT body.*
FROM read_parquet($bodies) AS body
SEMI JOIN (
    SELECT _writer, arg_max(_seq, _position) AS _seq
    FROM read_parquet($seen)
    WHERE NOT _gone AND list_contains($types, _type)
    GROUP BY _type, _id, _shape, _writer
) AS named ON named._writer = body._writer AND named._seq = body._seq
ANTI JOIN read_parquet($rows) AS kept ON kept._writer = body._writer AND kept._seq = body._seq
