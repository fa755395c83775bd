import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.config.load import (
    default_toml,
    find_archive,
    load_config,
    read_secrets,
    values_with_origin,
)
from cli.config.settings import (
    SOURCE_DEFAULTS,
    Config,
    config_tables,
    key_types,
    key_values,
    variable_name,
)
from eventlog.errors import Invalid, LocalResource, NoArchive


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    place = tmp_path / "archive"
    place.mkdir()
    (place / "hindlog.toml").write_text("")
    return place


def load(archive: Path, text: str, env: Mapping[str, str] | None = None) -> Config:
    (archive / "hindlog.toml").write_text(text)
    return load_config(archive, env or {})


def refusal(archive: Path, text: str, env: Mapping[str, str] | None = None) -> Invalid:
    with pytest.raises(Invalid) as caught:
        load(archive, text, env)
    return caught.value


def test_an_empty_file_means_the_defaults(archive: Path) -> None:
    config = load(archive, "")

    assert config == Config()
    assert config.source["civitai"].base_url == "https://civitai.com/api/v1"
    assert config.log.segment_bytes == 268_435_456


@given(st.sets(st.sampled_from(sorted(SOURCE_DEFAULTS))))
def test_the_new_file_loads_to_the_defaults_with_other_sources_off(
    tmp_path_factory: pytest.TempPathFactory, chosen: set[str]
) -> None:
    archive = tmp_path_factory.mktemp("archive")
    expected = {
        name: attrs.evolve(source, enabled=name in chosen)
        for name, source in SOURCE_DEFAULTS.items()
    }

    assert load(archive, default_toml(chosen)) == attrs.evolve(Config(), source=expected)


def test_the_new_file_names_every_key_in_a_line_that_works_when_it_counts(archive: Path) -> None:
    text = re.sub(r"^# (\w+ = )", r"\1", default_toml(), flags=re.MULTILINE)
    config = load(archive, text)

    tables = tomllib.loads(text)
    for section, table in config_tables(config).items():
        found = tables
        for name in section.split("."):
            found = found[name]
        assert set(found) == {field.name for field in attrs.fields(type(table))}


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


def test_every_key_has_a_variable(archive: Path) -> None:
    given_ = {str: "https://x.example", int: "7", float: "7.5", bool: "false"}
    for key, default in key_values(Config()).items():
        is_number = key_types()[key] == int | None
        unset = "7" if is_number else "https://x.example"
        text = given_[type(default)] if default is not None else unset
        config = load(archive, "", {variable_name(key): text})
        assert key_values(config)[key] != default


def test_the_contract_names_these_variables(archive: Path) -> None:
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


def test_an_empty_variable_counts_as_unset(archive: Path) -> None:
    assert load(archive, "", {"HINDLOG_MIRROR_URL": ""}) == Config()


def test_a_list_in_a_variable_is_separated_by_commas(archive: Path) -> None:
    config = load(archive, "", {"HINDLOG_CIVITAI_LISTINGS": "models, images,"})

    assert config.source["civitai"].listings == ("models", "images")


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
    ("text", "found"),
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
def test_a_wrong_value_says_place_expected_and_found(archive: Path, text: str, found: str) -> None:
    what = refusal(archive, text).what

    assert what.startswith(str(archive / "hindlog.toml"))
    assert found in what
    assert "\n" not in what


def test_every_problem_of_the_file_is_named_at_once(archive: Path) -> None:
    text = "x = 1\n[source.civitai]\nconcurrency = 'a'\nenabled = 1\n[mirror]\nurl = 3\n"

    assert len(refusal(archive, text).what.split("\n")) == 4


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("HINDLOG_CIVITAI_CONCURRENCY", "four", "expected a whole number, found 'four'"),
        ("HINDLOG_CIVITAI_CONCURRENCY", "1_0", "expected a whole number, found '1_0'"),
        ("HINDLOG_CIVITAI_CONCURRENCY", "0", "expected a number above 0, found 0"),
        ("HINDLOG_CIVITAI_TIMEOUT_S", "inf", "expected a number, found 'inf'"),
        ("HINDLOG_CIVITAI_ENABLED", "yes", "expected true or false, found 'yes'"),
        ("HINDLOG_CIVITAI_BASE_URL", "civitai.com", "expected a URL that begins with http:// or"),
    ],
)
def test_a_wrong_variable_is_named(archive: Path, name: str, text: str, found: str) -> None:
    assert refusal(archive, "", {name: text}).what.startswith(f"{name}: {found}")


def test_a_misspelt_variable_names_the_nearest_known_one(archive: Path) -> None:
    assert refusal(archive, "", {"HINDLOG_CIVITAI_BASEURL": "x"}).what == (
        "HINDLOG_CIVITAI_BASEURL: unknown variable; "
        "the nearest known one is HINDLOG_CIVITAI_BASE_URL"
    )


