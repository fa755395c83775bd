"""How the bucket is reached: configuration, environment, units."""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import click
import pytest

from cli.config.settings import MirrorSettings
from cli.mirror.bucket import (
    bucket_address,
    format_size,
    open_bucket,
    parse_rate,
    store_settings,
)
from eventlog.errors import Invalid
from eventlog.stores.s3 import objects
from eventlog.stores.s3.bodies import Body, Parameters
from eventlog.stores.s3.client import S3Client
from eventlog.stores.s3.faults import Fault, S3Fault
from eventlog.stores.s3.multipart import Multipart
from eventlog.stores.store import OpenUpload, StoreSettings
from tests.cli.making import NO_SOURCES, hindlog, new_archive, spelled
from tests.eventlog.mirror.buckets import Killed
from tests.eventlog.stores.s3.test_multipart import PART_BYTES, UPLOAD, FakeBucket


def test_a_rate_has_a_unit_or_is_in_bytes() -> None:
    assert [parse_rate(text) for text in (None, "7", "500k", "2M", "1G")] == [
        *(None, 7, 500_000, 2_000_000, 1_000_000_000),
    ]
    for text in ("", "0", "fast", "1.5M", "-1", "2MB"):
        with pytest.raises(click.BadParameter, match="expected bytes per second"):
            parse_rate(text)


def test_sizes_are_shown_in_their_unit() -> None:
    assert [format_size(size) for size in (0, 1234, 4_100_000)] == ["0.0 kB", "1.2 kB", "4.1 MB"]


def test_credentials_are_those_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    settings = store_settings(tmp_path, MirrorSettings(region="weur"))

    assert (settings.access_key, settings.secret_key, settings.region) == ("id", "secret", "weur")
    upload = OpenUpload("log/x", "ab" * 32, "7", 16)
    settings.uploads.save(upload)
    assert store_settings(tmp_path, MirrorSettings()).uploads.load("log/x") == upload


@pytest.mark.parametrize("keeps_state", [True, False])
def test_an_upload_in_parts_of_a_killed_process_is_continued_as_the_journal_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keeps_state: bool
) -> None:
    bucket = FakeBucket()
    monkeypatch.setattr(objects, "PART_BYTES", PART_BYTES)
    monkeypatch.setattr(objects, "Multipart", partial(Multipart, part_bytes=PART_BYTES))

    def put(last_part: int) -> None:
        monkeypatch.setattr(objects, "open_client", partial(fake_client, bucket, last_part))
        asyncio.run(put_upload(tmp_path))

    with pytest.raises(Killed):
        put(last_part=1)
    if not keeps_state:
        shutil.rmtree(tmp_path / "state")
    put(last_part=3)

    assert bucket.completed == UPLOAD.read(0, UPLOAD.size)
    assert bucket.requests.count("create_multipart_upload") == (1 if keeps_state else 2)
    assert 1 in bucket.uploads["upload-0"]
    assert list((tmp_path / "state" / "mirror" / "uploads").iterdir()) == []


async def put_upload(root: Path) -> None:
    async with open_bucket(root, MirrorSettings("s3://archive"), Counter()) as store:
        assert await store.put_new("log/a", UPLOAD)


@asynccontextmanager
async def fake_client(
    bucket: FakeBucket, last_part: int, _settings: StoreSettings
) -> AsyncGenerator[S3Client, None]:
    """Opens a client of `bucket`; the process is killed before it sends a part after the last."""

    async def send(place: str, operation: str, parameters: Parameters, body: Body) -> Parameters:
        if operation == "head_object":
            raise S3Fault(Fault(place, operation, 404))
        if parameters.get("PartNumber", 0) > last_part:
            while 1 not in bucket.uploads["upload-0"]:
                await asyncio.sleep(0)
            raise Killed
        return await bucket.send(operation, parameters, body)

    yield S3Client(send, read=None)


@pytest.mark.parametrize(
    "words",
    [
        *(("config", "check"), ("sync", "push"), ("sync", "pull"), ("sync", "check")),
        *(("sync", "push", "--watch"), ("prune", "--keep-local", "1d"), ("verify", "--remote")),
        *(("doctor",), ("doctor", "--online"), ("init", "new", "--from", "s3://bucket")),
    ],
    ids=spelled,
)
def test_a_bucket_whose_server_is_not_known_says_at_once_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    root = new_archive(tmp_path / "a", NO_SOURCES + '[mirror]\nurl = "s3://bucket/prefix"\n')
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    done = hindlog(*words, at=root)

    assert done.code == (1 if words[0] == "doctor" else 2)
    text = done.out + done.err
    assert text.count("mirror.endpoint_url is not set, and mirror.region is auto") == 1
    for key in ("endpoint_url = ", "HINDLOG_MIRROR_ENDPOINT_URL", "HINDLOG_MIRROR_REGION"):
        assert key in text
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HINDLOG_MIRROR_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("HINDLOG_MIRROR_REGION", "eu-central-1"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9"),
    ],
)
def test_a_region_or_an_endpoint_names_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    root = new_archive(tmp_path / "a", NO_SOURCES + '[mirror]\nurl = "s3://bucket/prefix"\n')
    monkeypatch.setenv(name, value)

    assert hindlog("config", "check", at=root).code == 0


def test_the_bucket_is_opened_by_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Invalid, match=r"mirror\.url is not set"):
        bucket_address(MirrorSettings())
    requests: Counter[str] = Counter()

    async def head() -> None:
        async with open_bucket(tmp_path, MirrorSettings(f"file://{tmp_path}/"), requests) as store:
            assert store.address == f"file://{tmp_path}"
            assert await store.head("log/x") is None

    asyncio.run(head())
    assert requests.total() == 1
