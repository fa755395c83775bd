"""Validation: unknown keys, values of another type, secrets; every problem with its place."""

from pathlib import Path

import pytest

from cli.config.settings import (
    variable_name,
)
from tests.cli.config.loading import refusal


@pytest.mark.parametrize(
    ("text", "key", "nearest"),
    [
        (
            "[source.civitai]\nrequests_per_minut = 1",
            "source.civitai.requests_per_minut",
            "source.civitai.requests_per_minute",
        ),
        ("[source.civitay]\nenabled = true", "source.civitay", "source.civitai"),
        ("[mirrr]\nurl = 'x'", "mirrr", "mirror"),
        ("[mirror]\nsegment_bytes = 1", "mirror.segment_bytes", "log.segment_bytes"),
        ("segment_bytes = 1", "segment_bytes", "log.segment_bytes"),
    ],
)
def test_an_unknown_key_names_file_key_and_the_nearest_known(
    archive: Path, text: str, key: str, nearest: str
) -> None:
    assert refusal(archive, text).what == (
        f"{archive / 'hindlog.toml'}: {key}: unknown key; the nearest known one is {nearest}"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[source.civitai]\nconcurrency = '4'",
            "civitai.concurrency: expected a whole number, found '4'",
        ),
        (
            "[source.civitai]\nconcurrency = 4.0",
            "civitai.concurrency: expected a whole number, found 4.0",
        ),
        (
            "[source.civitai]\nconcurrency = true",
            "civitai.concurrency: expected a whole number, found True",
        ),
        (
            "[source.civitai]\nconcurrency = 0",
            "civitai.concurrency: expected a number above 0, found 0",
        ),
        (
            "[source.civitai]\ntimeout_s = nan",
            "civitai.timeout_s: expected a number above 0, found nan",
        ),
        ("[source.civitai]\ntimeout_s = '9'", "civitai.timeout_s: expected a number, found '9'"),
        ("[source.civitai]\nenabled = 1", "civitai.enabled: expected true or false, found 1"),
        ("[source.civitai]\nschedule = 5", "civitai.schedule: expected text, found 5"),
        ("[source.civitai]\nlistings = 'abc'", "civitai.listings: expected a list, found 'abc'"),
        ("[source.civitai]\nlistings = [1]", "civitai.listings: expected a list of texts, found 1"),
        ("[source.civitai.base_url]\nx = 1", "civitai.base_url: expected text, found a table"),
        ("[source.civitai]\nbase_url = 'x'", "civitai.base_url: expected a URL that begins with"),
        ("[source]\ncivitai = 3", "source.civitai: expected a table, found 3"),
        ("source = 3", "source: expected a table, found 3"),
        ("[[log]]\nsegment_bytes = 1", "log: expected a table, found [{'segment_bytes': 1}]"),
    ],
)
def test_an_invalid_value_names_place_expected_and_found_value(
    archive: Path, text: str, problem: str
) -> None:
    message = refusal(archive, text).what

    assert message.startswith(str(archive / "hindlog.toml"))
    assert problem in message
    assert "\n" not in message


def test_the_error_lists_every_problem_of_the_file(archive: Path) -> None:
    text = "x = 1\n[source.civitai]\nconcurrency = 'a'\nenabled = 1\n[mirror]\nurl = 3\n"

    assert len(refusal(archive, text).what.split("\n")) == 4


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("HINDLOG_CIVITAI_CONCURRENCY", "four", "expected a whole number, found 'four'"),
        ("HINDLOG_CIVITAI_CONCURRENCY", "1_0", "expected a whole number, found '1_0'"),
        ("HINDLOG_CIVITAI_CONCURRENCY", "0", "expected a number above 0, found 0"),
        ("HINDLOG_CIVITAI_TIMEOUT_S", "inf", "expected a number, found 'inf'"),
        ("HINDLOG_CIVITAI_ENABLED", "yes", "expected true or false, found 'yes'"),
        ("HINDLOG_CIVITAI_BASE_URL", "civitai.com", "expected a URL that begins with http:// or"),
    ],
)
def test_an_invalid_variable_is_named(archive: Path, name: str, text: str, problem: str) -> None:
    assert refusal(archive, "", {name: text}).what.startswith(f"{name}: {problem}")


def test_a_misspelled_variable_names_the_nearest_known_one(archive: Path) -> None:
    assert refusal(archive, "", {"HINDLOG_CIVITAI_BASEURL": "x"}).what == (
        "HINDLOG_CIVITAI_BASEURL: unknown variable; "
        "the nearest known one is HINDLOG_CIVITAI_BASE_URL"
    )


def test_an_invalid_file_is_refused_even_if_a_variable_overrides_the_key(archive: Path) -> None:
    text = "[source.civitai]\nconcurrency = 'x'\n"

    assert "hindlog.toml" in refusal(archive, text, {"HINDLOG_CIVITAI_CONCURRENCY": "3"}).what


def test_a_secret_in_the_file_is_refused_without_showing_it(archive: Path) -> None:
    error = refusal(archive, "[source.civitai]\napi_key = 's3cret'\n")

    assert "s3cret" not in error.what
    assert error.hint is not None
    assert "HINDLOG_CIVITAI_API_KEY" in error.hint


@pytest.mark.parametrize("key", ["source.civitai.base_url", "mirror.url", "mirror.endpoint_url"])
@pytest.mark.parametrize("url", ["https://u:s3cret@x.example", "u:s3cret@x.example"])
def test_a_password_in_a_url_is_never_shown(archive: Path, key: str, url: str) -> None:
    if key == "mirror.url" and "//" not in url:
        return
    section, _, name = key.rpartition(".")

    assert "s3cret" not in refusal(archive, f"[{section}]\n{name} = '{url}'\n").what
    assert "s3cret" not in refusal(archive, "", {variable_name(key): url}).what
