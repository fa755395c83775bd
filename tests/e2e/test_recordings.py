"""Real history as the judge: two years of an API, as it was recorded."""

import hashlib
import random
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from cli.config.load import default_toml
from eventlog.clock import format_us, now_us, parse_us
from eventlog.files.listing import list_segments
from eventlog.format.event_codec import decode
from eventlog.read.bodies import response_of
from eventlog.read.event_filter import Select
from eventlog.read.reader import read_events
from fetcher.sources import SOURCES
from projector.query.open_views import open_views
from projector.update.update import update
from tests.e2e.recordings import HISTORY, MISSING, members
from tests.extent import few_or_all
from tests.fetcher.importing import import_paths
from tests.projector.projections import MODELS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.recordings,
    pytest.mark.skipif(not HISTORY.is_dir(), reason=MISSING),
]

PRETTY = parse_us("2025-08-15T09:00:55Z")
"""The one hour in which upstream answered pretty-printed."""
WRITERS = ("aaaaaaaa", "0000000b")
AS_OF = "SELECT id, name, context_length FROM openrouter.models_at(?::VARCHAR)"
Snapshots = dict[int, bytes]


@pytest.fixture(scope="module")
def taken() -> Snapshots:
    """Every third recorded snapshot, 341 of 1,023, or 17; the pretty-printed one among them."""
    found = {at: body for at, _, body in members("jvrck-openrouterlist")}
    return {at: found[at] for at in [*sorted(found)[:: few_or_all(60, 6)], PRETTY]}


def new_archive(root: Path) -> Path:
    (root / "log").mkdir(parents=True)
    (root / "hindlog.toml").write_text(default_toml())
    return root


def imported(root: Path, folder: Path, snapshots: Snapshots, writer: str) -> None:
    folder.mkdir()
    for at, body in snapshots.items():
        name = format_us(at)[:19].replace("-", "").replace(":", "")
        (folder / f"{name}Z.json").write_bytes(body)
    import_paths(root, SOURCES["openrouter"], [folder], writer=writer, now=now_us)


def wrong(root: Path, snapshots: Snapshots) -> list[str]:
    """Returns the instants at which the view does not contain exactly the snapshot's models."""
    differing = []
    with closing(open_views(root)) as connection:
        for at, body in sorted(snapshots.items()):
            models = {model["id"]: model for model in orjson.loads(body)["data"]}
            rows = connection.execute(AS_OF, [format_us(at)]).fetchall()
            expected = {(i, m.get("name"), m.get("context_length")) for i, m in models.items()}
            if set(rows) != expected:
                differing.append(format_us(at))
    return differing


def test_as_of_each_snapshot_the_view_holds_exactly_its_models(
    tmp_path: Path, taken: Snapshots
) -> None:
    root = new_archive(tmp_path / "archive")
    imported(root, tmp_path / "all", taken, WRITERS[0])
    update(root, definitions=MODELS)

    assert len(taken) >= few_or_all(17, 150)
    assert PRETTY in taken
    assert wrong(root, taken) == []


def test_each_response_is_rebuilt_to_its_own_sha256(tmp_path: Path, taken: Snapshots) -> None:
    some = dict(sorted(taken.items())[:: few_or_all(2, 12)]) | {PRETTY: taken[PRETTY]}
    root = new_archive(tmp_path / "archive")
    imported(root, tmp_path / "all", some, WRITERS[0])

    pages = [each.line for each in read_events(root, Select(kinds=frozenset({"page"})))]
    rebuilt = {parse_us(decode(line).observed_at): response_of(root, line) for line in pages}
    assert {at: hashlib.sha256(body).hexdigest() for at, body in rebuilt.items()} == {
        at: hashlib.sha256(body).hexdigest() for at, body in some.items()
    }


@pytest.mark.parametrize("seed", [1])
def test_random_order_random_portions_and_two_writers_give_the_same_answers(
    tmp_path: Path, taken: Snapshots, seed: int
) -> None:
    chance = random.Random(seed)
    root = new_archive(tmp_path / "archive")
    left = chance.sample(sorted(taken), few_or_all(12, 80))
    judged = {at: taken[at] for at in left}
    portion = 0
    while left:
        size = chance.randint(1, few_or_all(5, 30))
        some, left = left[:size], left[size:]
        imported(
            root,
            tmp_path / f"portion-{portion}",
            {at: taken[at] for at in some},
            WRITERS[portion % len(WRITERS)],
        )
        if chance.random() < 0.5:
            update(root, definitions=MODELS)
        portion += 1
    update(root, definitions=MODELS)

    assert {each.name.writer for each in list_segments(root)} == set(WRITERS)
    assert wrong(root, judged) == []
