"""The sources that a command names, and their settings as values for the crawl."""

import pytest

from cli.commands.fetch.sources import bounds_of, select_sources, upstream_of
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
