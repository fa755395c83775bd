"""The page docs/sql-recipes.md: its archive, its queries, and the output that it shows.

`python -m tests.docs.recipes` writes the output of every query into the page.
"""

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from cli.config.load import CONFIG_FILE, default_toml
from eventlog.clock import HOUR, parse_us
from fetcher.service.rehearsal import rehearse
from projector.update.update import update
from tests.cli.making import hindlog

PAGE = Path(__file__).parents[2] / "docs" / "sql-recipes.md"
BEGIN = parse_us("2025-06-01T00:00:00Z")
HOURS = 30
SEED = 1
RECIPE = re.compile(r"```sql\n(?P<query>.*?)```\n\n(?P<output>(?:\|[^\n]*\n)*)", re.S)


def make_archive(root: Path, hours: int = HOURS) -> None:
    """Fills a folder with hours of both sources, as the simulated upstream serves them."""
    (root / "log").mkdir(parents=True)
    (root / CONFIG_FILE).write_text(default_toml())
    asyncio.run(rehearse(root, SEED, BEGIN, BEGIN + hours * HOUR, lambda *_: None))
    assert update(root).failed == ()


def output_of(root: Path, query: str) -> str:
    """Returns what `hindlog sql -F markdown` prints."""
    done = hindlog("sql", "-F", "markdown", query, at=root)
    if done.code != 0:
        raise ValueError(f"{query}\n{done.err}")
    return done.out


def with_outputs(page: str, root: Path) -> str:
    """Returns the page with the present output of every query."""
    return RECIPE.sub(
        lambda it: f"```sql\n{it['query']}```\n\n{output_of(root, it['query'])}", page
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder)
        if not (archive / "log").exists():
            make_archive(archive)
        PAGE.write_text(with_outputs(PAGE.read_text(), archive))
