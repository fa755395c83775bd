"""What each shortcut of the as-of query gains: the same query without it, in the same run.

    python bench/asof_shortcuts.py [--versions 4500000] [--entities 500000] [--repeat-hours 1]

A shortcut is switched off by writing the views file without it, over the same parts, keyframes
and row caches. Each line of the report is an instant of the history; each column is the
duration without one shortcut, divided by the duration with all of them, so 1.00 gains nothing.
The variants take turns, and each figure is the best of several rounds.

With `--repeat-hours 10` an entity keeps its version for ten hours and is seen in each of them,
as an API is that is read every hour: most sightings then name an old body. With `--in-turn` all
entities are seen equally often: so many change between two keyframes that there is no row cache.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import NamedTuple
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1]))

import attrs
from asof_history import DEFINITIONS, START, write_parts
from bench_asof import make_views, query_by_keyframe, query_by_rank
from measuring import sized

from eventlog.clock import HOUR
from projector.engine import sql_text
from projector.engine.connections import builder
from projector.keyframes import row_cache
from projector.keyframes.keyframe import Keyframe, load_source_parts
from projector.parts.plan import SegmentListing
from projector.views import file_lists
from projector.views.script import script_for
from projector.views.views_database import write_views

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9, 0.999)
"""The six instants, as shares of the history."""


class Edit(NamedTuple):
    """Replaces a text in a template."""

    template: str
    old: str
    new: str


def without_text(*edits: Edit) -> Callable[[], contextlib.AbstractContextManager[object]]:
    """Switches off a shortcut that is a text of SQL templates."""

    def edited(name: str) -> Template:
        text = sql_text.template_text(name)
        for edit in edits:
            if edit.template == name:
                assert edit.old in text, f"{name}.sql does not contain {edit.old!r}"
                text = text.replace(edit.old, edit.new)
        return Template(sql_text._COMMENT.sub("", text).strip())

    return lambda: mock.patch.object(sql_text, "_template", edited)


def without_row_cache() -> contextlib.AbstractContextManager[object]:
    """Switches off the row caches."""
    load = file_lists.load_row_cache

    def empty(*arguments: object) -> row_cache.RowCache:
        return attrs.evolve(load(*arguments), keyframes=())

    return mock.patch.object(file_lists, "load_row_cache", empty)


def without_bodies() -> contextlib.AbstractContextManager[object]:
    """Switches off the bodies beside keyframes; those in row caches stay."""
    return mock.patch.object(Keyframe, "bodies", lambda _self, folder: folder / "none")


VARIANTS: dict[str, Callable[[], contextlib.AbstractContextManager[object]]] = {
    "all": contextlib.nullcontext,
    "row cache": without_row_cache,
    "bodies": without_bodies,
    "is_brief": without_text(
        Edit("moved", "(is_listed OR NOT known['is_absent']) AS is_brief", "false AS is_brief"),
    ),
    "is_again": without_text(
        Edit("moved", "known['seq'] = named['seq'], false", "false, false"),
        Edit("resolved", "held.known['seq'] = winner.best['seq'],", "false,"),
    ),
    "greatest": without_text(Edit("near_bodies", "greatest(far._seq, 0)", "far._seq")),
    "newest": without_text(Edit("missed", "newest.begins > shown.position", "true")),
}


def write_variant(root: Path, name: str, listing: SegmentListing, scratch: Path) -> None:
    """Writes the views file of a variant into a folder of its own, beside `views`."""
    target = root / name.replace(" ", "-")
    target.mkdir()
    with contextlib.closing(builder(scratch, 2)) as connection, VARIANTS[name]():
        parts = root / "views" / "parts"
        source = load_source_parts(connection, parts, listing, DEFINITIONS)
        write_views(target, script_for(root, parts, [source], DEFINITIONS))


def install(root: Path, name: str) -> None:
    """Makes the views file of a variant the one that queries open."""
    place = root / "views" / "hindlog.duckdb"
    place.unlink(missing_ok=True)
    place.symlink_to(root / name.replace(" ", "-") / "hindlog.duckdb")


def time_once(query: Callable[[], object]) -> float:
    """Returns the duration of one call, in seconds."""
    begin = time.perf_counter()
    query()
    return time.perf_counter() - begin


def main() -> None:
    """Builds a history, then measures every variant at every instant."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--versions", type=int, default=sized(4_500_000, 4_000))
    parser.add_argument("--entities", type=int, default=sized(500_000, 400))
    parser.add_argument("--repeat-hours", type=int, default=1)
    parser.add_argument("--in-turn", action="store_true")
    parser.add_argument("--rounds", type=int, default=sized(3, 1))
    options = parser.parse_args()
    hours = sized(720, 20)
    with tempfile.TemporaryDirectory(prefix="hindlog-asof-") as folder:
        root = Path(folder)
        (root / "log").mkdir()
        listing = write_parts(
            root,
            options.versions,
            options.entities,
            hours,
            options.repeat_hours,
            options.in_turn,
        )
        seconds, count = make_views(root, listing)
        print(
            f"{options.versions:,} versions, {count} keyframes made in {seconds:.0f} s", flush=True
        )
        for name in VARIANTS:
            write_variant(root, name, listing, root / "scratch")
        print("  at   row_number   " + "  ".join(f"{name:>9}" for name in VARIANTS))
        for share in SHARES:
            instant = START + int(share * hours * HOUR) + HOUR // 3
            best = dict.fromkeys(VARIANTS, float("inf"))
            for _ in range(options.rounds):
                for name in VARIANTS:
                    install(root, name)
                    best[name] = min(best[name], time_once(query_by_keyframe(root, instant)))
            rank = time_once(query_by_rank(root, instant))
            ratios = (f"{best[name] / best['all']:9.2f}" for name in VARIANTS if name != "all")
            line = f"{share:5.3f}  {rank:9.2f} s   {best['all']:7.2f} s  "
            print(line + "  ".join(ratios), flush=True)


if __name__ == "__main__":
    main()
