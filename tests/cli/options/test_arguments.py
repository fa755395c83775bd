"""Parsers of arguments: entity, segment and NAME=VALUE."""

from pathlib import Path

import click
import pytest

from cli.options.arguments import parse_entity, parse_param, parse_segment_argument
from eventlog.errors import Invalid

SEGMENT = "openrouter/2026-11-21/05-1a2b3c4d-000"


@pytest.mark.parametrize("text", ["", "a", "a/b", "a/b/", "/b/c", "a//c", "a/b/\udcff"])
def test_an_entity_has_source_type_and_id(text: str) -> None:
    with pytest.raises(Invalid, match="expected source/type/id in UTF-8"):
        parse_entity(text)


def test_an_id_may_contain_slashes() -> None:
    assert parse_entity("a/b/c/d/") == ("a", "b", "c/d/")


def test_the_value_of_a_parameter_may_contain_an_equals_sign() -> None:
    assert parse_param("a=b=c") == ("a", "b=c")
    assert parse_param("a=") == ("a", "")


@pytest.mark.parametrize("text", ["", "x", "=x", "a b=x", "1=x"])
def test_a_parameter_without_a_valid_name_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected name=value, found"):
        parse_param(text)


@pytest.mark.parametrize("suffix", [".ndjson", ".ndjson.zst", ".manifest.json"])
def test_a_segment_is_named_by_its_name_or_by_the_path_of_one_of_its_files(
    tmp_path: Path, suffix: str
) -> None:
    by_name = parse_segment_argument(tmp_path, SEGMENT)
    by_path = parse_segment_argument(tmp_path, str(tmp_path / "log" / f"{SEGMENT}{suffix}"))

    assert str(by_name) == SEGMENT
    assert by_path == by_name


@pytest.mark.parametrize("text", ["", "openrouter", "/elsewhere/log/x.ndjson", f"{SEGMENT}.txt"])
def test_any_other_text_is_no_segment_and_the_error_shows_an_example(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(Invalid, match="expected a name as openrouter/2026-11-21/05-") as error:
        parse_segment_argument(tmp_path, text)

    assert error.value.hint == "hindlog segment list"
