-- In: the sightings of a keyframe; the instant of the previous keyframe.
-- Out: the fraction of entities that were seen after that instant.
SELECT count(*) FILTER (seen > $since) / count(*)
FROM (SELECT max(_at) AS seen FROM read_parquet($seen) GROUP BY _type, _id)
