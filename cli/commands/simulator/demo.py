"""`demo`: the whole way in a minute, on the built-in upstream."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click

from cli.options.global_options import global_options

_MARK = ".made-by-hindlog-demo"


@click.command(
    epilog="Example: hindlog demo /tmp/hindlog-demo --days 2",
    short_help="The whole way in a minute on the built-in upstream.",
)
@click.argument("directory", default="hindlog-demo", type=click.Path(path_type=Path))
@click.option("--days", default=3, show_default=True, type=click.IntRange(3, 30))
@click.option("--seed", default=1, show_default=True, help="Which world.")
@global_options
def demo(directory: Path, days: int, seed: int) -> None:
    """Crawl simulated days of both sources into DIRECTORY, then ask about the past.

    No key and no network. Each step is shown with the command that a user would type
    and its real output. The archive stays.
    """
    root = _fresh(directory)
    _tell(f"# {days} simulated days of hourly syncs of both sources, over HTTP on 127.0.0.1")
    _crawl(root, days, seed)
    _shown(root, "hindlog view update")
    _look(root)
    _ask(root)
    _keep(root)
    _again(root)
    _tell(_goodbye(directory))
    if shutil.which("hindlog") is None:
        _tell(
            "# hindlog is not on your PATH yet:\n\n"
            f"  export PATH={Path(sys.executable).parent}:$PATH"
        )


def _fresh(directory: Path) -> Path:
    """An empty archive there. An earlier demo is replaced, nothing else ever is."""
    from cli.config.load import CONFIG_FILE, default_toml
    from eventlog.errors import Invalid

    if directory.exists() and any(directory.iterdir()):
        if not (directory / _MARK).exists():
            raise Invalid(
                f"{directory}: there is something already, and no demo made it",
                "hindlog demo ANOTHER-DIRECTORY",
            )
        shutil.rmtree(directory)
    (directory / "log").mkdir(parents=True)
    (directory / _MARK).touch()
    (directory / CONFIG_FILE).write_text(default_toml())
    return directory.absolute()


def _crawl(root: Path, days: int, seed: int) -> None:
    import asyncio

    from eventlog.clock import HOUR, hour_start, now_us
    from fetcher.service.rehearsal import rehearse

    end = hour_start(now_us()) - HOUR
    asyncio.run(rehearse(root, seed, end - days * 24 * HOUR, end, _progress))
    sys.stdout.write("\n")


def _progress(done: int, total: int, pages: int, entities: int) -> None:
    if sys.stdout.isatty() or done == total:
        start = "\r" if sys.stdout.isatty() else ""
        text = f"{start}{done} of {total} syncs: {pages} responses, {entities} entities seen"
        sys.stdout.write(text)
        sys.stdout.flush()


def _look(root: Path) -> None:
    _tell("# The log: one line an event, newline-JSON in hourly segments; here its last three")
    _shown(root, "hindlog tail -n 3 | cut -c 1-160")
    _tell("# What is in it")
    _shown(root, "hindlog log --stats -F table")


def _ask(root: Path) -> None:
    model = _moved(root)
    _tell("# What changed in the last day, field by field; telemetry and schema waves left out")
    _shown(root, "hindlog changes openrouter/model --since 1d --fields -F table | head -n 9")
    _tell("# A price, now and as it was two days ago")
    question = _PRICE.format(model)
    _shown(root, f'hindlog sql -F table "{question}"')
    _shown(root, f"hindlog sql -F table --as-of '2 days ago' \"{question}\"")
    _tell("# The entity itself, byte for byte as upstream sent it then")
    _shown(root, f"hindlog show openrouter/model/{model} --as-of '2 days ago' | cut -c 1-160")
    _tell("# SQL over the views of the other source")
    _shown(root, f"hindlog sql -F table {shlex.quote(_CREATORS)}")


_CREATORS = (
    "SELECT creator_username, count(*) AS models, sum(download_count) AS downloads "
    "FROM civitai.models GROUP BY ALL ORDER BY downloads DESC, creator_username LIMIT 5"
)


_PRICE = "SELECT id, prompt, completion FROM openrouter.models WHERE id = '{}'"


def _moved(root: Path) -> str:
    """A model whose price has moved in the last two days, for the example."""
    from projector.query.select import run_query

    found = run_query(
        root,
        "SELECT id FROM openrouter.models_versions GROUP BY id "
        "ORDER BY count(DISTINCT prompt) FILTER (valid_to IS NULL "
        "OR valid_to > now() - INTERVAL 2 DAY) DESC, id LIMIT 1",
    )
    return str(next(iter(found.rows))[0])


def _keep(root: Path) -> None:
    _tell("# The same question over exported Parquet, with DuckDB alone")
    _shown(root, "hindlog export civitai.models --to exports/models")
    text = _CREATORS.replace("civitai.models", "'exports/models/**/*.parquet'")
    _shown(root, f'python -c "import duckdb; print(duckdb.sql(\\"{text}\\"))"')
    _tell("# Seal every segment; read and check every byte against manifests and chains")
    _shown(root, "hindlog segment seal --all")
    _shown(root, "hindlog verify")


def _again(root: Path) -> None:
    _tell("# The log is the only state: without views and state, everything comes back")
    before = _output(root, f"hindlog sql -F csv {shlex.quote(_CREATORS)}")
    _shown(root, "rm -r views state && hindlog view update")
    _shown(root, f"hindlog sql -F table {shlex.quote(_CREATORS)}")
    after = _output(root, f"hindlog sql -F csv {shlex.quote(_CREATORS)}")
    if before != after:
        raise RuntimeError("the rebuilt views answer otherwise than before")
    _tell("# The same answer, from nothing but the log.")


def _tell(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


def _environment(root: Path) -> dict[str, str]:
    """What a user's shell would have: this very program and Python first on the path."""
    here = Path(sys.executable).parent
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HINDLOG_")}
    return {**kept, "PATH": f"{here}{os.pathsep}{os.environ.get('PATH', '')}"}


def _shown(root: Path, command: str) -> None:
    """Show a command as it would be typed in the archive, then what it really prints."""
    _tell(f"$ {command}")
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=root,
        env=_environment(root),
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command}: exit code {done.returncode}")


def _shell(command: str) -> list[str]:
    """A shell in which a pipe fails when any of its commands does, where there is one."""
    bash = shutil.which("bash")
    return [bash, "-o", "pipefail", "-c", command] if bash else ["sh", "-c", command]


def _output(root: Path, command: str) -> bytes:
    return subprocess.run(
        _shell(command), cwd=root, env=_environment(root), stdout=subprocess.PIPE, check=True
    ).stdout


def _goodbye(directory: Path) -> str:
    return f"""\
# Done. The archive stays in {directory}. To go on with it:

  cd {directory}
  hindlog log openrouter/model --since 1d       what was fetched of models in the last day
  hindlog sql                                   your own questions
  ls -R log                                     the files are yours

# To crawl the real APIs (no key is needed to begin):

  hindlog init data
  hindlog -C data fetch run --once
  hindlog -C data view update"""


COMMANDS = (demo,)
