"""Opens the bucket of an archive as its configuration and the environment say."""

import asyncio
import os
import random
import re
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from cli.config.load import read_secrets
from cli.config.settings import MirrorSettings
from eventlog.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from eventlog.stores.store import Store, StoreSettings

_RATE = re.compile(r"(\d{1,12})([kKMG]?)")
_UNITS = {"": 1, "k": 1000, "K": 1000, "M": 1_000_000, "G": 1_000_000_000}


def bucket_address(mirror: MirrorSettings) -> str:
    """Returns the address of the bucket. Raises `Invalid` if none is configured."""
    if mirror.url is None:
        raise Invalid(
            "no mirror: mirror.url is not set",
            'in hindlog.toml, below [mirror]: url = "s3://bucket/prefix", or "file:///folder"',
        )
    return mirror.url.rstrip("/")


def store_settings(root: Path, mirror: MirrorSettings) -> "StoreSettings":
    """Returns how the bucket is reached; credentials are those of the environment."""
    from eventlog.mirror.local.uploads import upload_journal
    from eventlog.stores.store import StoreSettings

    secrets = read_secrets(os.environ).aws
    return StoreSettings(
        endpoint_url=mirror.endpoint_url,
        region=mirror.region,
        access_key=secrets.get("AWS_ACCESS_KEY_ID"),
        secret_key=secrets.get("AWS_SECRET_ACCESS_KEY"),
        session_token=secrets.get("AWS_SESSION_TOKEN"),
        signed_payload=mirror.signed_payload,
        uploads=upload_journal(root),
    )


def check_server(root: Path, mirror: MirrorSettings) -> None:
    """Raises `Invalid` if the address of the bucket is wrong, or its server is not known.

    Sends no request.
    """
    if str(mirror.url).startswith("s3://") and mirror.endpoint_url is None:
        asyncio.run(_open_and_close(root, mirror))


async def _open_and_close(root: Path, mirror: MirrorSettings) -> None:
    async with open_bucket(root, mirror, Counter()):
        pass


def report_retry(say: Callable[[str], None], error: Unavailable, wait_s: float) -> None:
    """Says that a request is tried again, if that takes long enough to be noticed."""
    if wait_s >= 1:
        say(f"{error.what}; trying again in {wait_s:.0f} s")


def _print_retry(error: Unavailable, wait_s: float) -> None:
    from cli.options.global_options import print_message

    report_retry(print_message, error, wait_s)


@attrs.frozen
class Retries:
    """How requests are retried that failed for a temporary reason."""

    give_up_after_s: float = 600.0
    report: Callable[[Unavailable, float], None] = _print_retry
    """Called before each wait, with the error and the seconds."""


@asynccontextmanager
async def open_bucket(
    root: Path,
    mirror: MirrorSettings,
    requests: Counter[str],
    bytes_per_s: int | None = None,
    retries: Retries | None = None,
) -> AsyncGenerator["Store", None]:
    """Opens the bucket: requests are counted and retried, transfers keep to the bandwidth limit."""
    from eventlog.stores.opening import open_store
    from eventlog.stores.wrappers import RetryLimits, counted, limited, pace_of, retrying

    address = bucket_address(mirror)
    retries = retries or Retries()
    async with open_store(address, store_settings(root, mirror)) as store:
        limits = RetryLimits(retries.give_up_after_s)
        chance = random.SystemRandom().random
        store = retrying(counted(store, requests), limits, chance, retries.report)
        rate = bytes_per_s or mirror.bwlimit
        yield limited(store, pace_of(rate)) if rate else store


def parse_rate(text: str | None) -> int | None:
    """Returns the bytes per second of `500k` or `2M`. Raises `BadParameter`."""
    if text is None:
        return None
    match = _RATE.fullmatch(text)
    if match is None or not int(match[1]):
        raise click.BadParameter(
            f"expected bytes per second, such as 500k or 2M; found {text!r}",
            param_hint="--bwlimit",
        )
    return int(match[1]) * _UNITS[match[2]]


def format_size(size: int) -> str:
    """Formats a number of bytes: `4.1 MB`."""
    if size >= 10**10:
        return f"{size / 1e9:,.1f} GB"
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.1f} kB"
