"""Which sources a command crawls, and how each is reached."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cli.config.settings import Config
    from fetcher.service.open_crawl import SyncBounds, Upstream


def select_sources(sources: tuple[str, ...], known: Any, command: str = "fetch run") -> list[str]:
    """The sources that were named, or all that are enabled. Raises `Invalid`."""
    from eventlog.errors import Invalid

    for name in sources:
        if name not in known:
            what = f"source {name!r}: expected one of {', '.join(sorted(known))}"
            raise Invalid(what, f"hindlog {command} --help")
    return list(sources) or [name for name in sorted(known) if known[name].enabled]


def upstream_of(settings: "Config", name: str) -> "Upstream":
    """How a source is reached, by configuration and environment."""
    from cli.config.load import read_secrets
    from fetcher.net.http import HttpLimits
    from fetcher.service.open_crawl import Upstream
    from fetcher.sources import SOURCES

    mine = settings.source[name]
    return Upstream(
        SOURCES[name],
        mine.base_url,
        read_secrets(os.environ).api_keys.get(name),
        mine.requests_per_minute,
        mine.concurrency,
        limits=HttpLimits(total_s=mine.timeout_s),
    )


def bounds_of(settings: "Config", name: str, limit: int | None) -> "SyncBounds":
    """Returns the bounds of a sync: the configured listings and budget, and the given limit."""
    from fetcher.service.open_crawl import SyncBounds

    configured = settings.source[name]
    return SyncBounds(
        listings=configured.listings,
        limit=limit,
        max_requests=configured.max_requests_per_sync,
    )
