"""Commands that other tests run over folders, against a real S3 server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from eventlog.stores.opening import open_store
from eventlog.stores.store import StoreSettings
from eventlog.stores.transfer import upload_of_bytes
from tests.cli.making import Done, damage, hindlog, new_archive
from tests.eventlog.making import OTHER
from tests.eventlog.mirror.buckets import add_hour, sealed_files
from tests.eventlog.stores.places import listed, new_name
from tests.object_store.server import BUCKET, KEYS, ObjectServer


@attrs.frozen
class Mirrored:
    """An archive with six sealed hours that were pushed to the server."""

    root: Path
    address: str
    settings: StoreSettings

    def run(self, code: int, *words: str) -> Done:
        done = hindlog(*words, at=self.root)
        assert done.code == code, done.err
        return done

    def sealed(self) -> list[Path]:
        return sorted((self.root / "log").glob("*/*/*.zst"))

    def name_of(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def delete(self, *names: str) -> None:
        """Deletes objects in the bucket."""

        async def run() -> None:
            async with open_store(self.address, self.settings) as store:
                for name in names:
                    await store.delete(name)

        asyncio.run(run())

    def objects(self) -> list[str]:
        async def run() -> list[str]:
            async with open_store(self.address, self.settings) as store:
                return [entry.name for entry in await listed(store)]

        return asyncio.run(run())


@pytest.fixture
def mirrored(
    object_server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Mirrored]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test:tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS["test:tester"])
    address = f"s3://{BUCKET}/{new_name()}"
    mirror = f'[mirror]\nurl = "{address}"\nendpoint_url = "{object_server.url()}"\n'
    root = new_archive(tmp_path / "a", mirror)
    for hour in range(3):
        add_hour(root, hour)
        add_hour(root, hour, OTHER)
    mirrored = Mirrored(root, address, object_server.settings())
    mirrored.run(0, "sync", "push")
    yield mirrored


def test_what_is_missing_is_put_again_and_then_the_check_is_clean(mirrored: Mirrored) -> None:
    before = mirrored.objects()
    path = mirrored.sealed()[2]
    names = [mirrored.name_of(path), mirrored.name_of(path).replace("ndjson.zst", "manifest.json")]
    mirrored.delete(*names)

    found = mirrored.run(4, "sync", "check")
    assert all(f"missing\t{name}\n" in found.out for name in names)
    assert "put again 2 objects, " in mirrored.run(0, "sync", "push", "--again").err
    assert mirrored.objects() == before
    mirrored.run(0, "sync", "check", "--heads", "--read", "1/1")


def test_shares_of_a_check_read_every_object_once(mirrored: Mirrored) -> None:
    done = [
        mirrored.run(0, "sync", "check", "--read", f"{n}/3", "--json").json() for n in (1, 2, 3)
    ]

    assert {result["committed"] for result in done} == {13}
    assert sum(result["read"] for result in done) == 13


def test_a_damaged_and_a_missing_segment_are_repaired_from_the_mirror(mirrored: Mirrored) -> None:
    before = sealed_files(mirrored.root)
    damaged, missing = mirrored.sealed()[1], mirrored.sealed()[4]
    damage(damaged)
    missing.unlink()

    mirrored.run(4, "verify")
    for path in (damaged, missing):
        segment = mirrored.name_of(path).removeprefix("log/").removesuffix(".ndjson.zst")
        mirrored.run(0, "repair", segment)
    assert sealed_files(mirrored.root) == before
    assert mirrored.run(0, "verify").code == 0


def test_verify_remote_reads_the_bucket_and_names_what_is_not_as_committed(
    mirrored: Mirrored,
) -> None:
    mirrored.run(0, "verify", "--remote")
    name = mirrored.name_of(mirrored.sealed()[3])
    size = mirrored.sealed()[3].stat().st_size
    mirrored.delete(name)

    done = mirrored.run(4, "verify", "--remote")
    assert f"missing\t{name}\n" in done.out
    put_other_bytes(mirrored, name, size)
    done = mirrored.run(4, "verify", "--remote")
    assert f"different\t{name}: " in done.out


def test_commands_read_straight_from_the_bucket(
    mirrored: Mirrored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    expected = mirrored.run(0, "log").raw
    read_only = hindlog("-C", mirrored.address, "log")
    assert read_only.code == 2 and "mirror.endpoint_url is not set" in read_only.err
    monkeypatch.setenv("HINDLOG_MIRROR_ENDPOINT_URL", str(mirrored.settings.endpoint_url))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test:reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS["test:reader"])

    assert hindlog("-C", mirrored.address, "log").raw == expected
    add_hour(mirrored.root, 3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test:tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS["test:tester"])
    mirrored.run(0, "sync", "push")
    longer = mirrored.run(0, "log").raw
    assert hindlog("-C", mirrored.address, "--offline", "log").raw == expected
    assert hindlog("-C", mirrored.address, "log").raw == longer != expected


def put_other_bytes(mirrored: Mirrored, name: str, size: int) -> None:
    """Puts an object of the same size under the name of another one."""

    async def run() -> None:
        async with open_store(mirrored.address, mirrored.settings) as store:
            await store.put_new(name, upload_of_bytes(b"x" * size))

    asyncio.run(run())
