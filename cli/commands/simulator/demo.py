"""`demo`: runs the complete workflow in about a minute, on the simulated upstream.

Each step prints the command that a user would type, runs it, and shows its real output.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click

from cli.options.global_options import global_options

_MARK = ".made-by-hindlog-demo"
"""File that marks a folder as a demo, which a later demo may replace."""


@click.command(
    epilog="Example: hindlog demo /tmp/hindlog-demo --seed 7",
    short_help="Runs the complete workflow in about a minute, on the simulated upstream.",
)
@click.argument("directory", default="hindlog-demo", type=click.Path(path_type=Path))
@click.option("--days", default=2, show_default=True, type=click.IntRange(2, 30))
@click.option("--seed", default=1, show_default=True, help="Seed of the simulated data.")
@global_options
def demo(directory: Path, days: int, seed: int) -> None:
    """Crawls simulated days of both sources into DIRECTORY, then queries the past.

    Needs no key and no network. Each step prints the command that a user would type, with its
    real output. The archive is kept.
    """
    root = _create_archive(directory)
    _print_text(f"# {days} simulated days of hourly syncs of both sources, over HTTP on 127.0.0.1")
    _crawl(root, days, seed)
    _run_step(root, "hindlog view update")
    _show_log(root)
    _query_past(root)
    _export_and_verify(root)
    _rebuild_views(root)
    _print_text(_closing_text(directory))
    if shutil.which("hindlog") is None:
        _print_text(
            "# hindlog is not on your PATH yet:\n\n"
            f"  export PATH={Path(sys.executable).parent}:$PATH"
        )


def _create_archive(directory: Path) -> Path:
    """Creates an empty archive; returns its absolute path. Replaces an earlier demo only."""
    from cli.config.load import CONFIG_FILE, default_toml
    from eventlog.errors import Invalid

    if directory.exists() and not directory.is_dir():
        raise Invalid(f"{directory}: expected a folder, found a file", "hindlog demo DIRECTORY")
    if directory.exists() and any(directory.iterdir()):
        if not (directory / _MARK).exists():
            raise Invalid(
                f"{directory}: expected an empty folder or an earlier demo, found other files",
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
    asyncio.run(rehearse(root, seed, end - days * 24 * HOUR, end, _print_progress))
    sys.stdout.write("\n")


def _print_progress(done: int, total: int, pages: int, entities: int) -> None:
    if sys.stdout.isatty() or done == total:
        start = "\r" if sys.stdout.isatty() else ""
        text = f"{start}{done} of {total} syncs: {pages} responses, {entities} entities seen"
        sys.stdout.write(text)
        sys.stdout.flush()


def _show_log(root: Path) -> None:
    _print_text("# The log: one JSON line per event, in hourly segments. Its last three lines:")
    _run_step(root, "hindlog tail -n 3 | cut -c 1-160")
    _print_text("# Number of events by source, kind and type")
    _run_step(root, "hindlog log --stats -F table")


def _query_past(root: Path) -> None:
    model = _model_with_price_changes(root)
    _print_text(
        "# What changed in the last day, field by field, without telemetry and schema waves"
    )
    _run_step(root, "hindlog changes openrouter/model --since 1d --fields | cut -f 4,6-7 | head")
    _print_text("# A price, now and as of two days ago")
    question = _PRICE.format(model)
    _run_step(root, f'hindlog sql -F table "{question}"')
    _run_step(root, f"hindlog sql -F table --as-of '2 days ago' \"{question}\"")
    _print_text("# The entity itself, byte for byte as upstream sent it then")
    _run_step(root, f"hindlog show openrouter/model/{model} --as-of '2 days ago' | cut -c 1-160")
    _print_text("# SQL over the views of the other source")
    _run_step(root, f"hindlog sql -F table {shlex.quote(_CREATORS)}")


_CREATORS = (
    "SELECT creator_username, count(*) AS models, sum(download_count) AS downloads "
    "FROM civitai.models GROUP BY ALL ORDER BY downloads DESC, creator_username LIMIT 5"
)


_PRICE = "SELECT id, prompt, completion FROM openrouter.models WHERE id = '{}'"


def _model_with_price_changes(root: Path) -> str:
    """Returns the id of a model that is two days old and had many prices since, as an example."""
    from projector.query.select import run_query

    result = run_query(
        root,
        "SELECT id FROM openrouter.models_versions GROUP BY id "
        "HAVING min(valid_from) <= now() - INTERVAL 2 DAY "
        "ORDER BY count(DISTINCT prompt) FILTER (valid_to IS NULL "
        "OR valid_to > now() - INTERVAL 2 DAY) DESC, id LIMIT 1",
    )
    return str(next(iter(result.rows))[0])


def _export_and_verify(root: Path) -> None:
    _print_text("# The same query over exported Parquet files, with DuckDB alone")
    _run_step(root, "hindlog export civitai.models --to exports/models")
    text = _CREATORS.replace("civitai.models", "'exports/models/**/*.parquet'")
    _run_step(root, f'python -c "import duckdb; print(duckdb.sql(\\"{text}\\"))"')
    _print_text("# Seal every segment, then check every byte against manifests and hash chains")
    _run_step(root, "hindlog segment seal --all")
    _run_step(root, "hindlog verify")


def _rebuild_views(root: Path) -> None:
    _print_text("# The log is the only state: delete views and state, and build them again")
    before = _output(root, f"hindlog sql -F csv {shlex.quote(_CREATORS)}")
    _run_step(root, "rm -r views state && hindlog view update")
    _run_step(root, f"hindlog sql -F table {shlex.quote(_CREATORS)}")
    after = _output(root, f"hindlog sql -F csv {shlex.quote(_CREATORS)}")
    if before != after:
        raise RuntimeError("the rebuilt views give another result than before")
    _print_text("# The same result, from the log alone.")


def _print_text(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


def _environment(root: Path) -> dict[str, str]:
    """Returns the environment without hindlog's variables, with this Python first on PATH."""
    programs = Path(sys.executable).parent
    variables = {k: v for k, v in os.environ.items() if not k.startswith("HINDLOG_")}
    return {**variables, "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"}


def _run_step(root: Path, command: str) -> None:
    """Prints a command, then runs it in the archive. Raises `RuntimeError` if it fails."""
    _print_text(f"$ {command}")
    completed = subprocess.run(
        ["sh", "-c", command],
        cwd=root,
        env=_environment(root),
        stderr=subprocess.STDOUT,
        check=False,
    )
    if completed.returncode != 0:
        raise RuntimeError(f"{command}: exit code {completed.returncode}")


def _shell(command: str) -> list[str]:
    """Returns the arguments that run a command in a shell, with pipefail if there is bash."""
    bash = shutil.which("bash")
    return [bash, "-o", "pipefail", "-c", command] if bash else ["sh", "-c", command]


def _output(root: Path, command: str) -> bytes:
    """Runs a command in the archive and returns its stdout."""
    return subprocess.run(
        _shell(command), cwd=root, env=_environment(root), stdout=subprocess.PIPE, check=True
    ).stdout


def _closing_text(directory: Path) -> str:
    """Returns the last text of the demo: what to do next."""
    return f"""\
# Done. The archive is kept in {directory}. To continue with it:

  cd {directory}
  hindlog log openrouter/model --since 1d       the events of models in the last day
  hindlog sql                                   your own queries
  ls -R log                                     the files of the log

# To crawl the real APIs (no key is needed to start):

  hindlog init data
  hindlog -C data fetch run --once
  hindlog -C data view update"""


COMMANDS = (demo,)
