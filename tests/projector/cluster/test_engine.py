"""An update on a cluster, whose workers here are threads that get pickled tasks."""

import contextlib
import pickle
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from eventlog.errors import Corrupt
from eventlog.files.listing import list_segments
from eventlog.format.paths import sealed_path
from projector.cluster.build_parts import BuildTask
from projector.cluster.cluster import Cluster, StoredFile, WorkerArchive
from projector.cluster.compare_pairs import CompareTask
from projector.cluster.engine import engine_on
from projector.cluster.shared_folder import fetch_nothing, open_shared_folder, publish_into
from projector.folders import current_parts, views_dir
from projector.query.open_views import list_view_names, open_views
from projector.query.select import run_query
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.logs import Page, hours, write_log
from tests.projector.parts.test_quarantine import KNOWN, good, write
from tests.projector.projections import MODELS
from tests.projector.small_limits import SMALL
from tests.projector.view_digests import digest


class PicklingPool(ThreadPoolExecutor):
    """Threads that get copies of their tasks, and whose results are copies, as between machines."""

    def __init__(self, tasks: list[Any]) -> None:
        super().__init__(2)
        self.tasks = tasks

    def submit(self, work, /, *arguments, **_):  # type: ignore[no-untyped-def]
        self.tasks += arguments
        return super().submit(_run, pickle.dumps((work, arguments)))


def _run(pickled: bytes) -> object:
    work, arguments = pickle.loads(pickled)
    return pickle.loads(pickle.dumps(work(*arguments)))


def cluster_on(root: Path, tasks: list[Any], **changes: object) -> Cluster:
    """Returns a cluster of two threads that share the folder of an archive."""
    cluster = Cluster(
        PicklingPool(tasks),
        2,
        partial(open_shared_folder, root.resolve(), current_parts(views_dir(root))),
        fetch_nothing,
        lambda _manifests: True,
        needs_manifests=False,
    )
    return attrs.evolve(cluster, **changes)


def digests(root: Path) -> dict[str, tuple[int, str]]:
    with contextlib.closing(open_views(root)) as connection:
        return {name: digest(connection, name) for name in list_view_names(connection)}


def rows_of_parts(root: Path) -> dict[str, bytes]:
    """Returns the bytes of the parts of all definitions, by name."""
    parts = current_parts(views_dir(root))
    paths = [path for path in parts.glob("*/*/*/[2s]*.parquet") if "log.diffs" not in str(path)]
    return {str(path.relative_to(parts)): path.read_bytes() for path in paths}


def write_models(root: Path, count: int) -> None:
    """Writes pages of models of which half change each hour."""
    pages = [
        Page(
            hours(hour),
            [model(f"m{n}", f"name {n}", price=hour * (n % 2)) for n in range(10)],
            f"r{hour}",
            "/models",
            1,
            True,
        )
        for hour in range(count)
    ]
    write_log(root, "openrouter", WRITER, pages)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive whose views were built in this process."""
    root = tmp_path_factory.mktemp("here")
    (root / "log").mkdir()
    write_models(root, 6)
    update(root, definitions=MODELS, jobs=2, limits=SMALL)
    return root


@pytest.fixture
def there(here: Path, tmp_path: Path) -> Path:
    """The same log, without views."""
    shutil.copytree(here / "log", tmp_path / "log")
    return tmp_path


def test_views_and_parts_built_on_a_cluster_are_those_built_here(here, there):
    tasks: list[Any] = []
    engine = engine_on(cluster_on(there, tasks))

    done = update(there, definitions=MODELS, limits=SMALL, engine=engine)

    assert done.failed == ()
    assert rows_of_parts(there) == rows_of_parts(here)
    assert digests(there) == digests(here)
    assert {type(task) for task in tasks} == {BuildTask, CompareTask}


def test_a_second_update_on_a_cluster_sends_only_what_is_new(there):
    tasks: list[Any] = []
    engine = engine_on(cluster_on(there, tasks))
    update(there, definitions=MODELS, limits=SMALL, engine=engine)
    tasks.clear()
    write_log(there, "openrouter", WRITER, [Page(hours(9), [model("m0", "new")], "r9", None, 1)])

    update(there, definitions=MODELS, limits=SMALL, engine=engine)

    built = [str(s.name) for t in tasks if isinstance(t, BuildTask) for s in t.segments]
    assert set(built) == {f"openrouter/2026-11-01/09-{WRITER}-000"}
    assert len([task for task in tasks if isinstance(task, CompareTask)]) == 1


def test_segments_that_workers_cannot_read_are_read_here(here, there):
    tasks: list[Any] = []
    last = list_segments(there)[-1].name
    engine = engine_on(
        cluster_on(
            there,
            tasks,
            needs_manifests=True,
            can_read=lambda manifests: all(manifest.name != last for manifest in manifests),
        )
    )

    update(there, definitions=MODELS, limits=SMALL, engine=engine)

    assert digests(there) == digests(here)
    assert tasks
    for task in tasks:
        assert not any(str(last) in text for text in task.manifests)


@contextlib.contextmanager
def apart(root: Path, stored: Path, manifests: Sequence[str]) -> Iterator[WorkerArchive]:
    """Yields the archive of a worker that has its own folders, and stores files in a third one."""
    assert manifests
    yield WorkerArchive(root, partial(publish_into, stored))


def test_parts_and_refused_lines_of_workers_are_fetched(empty, tmp_path_factory):
    write(empty, [good("a"), b'{"name":"\\ud800"}', good("b")])
    stored = tmp_path_factory.mktemp("stored")
    fetched: list[StoredFile] = []

    def fetch(files, parts):
        fetched.extend(files)
        for file in files:
            (parts / file.name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(stored / file.name, parts / file.name)

    opening = partial(apart, empty.resolve(), stored)
    cluster = cluster_on(empty, [], open_archive=opening, fetch=fetch, needs_manifests=True)

    done = update(empty, definitions=KNOWN, engine=engine_on(cluster))

    assert [message.partition(":")[0] for message in done.quarantined] == [
        f"openrouter/2026-11-01/00-{WRITER}-000, seq 2"
    ]
    assert list(run_query(empty, "SELECT seq FROM log.quarantine").rows) == [(2,)]
    assert any("log.quarantine" in file.name for file in fetched)


def test_the_damage_that_a_worker_finds_is_raised_and_other_tasks_are_cancelled(there):
    damaged = list_segments(there)[0].name
    with sealed_path(there, damaged).open("ab") as file:
        file.write(b"more")
    tasks: list[Any] = []

    with pytest.raises(Corrupt, match=rf"{damaged}.*expected \d+ bytes, found \d+"):
        update(there, definitions=MODELS, limits=SMALL, engine=engine_on(cluster_on(there, tasks)))

    assert tasks


def test_a_file_that_is_published_twice_is_complete_at_any_time(tmp_path):
    (tmp_path / "a").write_bytes(b"rows")
    (tmp_path / "b").write_bytes(b"rows, packed in another way")

    first = publish_into(tmp_path / "parts", tmp_path / "a", "x/y.parquet")
    second = publish_into(tmp_path / "parts", tmp_path / "b", "x/y.parquet")

    assert first != second
    assert (tmp_path / "parts" / "x" / "y.parquet").read_bytes() == (tmp_path / "b").read_bytes()
    assert [path.name for path in (tmp_path / "parts" / "x").iterdir()] == ["y.parquet"]
