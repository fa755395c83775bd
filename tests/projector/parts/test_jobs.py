"""Jobs: their weight decides which begins first."""

from pathlib import Path

from eventlog.format.paths import parse_segment
from projector.definition import Definition, parse_definition
from projector.parts.jobs import Job
from projector.parts.part import Segment

BOOKS, AUTHORS = (
    parse_definition(f"-- shop.{view}: x\n-- types: x\n", "shop", view)
    for view in ("books", "authors")
)


def job(sizes: list[int], *definitions: Definition) -> Job:
    name = parse_segment("shop/2026-11-01/00-0a0b0c0d-000")
    assert name is not None
    segments = tuple(Segment(name, Path("x"), 0, 0, size, 1, 1) for size in sizes)
    return Job("shop", segments, definitions)


def test_a_job_weighs_its_bytes_once_for_parsing_and_once_per_definition() -> None:
    assert job([10, 20], BOOKS).weight == 60
    assert job([10, 20], BOOKS, AUTHORS).weight == 90
    assert job([], BOOKS).weight == 0
