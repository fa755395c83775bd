"""`hindlog --help` against a bare click program: CPU seconds, ratio of the same run."""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
BARE = """\
import click
@click.group()
def cli(): "A group."
@cli.command()
def one(): "A command."
cli()
"""
TARGET = 1.5


def cpu_seconds(arguments: list[str], environment: dict[str, str]) -> float:
    """Returns user and system time of a process that ends with 0."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(arguments, stdout=subprocess.DEVNULL, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Prints both medians and their ratio; the two programs run in turn."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    rounds = 3 if os.environ.get("HINDLOG_BENCH") == "smallest" else 31
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        programs = ([sys.executable, str(bare)], [sys.executable, "-m", "cli.main"])
        pairs = [
            [cpu_seconds([*program, "--help"], environment) for program in programs]
            for _ in range(rounds)
        ]
    click, hindlog = (median(column) for column in zip(*pairs, strict=True))
    print(f"--help: click {click:.3f} s, hindlog {hindlog:.3f} s")
    print(f"ratio {hindlog / click:.2f}, target {TARGET}")


if __name__ == "__main__":
    main()
