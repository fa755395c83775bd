"""Updates read open segments without their torn tail, and again when they have grown."""

from eventlog.files.listing import list_segments
from eventlog.write.writer import append, close_stream, open_stream
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.few import MODEL_NAMES, rows
from tests.projector.logs import UNSAFE, Page, _drafts, hours, write_log
from tests.projector.projections import MODELS


def test_the_open_segment_is_read_without_its_torn_tail(empty):
    stream = open_stream(empty, "openrouter", WRITER, clock=lambda: hours(0), disk=UNSAFE)
    page = Page(hours(0), [model("a", "A")], "r0")
    append(stream, [lambda seq, at: _drafts(page, seq, {})], hours(0))
    segment = list_segments(empty, "openrouter")[0].name
    with (empty / "log" / f"{segment}.ndjson").open("ab") as file:
        file.write(b'{"v":1,"source":"openrouter","torn')
    update(empty, definitions=MODELS)

    assert rows(empty, MODEL_NAMES) == [("a", "A")]
    stream.segment.size = (empty / "log" / f"{segment}.ndjson").stat().st_size
    close_stream(stream)


def test_the_part_of_an_open_segment_is_replaced_until_it_is_sealed(empty):
    for n in range(3):
        write_log(
            empty, "openrouter", WRITER, [Page(hours(n / 9), [model("a", str(n))])], seal=False
        )
        update(empty, definitions=MODELS)
        assert rows(empty, MODEL_NAMES) == [("a", str(n))]
    opened = list((empty / "views").rglob("openrouter.models/*/open-*.parquet"))
    assert len(opened) == 1
    write_log(empty, "openrouter", WRITER, [Page(hours(2), [model("a", "last")])])
    update(empty, definitions=MODELS)

    assert rows(empty, MODEL_NAMES) == [("a", "last")]
    assert len(rows(empty, "SELECT * FROM openrouter.models_versions")) == 4
    assert opened[0].exists(), "a reader that opened the views before still reads it"


def test_an_open_segment_that_has_not_grown_is_not_read_again(empty):
    write_log(empty, "openrouter", WRITER, [Page(hours(0), [model("a", "A")])], seal=False)

    assert update(empty, definitions=MODELS).parts > 0
    assert update(empty, definitions=MODELS).parts == 0
