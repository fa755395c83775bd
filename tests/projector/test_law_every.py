"""The law of the semilattice for every projection, over crawls of both sources."""

import asyncio
import contextlib
import itertools
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from eventlog.clock import HOUR, MINUTE, format_us, parse_us
from eventlog.files.listing import list_segments, list_sources
from eventlog.format.paths import SegmentName, manifest_path, sealed_path
from eventlog.write.writer import close_stream, open_stream
from fetcher.service.open_crawl import Crawler, SyncBounds, Upstream
from fetcher.service.sync import run_once
from fetcher.simulator.app import make_app, serve
from fetcher.simulator.catalog import World
from fetcher.simulator.faults.plan import Faults, parse_faults
from fetcher.sources import SOURCES
from projector.definition import load_definitions
from projector.folders import temporary_views
from projector.limits import LIMITS
from projector.query.open_views import list_view_names, open_views, require_views
from projector.update.check import ViewContent, view_content
from projector.update.update import build_views, update
from projector.views.views_database import files_of_views, write_views
from tests.fetcher.making import FAST_RETRIES
from tests.projector.logs import UNSAFE

pytestmark = pytest.mark.slow

DEFINITIONS = load_definitions()
START = parse_us("2026-11-01T00:00:00Z")
WORLD = World(5, civitai_models=6, openrouter_models=8)
PATHS = {"civitai": "/civitai/api/v1", "openrouter": ""}
CRAWLS = {
    "0000000a": (range(3), "404:0.02,html:0.02,hostile:0.02,drift:0.05,repeat:0.05,cut:0.05"),
    "0000000b": (range(1, 3), "404:0.05,500:0.1,empty:0.02"),
}
"""Syncs of each writer, and the faults of the upstream during them."""
STEP = 30 * HOUR
"""Time between two syncs, long enough for entities to vanish and return."""
ENDS = [START + number * STEP for number in (1, 3)]
LATER = ENDS[-1] + STEP
MORE = {"civitai": ["creators", "tags"], "openrouter": []}
"""Listings that a sync does not request by default."""
SMALL = attrs.evolve(
    LIMITS,
    max_newest_parts=2,
    min_keyframe_rows=20,
    max_difference_files=1,
    max_pairing_sightings=100,
)
Archive = tuple[Path, Sequence[SegmentName]]


jobs = st.sampled_from([1, 2])


async def crawl(root: Path, writer: str, syncs: Sequence[int], faults: Faults) -> None:
    """Crawls both sources, sync by sync, over real HTTP from the same simulated world."""
    now = START

    def clock() -> int:
        return now

    async with serve(make_app(WORLD, clock, faults), clock) as origin:
        for number, name in itertools.product(syncs, PATHS):
            now = START + number * STEP + 5 * MINUTE
            for listings in filter(lambda names: names != [], (None, MORE[name])):
                upstream = Upstream(
                    SOURCES[name],
                    origin + PATHS[name],
                    requests_per_minute=1_000_000,
                    policy=FAST_RETRIES,
                )
                bounds = SyncBounds(listings=listings)
                await run_once(Crawler(root, writer, clock), upstream, bounds)


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """An archive of two writers, completely sealed."""
    root = tmp_path_factory.mktemp("crawled")
    (root / "log").mkdir()
    for writer, (syncs, faults) in CRAWLS.items():
        asyncio.run(crawl(root, writer, syncs, parse_faults(faults)))
        for source in PATHS:
            close_stream(open_stream(root, source, writer, clock=lambda: LATER, disk=UNSAFE))
    names = [
        segment.name for source in list_sources(root) for segment in list_segments(root, source)
    ]
    assert all(sealed_path(root, name).exists() for name in names)
    return root, names


def copy_segments(origin: Path, root: Path, names: Sequence[SegmentName]) -> None:
    """Copies segments, as a pull from a mirror does."""
    for name, path_of in itertools.product(names, (sealed_path, manifest_path)):
        path_of(root, name).parent.mkdir(parents=True, exist_ok=True)
        os.link(path_of(origin, name), path_of(root, name))


@contextlib.contextmanager
def archive() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "log").mkdir()
        yield Path(folder)


def rows_of(root: Path, views: Path, instants: Sequence[int]) -> dict[tuple[str, int], ViewContent]:
    """Returns the content of each view and its siblings as of each instant."""
    with contextlib.closing(open_views(root, folder=views)) as connection:
        names = require_views(connection, list_view_names(connection))
        contents = {}
        for instant in instants:
            connection.execute("SET VARIABLE as_of = ?::VARCHAR", [format_us(instant)])
            contents |= {
                (name, instant): view_content(connection, "hindlog", name) for name in names
            }
    return contents


def rows_from_nothing(root: Path, instants: Sequence[int]) -> dict[tuple[str, int], ViewContent]:
    """Returns the same for views that are built from nothing in one step."""
    with temporary_views(root / "views") as folder:
        parts = folder / "parts"
        _, script = build_views(root, parts, DEFINITIONS, DEFINITIONS, limits=SMALL)
        write_views(folder, script)
        return rows_of(root, folder, instants)


@pytest.fixture(scope="module")
def expected(crawled: Archive) -> dict[tuple[str, int], ViewContent]:
    """The views as of each of `ENDS`, built from the segments that began before it."""
    origin, names = crawled
    contents: dict[tuple[str, int], ViewContent] = {}
    for end in ENDS:
        with archive() as root:
            copy_segments(origin, root, [name for name in names if name.starts_at < end])
            contents |= rows_from_nothing(root, [end])
    return contents


def test_every_view_is_the_same_in_whatever_order_its_segments_arrive(crawled: Archive, expected):
    origin, names = crawled
    kinds_built: set[str] = set()

    @given(st.permutations(names), st.sets(st.integers(1, len(names) - 1), max_size=3), jobs)
    @example(names[::-1], {len(names) // 2}, 2)
    @settings(max_examples=2, suppress_health_check=list(HealthCheck))
    def check_law(order, cuts, jobs):
        with archive() as root:
            for begin, end in itertools.pairwise([0, *sorted(cuts), len(order)]):
                copy_segments(origin, root, order[begin:end])
                assert update(root, jobs=jobs, limits=SMALL).failed == ()
            contents = rows_of(root, root / "views", ENDS)
            kinds_built.update(Path(path).name[:2] for path in files_of_views(root / "views"))
        assert [key for key in expected if contents[key] != expected[key]] == []

    check_law()
    assert "s-" in kinds_built


def test_the_log_gives_rows_in_nearly_every_view(expected):
    """Absent entities and failures are among them."""
    rows = {name: content.rows for (name, at), content in expected.items() if at == ENDS[-1]}
    assert {name for name, count in rows.items() if not count} <= {"log.quarantine", "log.assets"}
    assert rows["openrouter.endpoints_all"] > rows["openrouter.endpoints"]
