"""Settings: every key of the configuration, its type, meaning and default.

A key is written once, as a field here; the text of a new `hindlog.toml`, the name of
its variable, its check and its error messages follow from the field. Pure.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

Check = Callable[[object, "attrs.Attribute[Any]", Any], None]


def _no_credentials(_: object, __: "attrs.Attribute[Any]", value: str) -> None:
    url = urlsplit(value)
    if url.username is not None or url.password is not None:
        raise ValueError("expected a URL without user and password: secrets are no configuration")


def _web_address(_: object, field: "attrs.Attribute[Any]", value: str) -> None:
    _no_credentials(_, field, value)
    url = urlsplit(value)
    if url.scheme not in ("http", "https") or not url.hostname:
        # never a value that might hold a password
        found = "" if "@" in value else f", found {value!a}"
        raise ValueError(f"expected a URL that begins with http:// or https://{found}")


def _positive(_: object, __: "attrs.Attribute[Any]", value: float) -> None:
    if not 0 < value < float("inf"):
        raise ValueError(f"expected a number above 0, found {value}")


def _key(
    doc: str, default: Any = attrs.NOTHING, check: Check | None = None, example: Any = None
) -> Any:
    validator = attrs.validators.optional(check) if check and default is None else check
    metadata = {"doc": doc, "example": example}
    return attrs.field(default=default, validator=validator, metadata=metadata)


@attrs.frozen
class Source:
    """How one upstream is crawled."""

    base_url: str = _key("where its API lives", check=_web_address)
    schedule: str = _key("when a crawl begins: five cron fields, in UTC")
    enabled: bool = _key("whether it is crawled at all", True)
    requests_per_minute: int = _key("never more requests than this", 60, _positive)
    concurrency: int = _key("requests under way at the same time", 4, _positive)
    max_requests_per_sync: int | None = _key(
        "requests of one sync at most, or of an hour of the service; no bound if unset",
        None,
        _positive,
        5000,
    )
    timeout_s: float = _key("seconds until a response must be complete", 120.0, _positive)
    listings: tuple[str, ...] | None = _key(
        "names of the listings to crawl; all of them if unset", None, example=["models"]
    )


@attrs.frozen
class Mirror:
    """The bucket for a copy of the sealed segments. Not built yet: nothing is copied."""

    url: str | None = _key("bucket and prefix", None, _no_credentials, "s3://bucket/prefix")
    endpoint_url: str | None = _key(
        "the S3 endpoint, unless it is AWS",
        None,
        _web_address,
        "https://<account>.r2.cloudflarestorage.com",
    )


@attrs.frozen
class Log:
    """How the log is written."""

    segment_bytes: int = _key("a segment is closed early at this size", 268_435_456, _positive)


SOURCES: dict[str, Source] = {
    "civitai": Source("https://civitai.com/api/v1", "5 * * * *"),
    "openrouter": Source("https://openrouter.ai", "30 * * * *"),
}
"""Every source there is, with its defaults."""


@attrs.frozen
class Config:
    """The whole configuration of an archive. `Config()` is the defaults."""

    source: Mapping[str, Source] = attrs.field(factory=lambda: dict(SOURCES))
    mirror: Mirror = attrs.field(factory=Mirror)
    log: Log = attrs.field(factory=Log)


def sections(config: Config) -> dict[str, Source | Mirror | Log]:
    """The tables of the configuration by their dotted name."""
    sources = {f"source.{name}": source for name, source in config.source.items()}
    return {**sources, "mirror": config.mirror, "log": config.log}


def values(config: Config) -> dict[str, object]:
    """Every dotted key with its value."""
    return {
        f"{section}.{field.name}": getattr(table, field.name)
        for section, table in sections(config).items()
        for field in attrs.fields(type(table))
    }


def types() -> dict[str, Any]:
    """Every dotted key with its type."""
    return {
        f"{section}.{field.name}": field.type
        for section, table in sections(Config()).items()
        for field in attrs.fields(type(table))
    }


def variable(key: str) -> str:
    """The environment variable of a dotted key: `source.` is left out of its name."""
    return f"HINDLOG_{key.removeprefix('source.')}".replace(".", "_").upper()
