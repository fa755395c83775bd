"""Compaction: small parts become one part with the same rows."""

import attrs
import pytest

from projector.limits import LIMITS
from projector.update.check import check
from projector.update.update import update
from projector.views.views_database import files_of_views
from tests.projector.conftest import WRITER, model
from tests.projector.few import rows
from tests.projector.logs import Page, hours, write_log
from tests.projector.projections import MODELS


@pytest.mark.slow
def test_small_parts_are_merged_without_a_change_of_rows(archive):
    limits = attrs.evolve(LIMITS, max_newest_parts=3)
    for n in range(3, 8):
        write_log(archive, "openrouter", WRITER, [Page(hours(n), [model("a", str(n))])])
        update(archive, definitions=MODELS, limits=limits)
    files = files_of_views(archive / "views")

    assert sum("/openrouter.models/" in path for path in files) <= 1 + 3
    assert check(archive, definitions=MODELS, limits=limits) == []
    assert len(rows(archive, "SELECT * FROM openrouter.models_versions WHERE id = 'a'")) == 7
