"""The effect of each key of the mirror, for the test of all keys."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.config.load import load_config
from cli.mirror.bucket import store_settings
from eventlog.format.paths import sealed_path
from eventlog.mirror.push.push import PushResult
from tests.cli.making import hindlog, new_archive
from tests.eventlog.mirror.buckets import add_hour


def mirror_url(folder: Path) -> None:
    root = new_archive(folder / "a", f'[mirror]\nurl = "file://{folder}"\n')
    hindlog("sync", "push", at=root)

    assert (folder / "hindlog.json").exists()


def mirror(folder: Path, key: str, value: object) -> None:
    root = new_archive(folder / "a", f"[mirror]\n{key} = {json.dumps(value)}\n")
    settings = store_settings(root, load_config(root, {}).mirror)

    assert getattr(settings, key) == value


def transfers(folder: Path) -> None:
    root = new_archive(folder / "a", f'[mirror]\nurl = "file://{folder}"\ntransfers = 3\n')
    widths: list[int] = []

    async def record(*_: object, transfers: int, **__: object) -> PushResult:
        widths.append(transfers)
        return PushResult(0, 0, 0, ())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eventlog.mirror.push.push.push", record)
        hindlog("sync", "push", at=root)
    assert widths == [3]


def bwlimit(folder: Path) -> None:
    root = new_archive(folder / "a", f'[mirror]\nurl = "file://{folder}"\nbwlimit = 7\n')
    rates: list[float] = []

    def record(rate: float) -> Callable[[int], float]:
        rates.append(rate)
        return lambda _size: 0.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eventlog.stores.wrappers.pace_of", record)
        hindlog("sync", "push", at=root)
    assert rates == [7]


def cache_bytes(folder: Path) -> None:
    root = new_archive(folder / "a", f'[mirror]\nurl = "file://{folder}"\ncache_bytes = 1\n')
    names = [add_hour(root, hour) for hour in range(3)]
    hindlog("sync", "push", at=root)
    for name in names:
        sealed_path(root, name).unlink()
    hindlog("log", at=root)

    assert len(list((root / "cache").rglob("*.zst"))) == 1


MIRROR_KEYS: dict[str, Callable[[Path], None]] = {
    "mirror.url": mirror_url,
    "mirror.endpoint_url": lambda folder: mirror(folder, "endpoint_url", "https://r2.example"),
    "mirror.region": lambda folder: mirror(folder, "region", "weur"),
    "mirror.signed_payload": lambda folder: mirror(folder, "signed_payload", True),
    "mirror.transfers": transfers,
    "mirror.bwlimit": bwlimit,
    "mirror.cache_bytes": cache_bytes,
}
