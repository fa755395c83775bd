"""Which sources a command crawls, and how each is reached."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cli.config.settings import Config
    from fetcher.service.sync import Upstream


def chosen_sources(sources: tuple[str, ...], known: Any, command: str = "fetch run") -> list[str]:
    """The sources that were named, or all that are enabled. Raises `Invalid`."""
    from eventlog.errors import Invalid

    for name in sources:
        if name not in known:
            what = f"source {name!r}: expected one of {', '.join(sorted(known))}"
            raise Invalid(what, f"hindlog {command} --help")
    return list(sources) or [name for name in sorted(known) if known[name].enabled]


def upstream_of(settings: "Config", name: str) -> "Upstream":
    """How a source is reached, by configuration and environment."""
    from cli.config.load import secrets
    from fetcher.net.http import Limits
    from fetcher.service.sync import Upstream

    mine = settings.source[name]
    return Upstream(
        mine.base_url,
        secrets(os.environ).api_keys.get(name),
        mine.requests_per_minute,
        mine.concurrency,
        limits=Limits(total_s=mine.timeout_s),
        max_requests=mine.max_requests_per_sync,
    )
