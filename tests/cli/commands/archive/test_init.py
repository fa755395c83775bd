"""`init`: the files it writes, the files it never overwrites, and the commands it prints."""

from pathlib import Path

import pytest

from cli.config.load import load_config
from tests.cli.making import hindlog, spelled


def test_init_creates_an_archive_in_data_and_prints_the_next_three_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = hindlog("init")

    assert (done.code, done.raw) == (0, b"")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["hindlog.toml", "log"]
    first, *commands = done.err.splitlines()
    assert first == "Created the archive data; its configuration is data/hindlog.toml. Next:"
    assert [line.split("  ")[1] for line in commands] == [
        "hindlog fetch run --once",
        "hindlog view update",
        "hindlog tail -f",
    ]
    assert hindlog("config", "check").code == 0


def test_init_in_another_folder_prints_commands_with_that_folder(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "place"
    done = hindlog("init", place)

    assert done.code == 0
    assert [line.split("  ")[1] for line in done.err.splitlines()[1:]] == [
        f"hindlog -C {place} fetch run --once",
        f"hindlog -C {place} view update",
        f"hindlog -C {place} tail -f",
    ]


@pytest.mark.parametrize(
    ("sources", "enabled"),
    [
        ((), ("civitai", "openrouter")),
        (("openrouter",), ("openrouter",)),
        (("openrouter", "civitai"), ("civitai", "openrouter")),
    ],
    ids=spelled,
)
def test_init_disables_the_sources_that_are_not_named(
    tmp_path: Path, sources: tuple[str, ...], enabled: tuple[str, ...]
) -> None:
    words = [word for name in sources for word in ("--source", name)]
    hindlog("init", tmp_path / "new", *words)

    settings = load_config(tmp_path / "new", {}).source
    assert tuple(name for name in sorted(settings) if settings[name].enabled) == enabled


def test_init_refuses_an_unknown_source_and_creates_nothing(tmp_path: Path) -> None:
    done = hindlog("init", tmp_path / "new", "--source", "civitai", "--source", "nosuch")

    assert (done.code, done.raw) == (2, b"")
    assert done.err == (
        "hindlog: source 'nosuch': expected one of civitai, openrouter\n  hindlog init --help\n"
    )
    assert not (tmp_path / "new").exists()


def test_init_does_not_change_an_existing_archive(archive: Path) -> None:
    (archive / "hindlog.toml").write_text("# mine\n")
    done = hindlog("init", archive)

    assert (done.code, done.raw) == (2, b"")
    assert done.err == (
        f"hindlog: {archive}/hindlog.toml: this folder is an archive already\n"
        f"  hindlog -C {archive} tail\n"
    )
    assert (archive / "hindlog.toml").read_text() == "# mine\n"


def test_init_keeps_the_files_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "mine.txt").write_text("mine")

    assert hindlog("init", tmp_path, "-q").err == ""
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_init_refuses_a_folder_name_with_glob_characters(tmp_path: Path) -> None:
    done = hindlog("init", tmp_path / "a*b")

    assert (done.code, done.raw) == (2, b"")
    assert not list(tmp_path.iterdir())