def test_variables_of_others_and_secrets_are_no_configuration(archive: Path) -> None:
    env = {
        "HINDLOG_ARCHIVE": "x",
        "HINDLOG_LOG_FORMAT": "json",
        "HINDLOG_CIVITAI_API_KEY": "s3cret",
        "HINDLOG_CIVITAI_API_KEY_FILE": "x",
        "PATH": "x",
    }

    assert load(archive, "", env) == Config()


def test_a_wrong_file_is_refused_also_where_a_variable_hides_it(archive: Path) -> None:
    text = "[source.civitai]\nconcurrency = 'x'\n"

    assert "hindlog.toml" in refusal(archive, text, {"HINDLOG_CIVITAI_CONCURRENCY": "3"}).what


def test_a_file_that_is_no_toml_is_refused_with_its_line(archive: Path) -> None:
    assert "line 2" in refusal(archive, "[log]\nsegment_bytes = = 1\n").what


def test_a_file_that_is_no_text_is_refused(archive: Path) -> None:
    (archive / "hindlog.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(Invalid, match="expected TOML"):
        load_config(archive, {})


def test_another_file_may_be_named(archive: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("[log]\nsegment_bytes = 5\n")

    assert load_config(archive, {}, other).log.segment_bytes == 5
    assert values_with_origin(archive, {}, other)["log.segment_bytes"] == (5, str(other))


def test_a_named_file_that_is_not_there_is_refused(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no such file"):
        load_config(archive, {}, tmp_path / "nowhere.toml")


def test_a_folder_without_a_file_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(NoArchive):
        load_config(tmp_path, {})


def test_a_file_that_cannot_be_read_is_a_matter_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "hindlog.toml").mkdir()

    with pytest.raises(LocalResource):
        load_config(tmp_path, {})


def test_origins_say_where_each_value_came_from(archive: Path) -> None:
    load(archive, "[source.civitai]\nconcurrency = 9\nenabled = true\n")
    found = values_with_origin(archive, {"HINDLOG_CIVITAI_CONCURRENCY": "3"})

    assert found["source.civitai.concurrency"] == (3, "HINDLOG_CIVITAI_CONCURRENCY")
    assert found["source.civitai.enabled"] == (True, "hindlog.toml")
    assert found["mirror.url"] == (None, "default")
    assert set(found) == set(key_values(Config()))


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


def test_secrets_come_from_the_environment_or_a_file_it_names(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-file\n")
    env = {
        "HINDLOG_CIVITAI_API_KEY": " direct ",
        "HINDLOG_OPENROUTER_API_KEY_FILE": str(tmp_path / "key"),
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "",
    }
    found = read_secrets(env)

    assert found.api_keys == {"civitai": "direct", "openrouter": "from-file"}
    assert found.aws == {"AWS_ACCESS_KEY_ID": "id"}


def test_secrets_do_not_show_themselves() -> None:
    assert "s3cret" not in repr(read_secrets({"HINDLOG_CIVITAI_API_KEY": "s3cret"}))


def test_a_key_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LocalResource, match="HINDLOG_CIVITAI_API_KEY_FILE"):
        read_secrets({"HINDLOG_CIVITAI_API_KEY_FILE": str(tmp_path / "nothing")})


def test_the_flag_wins_over_the_variable_and_that_over_the_folder(
    archive: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "hindlog.toml").write_text("")
    env = {"HINDLOG_ARCHIVE": str(other)}

    assert find_archive(str(archive), env, archive) == archive
    assert find_archive(None, env, archive) == other
    assert find_archive(None, {}, archive) == archive


def test_an_archive_is_found_upwards(archive: Path) -> None:
    inside = archive / "log" / "civitai"
    inside.mkdir(parents=True)

    assert find_archive(None, {}, inside) == archive


def test_data_is_the_last_place_looked_at(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "hindlog.toml").write_text("")

    assert find_archive(None, {}, tmp_path) == tmp_path / "data"


def test_a_flag_is_relative_to_the_folder_it_is_given_in(archive: Path) -> None:
    assert find_archive("archive", {}, archive.parent) == archive


@pytest.mark.parametrize("flag", ["nowhere", None])
def test_a_named_place_without_an_archive_is_not_replaced_by_another(
    archive: Path, flag: str | None
) -> None:
    env = {} if flag else {"HINDLOG_ARCHIVE": "nowhere"}
    with pytest.raises(NoArchive) as caught:
        find_archive(flag, env, archive)

    assert caught.value.hint == "hindlog init nowhere"


def test_where_there_is_no_archive_the_hint_makes_one(tmp_path: Path) -> None:
    with pytest.raises(NoArchive) as caught:
        find_archive(None, {}, tmp_path)

    assert caught.value.hint == "hindlog init"
