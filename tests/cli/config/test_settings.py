"""Settings: every key has a line in a new file, and an environment variable."""

import re
import tomllib
from pathlib import Path

import attrs

from cli.config.load import (
    default_toml,
)
from cli.config.settings import (
    Config,
    config_tables,
    key_types,
    key_values,
    variable_name,
)
from tests.cli.config.loading import load


def test_a_new_file_has_a_line_for_every_key_that_is_valid_without_its_comment_sign(
    archive: Path,
) -> None:
    text = re.sub(r"^# (\w+ = )", r"\1", default_toml(), flags=re.MULTILINE)
    config = load(archive, text)

    tables = tomllib.loads(text)
    for section, table in config_tables(config).items():
        keys = tables
        for name in section.split("."):
            keys = keys[name]
        assert set(keys) == {field.name for field in attrs.fields(type(table))}


def test_every_key_can_be_set_by_its_variable(archive: Path) -> None:
    values = {str: "https://x.example", int: "7", float: "7.5"}
    texts = {
        "mirror.url": "s3://bucket/prefix",
        "source.civitai.listings": "models",
        "source.civitai.params": '{"models": {"nsfw": false}}',
        "source.openrouter.listings": "models",
        "source.openrouter.params": '{"models": {"category": ["a", "b"]}}',
    }
    for key, default in key_values(Config()).items():
        if isinstance(default, bool):
            values[bool] = "false" if default else "true"
        is_number = key_types()[key] == int | None
        unset = "7" if is_number else "https://x.example"
        text = texts.get(key) or (values[type(default)] if default is not None else unset)
        config = load(archive, "", {variable_name(key): text})
        assert key_values(config)[key] != default


def test_the_documented_variables_set_their_keys(archive: Path) -> None:
    env = {
        "HINDLOG_CIVITAI_BASE_URL": "http://127.0.0.1:1/api/v1",
        "HINDLOG_OPENROUTER_BASE_URL": "http://127.0.0.1:2",
        "HINDLOG_MIRROR_URL": "s3://bucket/prefix",
        "HINDLOG_MIRROR_ENDPOINT_URL": "http://127.0.0.1:3",
    }
    config = load(archive, "", env)

    assert config.source["civitai"].base_url == "http://127.0.0.1:1/api/v1"
    assert config.source["openrouter"].base_url == "http://127.0.0.1:2"
    assert config.mirror.url == "s3://bucket/prefix"
    assert config.mirror.endpoint_url == "http://127.0.0.1:3"
