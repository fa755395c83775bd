"""How the bucket is reached: configuration, environment, units."""

import asyncio
from collections import Counter
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
from eventlog.stores.store import OpenUpload


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
