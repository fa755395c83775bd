"""Limits so small that a log of a few events is split, merged and cached in every way."""

import attrs

from projector.limits import LIMITS

SMALL = attrs.evolve(
    LIMITS,
    max_small_segment_bytes=700,
    max_newest_parts=2,
    max_difference_files=1,
    max_task_pairs=2,
    min_task_pairs=1,
    max_difference_bytes=800,
    max_moved_share=1,
    max_single_query_rows=8,
    max_narrow_chunk_rows=16,
    max_wide_chunk_rows=4,
)
