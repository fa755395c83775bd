"""Limits: the sizes at which the projector splits, merges, caches or skips work.

They trade memory, time and the number of files against each other. Law: the rows of every view
are the same with any limits. Tests therefore pass small ones, so that a log of a few events
takes every path.
"""

import attrs


@attrs.frozen
class Limits:
    """Sizes of the units of work; the defaults are those of production."""

    memory_mb: int = 300
    """DuckDB memory limit of a connection that builds parts, in MB; concurrent jobs share it."""
    min_job_memory_mb: int = 150
    """Memory of one job in MB, however many run. A job that parses lines while it builds gets
    twice as much as the others."""
    max_batch_bytes: int = 256 * 1024 * 1024
    """Raw bytes of the segments that one part covers; a larger segment gets a part of its own."""
    max_batch_segments: int = 2000
    """Number of segments that one part covers."""
    max_small_segment_bytes: int = 128 * 1024
    """Raw bytes up to which segments are concatenated before they are parsed. Parsing as many
    bytes takes as long as opening a file."""
    max_newest_parts: int = 24
    """Number of parts of the newest month before they are compacted. Earlier months are compacted
    as soon as they have two."""
    max_compacted_bytes: int = 256 * 1024 * 1024
    """Size of the files that compaction merges into one, in bytes."""
    max_chunk_keys: int = 250_000
    """Rows of one chunk of a chunked COPY. DuckDB needs about 40 bytes per row for the join key."""
    min_keyframe_rows: int = 100_000
    """Number of rows below which reading the facts is about as fast as reading a keyframe."""
    max_moved_share: float = 0.75
    """Share of entities, 0 to 1, that were seen since the keyframe before. Above it a row cache
    would save little and is not built."""
    max_single_query_rows: int = 20_000
    """Number of candidate rows up to which one query selects rows with all their columns; above
    it they are materialized late."""
    max_narrow_chunk_rows: int = 50_000
    """Candidate rows of one chunk while rows are selected by their narrow columns. Each takes
    2.5 kB of memory; above 60,000 DuckDB spills some, which doubles the time."""
    max_wide_chunk_rows: int = 200_000
    """Rows of a file that one chunk scans while the wide columns of selected rows are copied."""
    max_open_partitions: int = 16
    """Number of files that a partitioned COPY writes at the same time."""
    max_pairing_sightings: int = 100_000
    """Sightings of one chunk while neighbouring versions are searched. With twice as many DuckDB
    sometimes exceeds the memory limit of that search."""
    max_start_sightings: int = 400_000
    """Sightings of one chunk while the starts of values are searched, which takes less memory."""
    max_near_events: int = 10_000
    """Distance in events up to which the earlier of two bodies is read next to the later one."""
    max_cached_block_bytes: int = 24 * 1024 * 1024
    """Bytes of decompressed lines that a body reader caches; the block in use is always kept."""
    max_sort_run_bytes: int = 16 * 1024 * 1024
    """Uncompressed bytes of one run of the external merge sort."""
    max_sort_runs: int = 128
    """Number of runs that the external merge sort merges at once."""
    max_sort_block_bytes: int = 64 * 1024
    """Uncompressed bytes that the external merge sort reads from a run at once."""
    max_difference_bytes: int = 8 * 1024 * 1024
    """Size in memory of the differences that are written to one file."""
    max_task_pairs: int = 20_000
    """Pairs of versions of one task of a cluster, at most."""
    min_task_pairs: int = 500
    """Pairs of versions of one task of a cluster, at least. Fewer take less time than the task."""
    max_difference_files: int = 16
    """Number of small files of differences before they are merged."""


LIMITS = Limits()
"""Limits of production."""
