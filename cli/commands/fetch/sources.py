"""Sources that a command names, with their settings as values for the crawl."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cli.config.settings import Config, SourceSettings
    from fetcher.service.open_crawl import SyncBounds, Upstream


_RATE = 60
"""Requests per minute, unless configured."""
LOCAL_RATE = 60_000
"""Requests per minute to an upstream on this machine, unless configured."""


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
        requests_per_minute(source),
        source.concurrency,
        limits=HttpLimits(total_s=source.timeout_s),
        contact=source.contact,
    )


def requests_per_minute(settings: "SourceSettings") -> int:
    """Returns the configured rate. If none is configured, an upstream on this machine may be
    asked as fast as it answers."""
    from ipaddress import ip_address
    from urllib.parse import urlsplit

    if settings.requests_per_minute is not None:
        return settings.requests_per_minute
    host = urlsplit(settings.base_url).hostname or ""
    try:
        is_local = ip_address(host).is_loopback
    except ValueError:
        is_local = host == "localhost"
    return LOCAL_RATE if is_local else _RATE


def bounds_of(settings: "Config", name: str, limit: int | None) -> "SyncBounds":
    """Returns the bounds of a sync: what is configured, and the given limit."""
    from fetcher.service.open_crawl import SyncBounds

    configured = settings.source[name]
    return SyncBounds(
        listings=configured.listings,
        params=configured.params,
        limit=limit,
        first_walk=configured.first_walk,
        max_requests=configured.max_requests_per_sync,
    )
