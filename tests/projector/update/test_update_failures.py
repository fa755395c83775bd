"""Updates with damaged segments, failing definitions and too little memory."""

import shutil

import attrs
import pytest

from eventlog.errors import Corrupt
from projector.definition import parse_definition
from projector.limits import LIMITS
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.few import MODEL_NAMES, rows
from tests.projector.logs import Page, hours, write_log
from tests.projector.projections import MODELS, chosen


def test_a_sealed_segment_of_another_size_is_refused(archive):
    shutil.rmtree(archive / "views")
    path = next((archive / "log").rglob("*.zst"))
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(Corrupt, match="bytes, found"):
        update(archive, definitions=MODELS)


def test_a_projection_that_fails_does_not_affect_the_others(archive):
    broken = parse_definition(
        "-- openrouter.broken: x\n-- types: model\nSELECT *, error(_id) AS x FROM event",
        "openrouter",
        "broken",
    )
    report = update(archive, definitions=(*MODELS, broken))
    assert report.failed == ()
    assert len(report.quarantined) == 3
    assert all("refused by openrouter.broken" in message for message in report.quarantined)
    assert rows(archive, MODEL_NAMES) == [("a", "A2"), ("b", "B")]


def test_a_definition_with_invalid_sql_gets_no_view_and_does_not_affect_the_others(archive):
    broken = parse_definition(
        "-- openrouter.broken: x\n-- types: model\nSELEC", "openrouter", "broken"
    )
    report = update(archive, definitions=(*MODELS, broken))

    assert any("openrouter.broken" in text for text in report.failed)
    assert rows(archive, MODEL_NAMES) == [("a", "A2"), ("b", "B")]


def test_a_changed_definition_gets_parts_of_its_own(archive):
    old = sorted((archive / "views").rglob("openrouter.models/*/2*.parquet"))
    text = "-- openrouter.models: x\n-- types: model\n-- key: id VARCHAR\n-- columns:\n"
    known = chosen("openrouter.authors", "openrouter.prices")
    others = [definition for definition in known if definition.name != "openrouter.models"]
    changed = parse_definition(text + "--   title  /name  text\n", "openrouter", "models")
    report = update(archive, definitions=(*others, changed))

    assert [message.partition(":")[0] for message in report.failed] == [
        'CREATE VIEW "openrouter"."authors"',
        'CREATE VIEW "openrouter"."prices"',
    ]
    assert rows(archive, "SELECT title FROM openrouter.models ORDER BY 1") == [("A2",), ("B",)]
    assert all(path.exists() for path in old)


@pytest.mark.slow
def test_a_copy_that_runs_out_of_memory_is_retried_with_more_memory(empty):
    long_texts = ["x" * 40_000 + str(n) for n in range(600)]
    models = [model(str(n), text, description=text) for n, text in enumerate(long_texts)]
    write_log(empty, "openrouter", WRITER, [Page(hours(0), models, "r0", "/models", 1, True)])
    limits = attrs.evolve(LIMITS, memory_mb=60, min_job_memory_mb=60)
    report = update(empty, definitions=MODELS, limits=limits)

    assert report.failed == ()
    assert rows(empty, "SELECT count(*), min(len(name)) FROM openrouter.models") == [(600, 40_001)]
