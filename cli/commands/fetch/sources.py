"""Sources that a command names, with their settings as values for the crawl."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cli.config.settings import Config
    from fetcher.service.open_crawl import SyncBounds, Upstream


def select_sources(sources: tuple[str, ...], known: Any, command: str = "fetch run") -> list[str]:
    """Returns the named sources, or all that are enabled. Raises `Invalid` for an unknown one."""
    from eventlog.errors import Invalid

    for name in sources:
        if name not in known:
            what = f"source {name!r}: expected one of {', '.join(sorted(known))}"
            raise Invalid(what, f"hindlog {command} --help")
    return list(sources) or [name for name in sorted(known) if known[name].enabled]


def upstream_of(settings: "Config", name: str) -> "Upstream":
    """Returns address, key and limits of a source, from configuration and environment."""
    from cli.config.load import read_secrets
    from fetcher.net.http import HttpLimits
    from fetcher.service.open_crawl import Upstream
    from fetcher.sources import SOURCES

    source = settings.source[name]
    return Upstream(
        SOURCES[name],
        source.base_url,
        read_secrets(os.environ).api_keys.get(name),
        source.requests_per_minute,
        source.concurrency,
        limits=HttpLimits(total_s=source.timeout_s),
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
