"""What a shell offers after Tab: values of arguments and options."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from cli.options.completion import OFFERS, offer_for_params
from cli.program import cli
from cli.reference import commands
from tests.cli.conftest import WRITER
from tests.cli.making import hindlog

ROOT = Path(__file__).parents[3]


def offered(*words: str, at: Path) -> list[str]:
    """Returns the values for the last of the words, which is incomplete."""
    offer_for_params(cli, ())
    *before, incomplete = words
    shell = ShellComplete(cli, {}, "hindlog", "_HINDLOG_COMPLETE")
    return [item.value for item in shell.get_completions(["-C", str(at), *before], incomplete)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("chan",), ["changes"]),
        (("view", "upd"), ["update"]),
        (("help", "fetch", "a"), ["add"]),
        (("changes", "openrouter/mod"), ["openrouter/model"]),
        (("history", "civitai/cr"), ["civitai/creator"]),
        (("log", "x", "--kind", "page_"), ["page_failed"]),
        (("view", "show", "openrouter.mod"), ["openrouter.models"]),
        (("export", "openrouter.models", "civitai.mo"), ["civitai.models"]),
        (("fetch", "run", "op"), ["openrouter"]),
        (("fetch", "add", "civ"), ["civitai"]),
        (("fetch", "add", "openrouter", "prov"), ["providers"]),
        (("fetch", "list", "--state", "f"), ["failed"]),
        (("segment", "list", "--source", "o"), ["openrouter"]),
        (
            ("segment", "cat", "openrouter/2026-11-01/02"),
            [f"openrouter/2026-11-01/02-{WRITER}-000"],
        ),
        (("sql", "-F", "nd"), ["ndjson"]),
        (("completion", "z"), ["zsh"]),
    ],
)
def test_the_values_that_a_shell_offers(
    words: tuple[str, ...], expected: list[str], shared: Path
) -> None:
    names = offered(*words, at=shared)

    assert [name for name in names if name in expected] == expected
    assert all(name.startswith(words[-1]) for name in names)


def test_runs_that_can_be_cancelled_are_offered(archive: Path) -> None:
    run = hindlog("fetch", "add", "openrouter", "models", at=archive).out.strip()

    assert run in offered("fetch", "cancel", run[:10], at=archive)
    assert run not in offered("fetch", "retry", run[:10], at=archive)


def test_without_an_archive_nothing_fails(tmp_path: Path) -> None:
    for words in (
        ("fetch", "cancel", ""),
        ("segment", "cat", ""),
        ("segment", "list", "--source", ""),
    ):
        assert set(offered(*words, at=tmp_path)) <= {"civitai", "openrouter"}


def test_folders_are_offered_for_the_archive(shared: Path) -> None:
    offer_for_params(cli, ())
    shell = ShellComplete(cli, {}, "hindlog", "_HINDLOG_COMPLETE")

    for before in ([], ["log"]):
        assert [item.type for item in shell.get_completions([*before, "-C"], "")] == ["dir"]


def test_every_name_in_the_table_is_a_parameter() -> None:
    names = set()
    for path, command in commands(cli, ()):
        for param in command.params:
            names |= {(str(param.name),), (*path, str(param.name))}

    assert set(OFFERS) <= names


def test_no_heavy_library_is_imported_to_complete(shared: Path) -> None:
    words = ["fetch cancel ", "view show o", "segment cat o", "fetch add openrouter p", "log o"]
    code = (
        "import os, sys\n"
        "from click.shell_completion import ShellComplete\n"
        "from cli.program import cli\n"
        f"for words in {words!r}:\n"
        "    *before, last = words.split(' ')\n"
        "    shell = ShellComplete(cli, {}, 'hindlog', 'X')\n"
        f"    shell.get_completions(['-C', {str(shared)!r}, *before], last)\n"
        "heavy = {'duckdb', 'pyarrow', 'aiohttp', 'rich', 'asyncio', 'aioboto3'}\n"
        "sys.exit(repr(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert done.stderr == "set()\n"


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_a_real_bash_completes_with_the_script(shared: Path, tmp_path: Path) -> None:
    program = tmp_path / "hindlog"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m cli.main "$@"\n')
    program.chmod(0o755)
    script = tmp_path / "script"
    script.write_text(hindlog("completion", "bash").out)
    typed = f"COMP_WORDS=(hindlog -C {shared} view show openrouter.mod) COMP_CWORD=5"
    done = subprocess.run(
        [
            "bash",
            "-c",
            f'. {script}; {typed}; _hindlog_completion hindlog; echo "${{COMPREPLY[@]}}"',
        ],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )

    assert done.stdout == "openrouter.models\n"


@pytest.mark.parametrize(
    ("shell", "path"),
    [
        ("bash", ".local/share/bash-completion/completions/hindlog"),
        ("zsh", ".local/share/zsh/site-functions/_hindlog"),
        ("fish", ".config/fish/completions/hindlog.fish"),
    ],
)
def test_install_writes_where_the_shell_looks_and_says_so_once(
    shell: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", f"/bin/{shell}")
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / f".{shell}rc").write_text("mine\n")
    first, second = (hindlog("completion", "--install") for _ in range(2))

    assert (first.code, second.code) == (0, 0)
    assert first.err.startswith(f"wrote {tmp_path / path}\n")
    assert second.err.startswith(f"{tmp_path / path}: already installed\n")
    assert (tmp_path / path).read_text() == hindlog("completion", shell).out
    assert (tmp_path / f".{shell}rc").read_text() == "mine\n"


def test_without_a_known_shell_completion_says_which_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    done = hindlog("completion", "--install")

    assert done.code == 2
    assert "expected a shell: bash, zsh, fish" in done.err
