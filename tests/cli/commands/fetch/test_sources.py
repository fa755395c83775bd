"""The sources that a command names, and their settings as values for the crawl."""

import pytest

from cli.commands.fetch.sources import bounds_of, requests_per_minute, select_sources, upstream_of
from cli.config.settings import SOURCE_DEFAULTS, Config, SourceSettings
from eventlog.errors import Invalid

DISABLED = SourceSettings("https://y.example", "5 * * * *", enabled=False)
KNOWN = {"b": SOURCE_DEFAULTS["civitai"], "a": SOURCE_DEFAULTS["openrouter"], "off": DISABLED}


def test_address_and_limits_come_from_the_settings_and_the_key_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed = SourceSettings("https://x.example", "5 * * * *", True, 7, 3, 9, 1.5)
    settings = Config(source={**SOURCE_DEFAULTS, "civitai": changed})
    monkeypatch.setenv("HINDLOG_CIVITAI_API_KEY", "secret")
    civitai, openrouter = upstream_of(settings, "civitai"), upstream_of(settings, "openrouter")

    assert (civitai.base_url, civitai.key) == ("https://x.example", "secret")
    assert (civitai.requests_per_minute, civitai.concurrency) == (7, 3)
    assert bounds_of(settings, "civitai", limit=None).max_requests == 9
    assert civitai.limits.total_s == 1.5
    assert (openrouter.base_url, openrouter.key) == ("https://openrouter.ai", None)


def test_without_names_every_enabled_source_is_selected_in_alphabetical_order() -> None:
    assert select_sources((), KNOWN) == ["a", "b"]


def test_named_sources_are_selected_in_their_order_even_if_disabled() -> None:
    assert select_sources(("off", "b"), KNOWN) == ["off", "b"]


def test_an_unknown_source_is_refused_with_the_known_ones_and_the_help() -> None:
    with pytest.raises(Invalid, match="source 'x': expected one of a, b, off") as error:
        select_sources(("a", "x"), KNOWN, "fetch import")

    assert error.value.hint == "hindlog fetch import --help"


def test_the_bounds_of_a_sync_are_the_configured_ones_and_the_given_limit() -> None:
    configured = SourceSettings("https://x.example", "5 * * * *", listings=("models",))
    bounds = bounds_of(Config(source={"x": configured}), "x", limit=7)

    assert (bounds.listings, bounds.limit, bounds.max_requests) == (("models",), 7, None)


@pytest.mark.parametrize(
    ("url", "configured", "rate"),
    [
        ("https://civitai.com/api/v1", None, 60),
        ("http://127.0.0.1:8080", None, 60_000),
        ("http://127.8.8.8", None, 60_000),
        ("http://[::1]:8080/x", None, 60_000),
        ("http://localhost:1", None, 60_000),
        ("http://localhost.example", None, 60),
        ("http://10.0.0.1", None, 60),
        ("http://127.0.0.1:8080", 30, 30),
    ],
)
def test_the_rate_is_60_unless_configured_or_on_this_machine(
    url: str, configured: int | None, rate: int
) -> None:
    settings = SourceSettings(url, "5 * * * *", requests_per_minute=configured)

    assert requests_per_minute(settings) == rate
