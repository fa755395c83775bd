"""`find_archive`: the option, the environment variable, the folders upwards, `data`."""

from pathlib import Path

import pytest

from cli.config.load import (
    find_archive,
)
from eventlog.errors import NoArchive


def test_the_option_overrides_the_variable_and_the_variable_the_current_folder(
    archive: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "hindlog.toml").write_text("")
    env = {"HINDLOG_ARCHIVE": str(other)}

    assert find_archive(str(archive), env, archive) == archive
    assert find_archive(None, env, archive) == other
    assert find_archive(None, {}, archive) == archive


def test_an_archive_is_found_in_a_parent_folder(archive: Path) -> None:
    inside = archive / "log" / "civitai"
    inside.mkdir(parents=True)

    assert find_archive(None, {}, inside) == archive


def test_the_folder_data_is_used_if_no_parent_is_an_archive(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "hindlog.toml").write_text("")

    assert find_archive(None, {}, tmp_path) == tmp_path / "data"


def test_the_option_is_relative_to_the_current_folder(archive: Path) -> None:
    assert find_archive("archive", {}, archive.parent) == archive


@pytest.mark.parametrize("flag", ["nowhere", None])
def test_a_named_folder_without_an_archive_is_an_error_and_not_replaced(
    archive: Path, flag: str | None
) -> None:
    env = {} if flag else {"HINDLOG_ARCHIVE": "nowhere"}
    with pytest.raises(NoArchive) as caught:
        find_archive(flag, env, archive)

    assert caught.value.hint == "hindlog init nowhere"


def test_without_an_archive_the_hint_is_init(tmp_path: Path) -> None:
    with pytest.raises(NoArchive) as caught:
        find_archive(None, {}, tmp_path)

    assert caught.value.hint == "hindlog init"
