-- In: the sightings of a keyframe, the instant of the one before.
-- Out: the share of the entities that were seen since.
SELECT count(*) FILTER (seen > $since) / count(*)
FROM (SELECT max(_at) AS seen FROM read_parquet($seen) GROUP BY _type, _id)
