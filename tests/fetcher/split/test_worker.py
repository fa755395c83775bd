"""The splitter process: what it imports, and what it returns for a page."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from fetcher.sources import SOURCES
from fetcher.split.parts_codec import decode_parts
from fetcher.split.response import split_response, with_value_hashes
from fetcher.split.worker import PageHeader, read_at, split_and_encode, write_at
from tests.fetcher.making import page_of, response

ROOT = Path(__file__).parents[3]
HEADER = msgspec.msgpack.encode(PageHeader("/images", {}, 200))


def test_a_splitter_imports_no_network_and_no_database() -> None:
    completed = subprocess.run(
        [sys.executable, "-c", "import sys, fetcher.split.worker; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert not {"aiohttp", "sqlite3", "asyncio", "duckdb"} & set(completed.stdout.split())


def test_a_splitter_returns_the_same_parts_as_the_crawl() -> None:
    body = page_of({"id": 7})
    rules = SOURCES["civitai"].endpoint("/images").rules({})

    encoded = split_and_encode("civitai", HEADER, body)

    assert encoded is not None
    expected = with_value_hashes(split_response(response(body), rules))
    assert decode_parts(encoded, body, rules) == expected


def test_a_page_that_cannot_be_split_is_left_to_the_crawl() -> None:
    assert split_and_encode("civitai", HEADER, b'{"items":7}') is None


def test_bytes_are_read_back_where_they_were_written() -> None:
    with tempfile.TemporaryFile() as file:
        write_at(file.fileno(), 100, b"page")

        assert read_at(file.fileno(), 4, 100) == b"page"
        assert read_at(file.fileno(), 100, 102) == b"ge"
        assert os.fstat(file.fileno()).st_size == 104
