"""Plans of parts: how the segments of a source are split into batches."""

import attrs

from projector.limits import LIMITS
from projector.parts import plan
from tests.projector.conftest import WRITER, model
from tests.projector.logs import Page, hours, write_log


def test_batches_end_with_the_month_and_at_their_size(empty):
    pages = [Page(hours(24 * day), [model("a", str(day))], f"r{day}") for day in (0, 1, 29, 30)]
    write_log(empty, "openrouter", WRITER, pages)
    segments = [
        plan.read_sealed(empty, name) for name in plan.list_source(empty, "openrouter").sealed
    ]

    assert [len(batch) for batch in plan.split_into_batches(segments, LIMITS)] == [3, 1]
    two = attrs.evolve(LIMITS, max_batch_bytes=2 * max(segment.raw_bytes for segment in segments))
    assert [len(batch) for batch in plan.split_into_batches(segments, two)] == [2, 1, 1]
