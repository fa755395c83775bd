"""Archives and limits for tests of row caches."""

import shutil

import attrs
import pytest

from projector.limits import LIMITS
from tests.projector.keyframes.row_archives import FIRST, A, grow


@pytest.fixture(
    scope="module",
    params=[pytest.param(10**6, marks=pytest.mark.slow), 4],
    ids=["one query", "in chunks"],
)
def limits(request):
    """Limits with which a row cache is due at once. Parameter: number of rows of a chunk."""
    return attrs.evolve(
        LIMITS,
        min_keyframe_rows=0,
        max_moved_share=1,
        max_single_query_rows=request.param,
        max_narrow_chunk_rows=request.param * 4,
        max_wide_chunk_rows=request.param * 2,
        max_open_partitions=2,
    )


@pytest.fixture
def few_keyframes(limits):
    """The same limits, with more rows until a keyframe is due."""
    return attrs.evolve(limits, min_keyframe_rows=40)


@pytest.fixture(scope="module")
def first_update(tmp_path_factory, limits):
    """An archive after its first update."""
    root = tmp_path_factory.mktemp("first")
    (root / "log").mkdir()
    grow(root, limits, (A, FIRST))
    return root


@pytest.fixture
def started(empty, first_update):
    """A copy of `first_update`, for a test that writes."""
    shutil.copytree(first_update, empty, dirs_exist_ok=True)
    return empty
