"""Every configuration key with its type, meaning, default and check.

Each key is defined once, as a field of a class below. The text of a new `hindlog.toml`, the
name of the environment variable and the error messages are derived from the field. Pure.
"""

from collections.abc import Callable, Mapping
from typing import Any, NewType
from urllib.parse import urlsplit

import attrs

ParamValues = NewType("ParamValues", tuple[str, ...])
"""Values of one parameter of a listing: a text, number or truth value, or a list of them."""
ListingParams = Mapping[str, Mapping[str, ParamValues]]
"""By listing and parameter."""

Check = Callable[[object, "attrs.Attribute[Any]", Any], None]


def _no_credentials(_: object, __: "attrs.Attribute[Any]", value: str) -> None:
    url = urlsplit(value)
    if url.username is not None or url.password is not None:
        raise ValueError("expected a URL without user and password; set keys in the environment")


def _web_address(_: object, field: "attrs.Attribute[Any]", value: str) -> None:
    _no_credentials(_, field, value)
    url = urlsplit(value)
    if url.scheme not in ("http", "https") or not url.hostname:
        # a value with "@" may contain a password: never print it
        shown = "" if "@" in value else f", found {value!a}"
        raise ValueError(f"expected a URL that begins with http:// or https://{shown}")


def _bucket_address(_: object, field: "attrs.Attribute[Any]", value: str) -> None:
    _no_credentials(_, field, value)
    scheme, _separator, place = value.partition("://")
    is_complete = place.startswith("/") if scheme == "file" else place.strip("/")
    if scheme not in ("s3", "file") or not is_complete:
        shown = "" if "@" in value else f", found {value!a}"
        raise ValueError(f"expected s3://bucket/prefix or file:///folder{shown}")


def _header_text(_: object, __: "attrs.Attribute[Any]", value: str) -> None:
    if not (value.isascii() and value.isprintable()):
        raise ValueError(f"expected printable ASCII text, found {value!a}")


def _positive(_: object, __: "attrs.Attribute[Any]", value: float) -> None:
    if not 0 < value < float("inf"):
        raise ValueError(f"expected a number above 0, found {value}")


def _key(
    doc: str, default: Any = attrs.NOTHING, check: Check | None = None, example: Any = None
) -> Any:
    validator = attrs.validators.optional(check) if check and default is None else check
    metadata = {"doc": doc, "example": example}
    return attrs.field(default=default, validator=validator, metadata=metadata)


_PARAMS = {
    "doc": "parameters of listings, such as params.models.nsfw = false; of a list, a run each",
    "example": None,
}


@attrs.frozen
class SourceSettings:
    """How one upstream is crawled."""

    base_url: str = _key("URL of the API", check=_web_address)
    schedule: str = _key("when a sync starts: five cron fields, in UTC")
    enabled: bool = _key("whether the source is crawled", True)
    requests_per_minute: int | None = _key(
        "maximum number of requests per minute; if unset 60, without a limit on this machine",
        None,
        _positive,
        60,
    )
    concurrency: int = _key("maximum number of requests in flight", 4, _positive)
    max_requests_per_sync: int | None = _key(
        "maximum number of requests per sync, in the service per hour; unlimited if unset",
        None,
        _positive,
        5000,
    )
    timeout_s: float = _key("maximum duration of a request, in seconds", 120.0, _positive)
    contact: str | None = _key(
        "address of yours in the User-Agent header, for the operators of the API",
        None,
        _header_text,
        "you@example.org",
    )
    listings: tuple[str, ...] | None = _key(
        "names of the listings to crawl; the default ones if unset", None, example=["models"]
    )
    params: ListingParams = attrs.field(factory=dict, metadata=_PARAMS)
    first_walk: int = _key(
        "number of entities after which a sync leaves the rest of a listing to the service",
        20_000,
        _positive,
    )


@attrs.frozen
class MirrorSettings:
    """The bucket for a copy of the sealed segments: `hindlog sync push`."""

    url: str | None = _key(
        "bucket and prefix, or a folder as file:///folder",
        None,
        _bucket_address,
        "s3://bucket/prefix",
    )
    endpoint_url: str | None = _key(
        "the S3 endpoint if it is not AWS",
        None,
        _web_address,
        "https://<account>.r2.cloudflarestorage.com",
    )
    region: str = _key("the region of the bucket", "auto")
    signed_payload: bool = _key(
        "whether signatures cover the body, too; its SHA-256 is always signed", False
    )
    transfers: int = _key("maximum number of objects in flight", 4, _positive)
    bwlimit: int | None = _key(
        "maximum number of bytes per second, unlimited if unset", None, _positive, 2_000_000
    )
    cache_bytes: int = _key(
        "maximum size of cache/: files that are only in the bucket and were read",
        10_737_418_240,
        _positive,
    )


@attrs.frozen
class LogSettings:
    """How the log is written."""

    segment_bytes: int = _key(
        "size in bytes at which a segment is closed before its hour is over", 268_435_456, _positive
    )


SOURCE_DEFAULTS: dict[str, SourceSettings] = {
    "civitai": SourceSettings("https://civitai.com/api/v1", "5 * * * *"),
    "openrouter": SourceSettings("https://openrouter.ai", "30 * * * *"),
}
"""The known sources with their default settings."""


@attrs.frozen
class Config:
    """The configuration of an archive. `Config()` has the defaults."""

    source: Mapping[str, SourceSettings] = attrs.field(factory=lambda: dict(SOURCE_DEFAULTS))
    mirror: MirrorSettings = attrs.field(factory=MirrorSettings)
    log: LogSettings = attrs.field(factory=LogSettings)


def config_tables(config: Config) -> dict[str, SourceSettings | MirrorSettings | LogSettings]:
    """Returns the tables of a configuration by their dotted name."""
    sources = {f"source.{name}": source for name, source in config.source.items()}
    return {**sources, "mirror": config.mirror, "log": config.log}


def key_values(config: Config) -> dict[str, object]:
    """Returns the value of every dotted key."""
    return {
        f"{section}.{field.name}": getattr(table, field.name)
        for section, table in config_tables(config).items()
        for field in attrs.fields(type(table))
    }


def key_types() -> dict[str, Any]:
    """Returns the type of every dotted key."""
    return {
        f"{section}.{field.name}": field.type
        for section, table in config_tables(Config()).items()
        for field in attrs.fields(type(table))
    }


def variable_name(key: str) -> str:
    """Returns the environment variable of a dotted key; it omits `source.`."""
    return f"HINDLOG_{key.removeprefix('source.')}".replace(".", "_").upper()
