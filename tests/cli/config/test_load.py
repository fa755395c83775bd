"""`load`: the layers of the configuration, their origin, and the archive that is used."""

from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.config.load import (
    default_toml,
    load_config,
    read_secrets,
    values_with_origin,
)
from cli.config.settings import (
    SOURCE_DEFAULTS,
    Config,
    key_values,
)
from eventlog.errors import Invalid, LocalResource, NoArchive
from tests.cli.config.loading import load, refusal


def test_an_empty_file_gives_the_defaults(archive: Path) -> None:
    config = load(archive, "")

    assert config == Config()
    assert config.source["civitai"].base_url == "https://civitai.com/api/v1"
    assert config.log.segment_bytes == 268_435_456


@given(st.sets(st.sampled_from(sorted(SOURCE_DEFAULTS))))
def test_a_new_file_gives_the_defaults_with_the_other_sources_disabled(
    tmp_path_factory: pytest.TempPathFactory, chosen: set[str]
) -> None:
    archive = tmp_path_factory.mktemp("archive")
    expected = {
        name: attrs.evolve(source, enabled=name in chosen)
        for name, source in SOURCE_DEFAULTS.items()
    }

    assert load(archive, default_toml(chosen)) == attrs.evolve(Config(), source=expected)


def test_a_new_file_for_an_unknown_source_is_refused() -> None:
    with pytest.raises(Invalid, match="expected one of civitai, openrouter, found 'civitia'"):
        default_toml(["civitia"])


def test_a_table_keeps_the_defaults_of_the_keys_it_leaves_out(archive: Path) -> None:
    config = load(archive, "[source.civitai]\nconcurrency = 9\n")

    assert config.source["civitai"] == attrs.evolve(SOURCE_DEFAULTS["civitai"], concurrency=9)
    assert config.source["openrouter"] == SOURCE_DEFAULTS["openrouter"]


def test_a_variable_wins_over_the_file_and_the_file_over_the_default(archive: Path) -> None:
    text = "[source.civitai]\nconcurrency = 9\nrequests_per_minute = 7\n"
    config = load(archive, text, {"HINDLOG_CIVITAI_CONCURRENCY": "3"})

    source = config.source["civitai"]
    assert (source.concurrency, source.requests_per_minute, source.timeout_s) == (3, 7, 120.0)


def test_an_empty_variable_counts_as_unset(archive: Path) -> None:
    assert load(archive, "", {"HINDLOG_MIRROR_URL": ""}) == Config()


def test_a_list_in_a_variable_is_separated_by_commas(archive: Path) -> None:
    config = load(archive, "", {"HINDLOG_CIVITAI_LISTINGS": "models, images,"})

    assert config.source["civitai"].listings == ("models", "images")


def test_other_variables_and_secrets_do_not_change_the_configuration(archive: Path) -> None:
    env = {
        "HINDLOG_ARCHIVE": "x",
        "HINDLOG_LOG_FORMAT": "json",
        "HINDLOG_CIVITAI_API_KEY": "s3cret",
        "HINDLOG_CIVITAI_API_KEY_FILE": "x",
        "PATH": "x",
    }

    assert load(archive, "", env) == Config()


def test_a_file_that_is_not_toml_is_refused_with_the_line(archive: Path) -> None:
    assert "line 2" in refusal(archive, "[log]\nsegment_bytes = = 1\n").what


def test_a_file_that_is_not_utf8_is_refused(archive: Path) -> None:
    (archive / "hindlog.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(Invalid, match="expected TOML"):
        load_config(archive, {})


def test_another_configuration_file_can_be_named(archive: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("[log]\nsegment_bytes = 5\n")

    assert load_config(archive, {}, other).log.segment_bytes == 5
    assert values_with_origin(archive, {}, other)["log.segment_bytes"] == (5, str(other))


def test_a_missing_named_file_is_refused(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no such file"):
        load_config(archive, {}, tmp_path / "nowhere.toml")


def test_a_folder_without_a_configuration_file_is_not_an_archive(tmp_path: Path) -> None:
    with pytest.raises(NoArchive):
        load_config(tmp_path, {})


def test_an_unreadable_file_is_an_error_of_the_local_machine(tmp_path: Path) -> None:
    (tmp_path / "hindlog.toml").mkdir()

    with pytest.raises(LocalResource):
        load_config(tmp_path, {})


def test_the_origin_of_a_value_is_a_variable_the_file_or_the_default(archive: Path) -> None:
    load(archive, "[source.civitai]\nconcurrency = 9\nenabled = true\n")
    values = values_with_origin(archive, {"HINDLOG_CIVITAI_CONCURRENCY": "3"})

    assert values["source.civitai.concurrency"] == (3, "HINDLOG_CIVITAI_CONCURRENCY")
    assert values["source.civitai.enabled"] == (True, "hindlog.toml")
    assert values["mirror.url"] == (None, "default")
    assert set(values) == set(key_values(Config()))


def test_secrets_come_from_the_environment_or_a_file_it_names(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-file\n")
    env = {
        "HINDLOG_CIVITAI_API_KEY": " direct ",
        "HINDLOG_OPENROUTER_API_KEY_FILE": str(tmp_path / "key"),
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "",
    }
    secrets = read_secrets(env)

    assert secrets.api_keys == {"civitai": "direct", "openrouter": "from-file"}
    assert secrets.aws == {"AWS_ACCESS_KEY_ID": "id"}


def test_secrets_are_not_in_their_repr() -> None:
    assert "s3cret" not in repr(read_secrets({"HINDLOG_CIVITAI_API_KEY": "s3cret"}))


def test_a_missing_key_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LocalResource, match="HINDLOG_CIVITAI_API_KEY_FILE"):
        read_secrets({"HINDLOG_CIVITAI_API_KEY_FILE": str(tmp_path / "nothing")})
