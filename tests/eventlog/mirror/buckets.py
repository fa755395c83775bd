"""Archives that are pushed to a store in memory, and a slow check of all laws of a bucket."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import attrs
import zstandard

from eventlog.clock import HOUR
from eventlog.errors import Unavailable
from eventlog.files.lost_segments import Loss, chain_digest
from eventlog.format.manifest import digest, parse_manifest
from eventlog.format.paths import SegmentName
from eventlog.mirror.bucket.names import parse_object_name
from eventlog.mirror.local.pusher import Pusher, local_pusher
from eventlog.mirror.push.push import PushResult, push
from eventlog.stores.memory import memory_store
from eventlog.stores.store import Store, Upload
from tests.eventlog.making import START, WRITER, ManualClock, entity, files_of, write_log
from tests.eventlog.stores.places import listed, new_name

Objects = dict[str, bytes]


def new_store() -> Store:
    return memory_store(new_name())


def pusher_on(root: Path, machine: str = "here") -> Pusher:
    """Returns the pusher of a folder on a machine of this name."""
    return local_pusher(root, {"HINDLOG_MACHINE": machine})


def pushed(root: Path, store: Store, machine: str = "here", **options: bool) -> PushResult:
    """Pushes a folder, in an event loop of its own."""
    return asyncio.run(push(root, store, pusher_on(root, machine), **options))


def objects_of(store: Store) -> Objects:
    """Returns all objects of a store."""

    async def read() -> Objects:
        return {entry.name: await store.get(entry.name, None) for entry in await listed(store)}

    return asyncio.run(read())


def sealed_files(root: Path) -> Objects:
    """Returns the files of an archive that belong into its bucket, by name."""
    log = {f"log/{name}": data for name, data in files_of(root).items()}
    assets = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in (root / "assets").rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }
    return {
        name: data for name, data in (log | assets).items() if parse_object_name(name) is not None
    }


class Killed(Exception):
    """The process is gone. No code handles it."""


@attrs.define
class Requests:
    """Counts the requests to a store, and can interrupt one."""

    store: Store
    names: list[str] = attrs.field(factory=list)
    """Function and name of each request."""
    sent: list[str] = attrs.field(factory=list)
    """Names of the objects whose bytes were sent."""
    fail_at: int = -1
    """Number of the request that is interrupted."""
    after: bool = False
    """Whether it has its effect before."""
    error: Exception = attrs.field(factory=Killed)

    def wrapped(self) -> Store:
        """Returns the store whose requests are counted."""
        calls = {name: self._counted(name) for name in ("get", "put_new", "head", "folders")}
        return attrs.evolve(self.store, **calls)  # type: ignore[arg-type]

    def _counted(self, function: str) -> Callable[..., object]:
        async def call(name: str, *rest: object) -> object:
            fails = len(self.names) == self.fail_at
            self.names.append(f"{function} {name}")
            if fails and not self.after:
                raise self.error
            result = await getattr(self.store, function)(name, *rest)
            if function == "put_new":
                self.sent.append(name)
            if fails:
                raise self.error
            return result

        return call


def check_laws(objects: Objects) -> dict[str, list[str]]:
    """Checks the laws of a bucket, slowly. Returns the segments of each stream, in order."""
    archive = json.loads(objects["hindlog.json"])["archive"]
    logs: dict[str, list[bytes]] = {}
    for name in sorted(objects):
        if name.startswith("mirror/") and name.endswith(".json"):
            pusher, number = name.removeprefix("mirror/").removesuffix(".json").split("/")
            records = logs.setdefault(pusher, [])
            assert int(number) == len(records), name
            record = json.loads(objects[name])
            previous = digest(records[-1]) if records else None
            assert (record["prev"], record["archive"]) == (previous, archive)
            assert (record["pusher"], record["n"]) == (pusher, int(number))
            records.append(objects[name])
    links: dict[str, dict[int, tuple[str, str, int, str | None, str]]] = {}
    for records in logs.values():
        for data in records:
            record = json.loads(data)
            for sha256, size in record["assets"]:
                asset = objects[f"assets/sha256/{sha256[:2]}/{sha256}"]
                assert (digest(asset), len(asset)) == (sha256, size)
            for link in record["links"]:
                _check_link(objects, link, links)
    for name, data in objects.items():
        if name.endswith(".64.ndjson.zst"):
            pusher, first = name.split("/")[1], int(name.split("/")[2].split(".")[0])
            joined = b"".join(logs[pusher][first : first + 64])
            assert zstandard.decompress(data) == joined
    return {stream: _chain(by_seq) for stream, by_seq in links.items()}


def _check_link(
    objects: Objects,
    link: dict[str, str],
    links: dict[str, dict[int, tuple[str, str, int, str | None, str]]],
) -> None:
    data = link["file"].encode()
    members = json.loads(data)
    name = members["segment"]
    if link["kind"] == "sealed":
        manifest = parse_manifest(data, name)
        assert objects[f"log/{name}.manifest.json"] == data
        sealed = objects[f"log/{name}.ndjson.zst"]
        assert (len(sealed), digest(sealed)) == (manifest.zst.bytes, manifest.zst.sha256)
        sha256 = digest(data)
    else:
        assert objects[f"log/{name}.lost.json"] == data
        sha256 = chain_digest(Loss(**members))
    source, writer = name.split("/")[0], name.split("-")[-2]
    value = (name, sha256, members["last_seq"], members["previous"], link["kind"])
    known = links.setdefault(f"{source}/{writer}", {}).setdefault(members["first_seq"], value)
    assert known == value


def _chain(by_seq: dict[int, tuple[str, str, int, str | None, str]]) -> list[str]:
    expected, previous = 1, None
    for first in sorted(by_seq):
        _, sha256, last, before, _ = by_seq[first]
        assert (first, before) == (expected, previous)
        expected, previous = last + 1, sha256
    return [by_seq[first][0] for first in sorted(by_seq)]


def record_law(store: Store) -> Store:
    """Returns the store, which asserts at each record that all it names is there already."""

    async def put_new(name: str, upload: Upload) -> bool:
        if name.startswith("mirror/") and name.endswith(".json"):
            before = {
                entry.name: await store.get(entry.name, None) for entry in await listed(store)
            }
            check_laws({**before, name: upload.read(0, upload.size)})
        return await store.put_new(name, upload)

    return attrs.evolve(store, put_new=put_new)


def add_hour(root: Path, hour: int, writer: str = WRITER, rows: int = 2) -> SegmentName:
    """Writes and seals an hour of a stream."""
    clock = ManualClock(START + hour * HOUR)
    return write_log(
        root, [[entity(hour * 10 + n)] for n in range(rows)], writer=writer, clock=clock
    )


def refuse_records(store: Store) -> object:
    """Returns a `put_new` that puts everything but records."""

    async def put_new(name: str, upload: object) -> bool:
        if name.startswith("mirror/"):
            raise Unavailable("gone")
        return await store.put_new(name, upload)  # type: ignore[arg-type]

    return put_new
