"""Index of imported pages: a second import of the same pages adds nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from eventlog.format.event import Draft
from fetcher.record.journal import (
    Journal,
    append_batches,
    batch_of,
    close_journal,
    open_journal,
    page_batch,
)
from fetcher.record.page_events import response_anomaly
from fetcher.split.response import body_digest, split_response
from fetcher.state.imported_pages import (
    ImportedPages,
    close_imported_pages,
    is_complete,
    is_imported,
    open_imported_pages,
    page_key,
)
from tests.fetcher.making import LIST, OTHER, PLACE, START, WRITER, SteppingClock, page_of, response

BODY = page_of({"id": 1})
PARAMS = {"limit": "1", "sort": "Newest"}
IMPORTED = attrs.evolve(PLACE, run="import.1", imported={"file": "20261121.json"})


def key(**changes: Any) -> bytes:
    """The key of the page that `store` writes."""
    said = {"endpoint": "/models", "params": PARAMS, "observed_at": START, **changes}
    body = said.pop("body", BODY)
    sha256 = split_response(response(body), LIST).sha256
    return page_key(sha256=sha256, **said)


def store(
    root: Path,
    writer: str = WRITER,
    *,
    imported: bool = True,
    whole: bool = True,
    is_last: bool = False,
    **changes: Any,
) -> None:
    """Write a page at START, or an anomaly where it is not taken apart."""
    answer = response(BODY, params=PARAMS, **changes)
    place = attrs.evolve(IMPORTED if imported else PLACE, is_last=is_last)

    def build(journal: Journal) -> Callable[..., Any]:
        if whole:
            return page_batch(
                journal, answer, place, split_response(answer, LIST), lambda seen: None
            )
        return batch_of(response_anomaly(answer, place, "not_json", journal.put))

    journal = open_journal(root, "civitai", writer, clock=SteppingClock())
    try:
        append_batches(journal, [build(journal)], START)
    finally:
        close_journal(journal, seal_open=True)


@pytest.fixture
def look(tmp_path: Path) -> Iterator[Callable[..., bool]]:
    """Whether the page is known to an index that is opened for the question."""

    def known(wanted: bytes, writer: str = WRITER, **more: bool) -> bool:
        index = open_imported_pages(tmp_path, "civitai", writer)
        try:
            return is_imported(index, wanted, **more)
        finally:
            close_imported_pages(index)

    yield known


def test_a_page_is_identified_by_endpoint_parameters_time_and_bytes() -> None:
    same = key(params={"sort": "Newest", "limit": "1"})

    assert same == key()
    others = [
        key(endpoint="/images"),
        key(params={**PARAMS, "limit": "2"}),
        key(params={}),
        key(observed_at=START + 1),
        key(body=page_of({"id": 2})),
    ]
    assert len({same, *others}) == 1 + len(others)


def test_an_imported_page_is_found_by_every_writer(
    tmp_path: Path, look: Callable[..., bool]
) -> None:
    assert not look(key())

    store(tmp_path)

    assert look(key()) and look(key(), OTHER)
    assert not look(key(observed_at=START + 1))


def test_an_index_older_than_the_import_catches_up(
    tmp_path: Path, look: Callable[..., bool]
) -> None:
    store(tmp_path, OTHER, url="http://127.0.0.1/models")
    assert not look(key(endpoint="/images"))

    store(tmp_path, endpoint="/images")

    assert look(key(endpoint="/images"))


def test_fetched_pages_do_not_count_as_imported(tmp_path: Path, look: Callable[..., bool]) -> None:
    store(tmp_path, imported=False)

    assert not look(key())


def test_an_anomaly_counts_as_imported_but_not_as_a_page(
    tmp_path: Path, look: Callable[..., bool]
) -> None:
    store(tmp_path, whole=False)
    assert (look(key()), look(key(), as_page=True)) == (True, False)

    store(tmp_path)

    assert (look(key()), look(key(), as_page=True)) == (True, True)


@pytest.mark.parametrize("is_last", [True, False])
def test_only_a_page_that_ends_its_listing_is_complete(tmp_path: Path, is_last: bool) -> None:
    store(tmp_path, is_last=is_last)
    index = open_imported_pages(tmp_path, "civitai", WRITER)

    assert (is_imported(index, key(), as_page=True), is_complete(index, key())) == (True, is_last)
    assert not is_complete(index, key(observed_at=START + 1))
    close_imported_pages(index)


def test_an_anomaly_after_the_page_changes_nothing(
    tmp_path: Path, look: Callable[..., bool]
) -> None:
    store(tmp_path)
    store(tmp_path, whole=False)

    assert look(key(), as_page=True)


def test_other_events_of_an_import_are_not_pages(tmp_path: Path, look: Callable[..., bool]) -> None:
    journal = open_journal(tmp_path, "civitai", WRITER, clock=SteppingClock())
    run = Draft(kind="run", run="import.1", epoch=PLACE.epoch, members={"import": {"file": "x"}})
    append_batches(journal, [batch_of(run)], START)
    close_journal(journal, seal_open=True)

    assert not look(key())


def test_the_index_can_be_deleted_or_damaged_at_any_time(
    tmp_path: Path, look: Callable[..., bool]
) -> None:
    store(tmp_path)
    assert look(key())
    path = tmp_path / "state" / "imported" / "civitai" / f"{WRITER}.sqlite"
    path.write_bytes(b"no database")
    assert look(key())

    path.unlink()

    assert look(key())


def test_an_index_of_another_log_is_replaced(tmp_path: Path) -> None:
    first, other = tmp_path / "first", tmp_path / "other"
    first.mkdir()
    other.mkdir()
    store(first)
    store(other, endpoint="/images")
    for root in (first, other):
        close_imported_pages(open_imported_pages(root, "civitai", WRITER))
    path = Path("state", "imported", "civitai", f"{WRITER}.sqlite")
    (other / path).write_bytes((first / path).read_bytes())

    index = open_imported_pages(other, "civitai", WRITER)

    assert not is_imported(index, key())
    assert is_imported(index, key(endpoint="/images"))
    close_imported_pages(index)


def test_pages_of_the_current_import_are_found_before_they_are_read_from_the_log(
    tmp_path: Path,
) -> None:
    index: ImportedPages = open_imported_pages(tmp_path, "civitai", WRITER)
    index.added.add(key())

    assert is_imported(index, key()) and is_imported(index, key(), as_page=True)
    assert not is_imported(index, body_digest(b"another"))
    close_imported_pages(index)
