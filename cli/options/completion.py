"""Completion of values: what a shell offers after Tab for an argument or option of a command.

    sources, types, views, listings, runs, segments, kinds, states, commands, folders

Only names that are cheap to find: nothing here imports DuckDB or the network, and an archive that
cannot be read offers nothing.
"""

import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import click
from click.shell_completion import CompletionItem

Offer = Callable[[click.Context], Iterable[str]]
"""Yields all values that an argument can have."""

_MOST_SEGMENTS = 500
"""Segments that are offered, the newest first."""


def offer_values(command: click.Command, path: tuple[str, ...]) -> None:
    """Makes the parameters of a command, and of its subcommands, complete their values."""
    if isinstance(command, click.Group):
        for name, subcommand in command.commands.items():
            offer_values(subcommand, (*path, name))
    offer_for_params(command, path)


def offer_for_params(command: click.Command, path: tuple[str, ...]) -> None:
    """Makes the parameters of a command complete their values, and not those of its subcommands."""
    for param in command.params:
        if param.name == "archive":
            _complete(param, _folders)
        elif param.name == "config":
            _complete(param, lambda _ctx, _text: [CompletionItem("", type="file")])
        elif offer := OFFERS.get((*path, str(param.name)), OFFERS.get((str(param.name),))):
            _complete(param, _matching(offer))


def _complete(
    param: click.Parameter, values: Callable[[click.Context, str], list[CompletionItem]]
) -> None:
    param.shell_complete = values  # type: ignore[method-assign, assignment]


def _folders(_ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="dir")]


def _matching(offer: Offer) -> Callable[[click.Context, str], list[CompletionItem]]:
    def values(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        try:
            names = [name for name in offer(ctx) if name.startswith(incomplete)]
        except Exception:  # a traceback would garble the line that is typed
            return []
        return [CompletionItem(name) for name in names]

    return values


def _root(ctx: click.Context) -> Path:
    from cli.config.load import find_archive
    from cli.options.global_options import options_of

    return find_archive(options_of(ctx.find_root()).archive, os.environ, Path.cwd())


def _sources(ctx: click.Context) -> Iterator[str]:
    from cli.config.settings import SOURCE_DEFAULTS

    names = dict.fromkeys(SOURCE_DEFAULTS)
    try:
        log = _root(ctx) / "log"
        names |= dict.fromkeys(sorted(path.name for path in log.iterdir() if path.is_dir()))
    except Exception:
        return iter(names)  # without an archive: the sources that hindlog knows
    return iter(names)


def _types(_ctx: click.Context) -> Iterator[str]:
    """Yields `source/type` for patterns and entities."""
    from fetcher.sources import SOURCES

    for name, source in SOURCES.items():
        types = {rule.type for endpoint in source.endpoints for rule in endpoint.rules({})}
        yield from (f"{name}/{type_}" for type_ in sorted(types))


def _views(_ctx: click.Context) -> Iterator[str]:
    """Yields the views by the files of their definitions."""
    found = importlib.util.find_spec("projector")
    for folder in (found.submodule_search_locations or ()) if found else ():
        for path in sorted((Path(folder) / "projections").glob("*/*.sql")):
            yield f"{path.parent.name}.{path.stem}"


def _listings(ctx: click.Context) -> Iterator[str]:
    """Yields the listings and templates of the source that was typed before."""
    from fetcher.sources import SOURCES

    source = SOURCES[ctx.params["target"]]
    yield from sorted({listing.name for listing in source.listings})
    yield from sorted({template.name for template in source.templates})


def _runs(states: frozenset[str]) -> Offer:
    def runs(ctx: click.Context) -> Iterator[str]:
        from eventlog.clock import now_us
        from eventlog.files.listing import list_sources
        from fetcher.state.run_queue import close_queue, list_tasks, open_queue

        root = _root(ctx)
        for source in list_sources(root):
            queue = open_queue(root, source)
            try:
                yield from (task.run for task in list_tasks(queue, now_us(), states))
            finally:
                close_queue(queue)

    return runs


def _segments(ctx: click.Context) -> Iterator[str]:
    """Yields segments by the names of their files, the newest first."""
    return islice(_all_segments(_root(ctx) / "log"), _MOST_SEGMENTS)


def _all_segments(log: Path) -> Iterator[str]:
    for source in sorted(path for path in log.iterdir() if path.is_dir()):
        for day in sorted((path for path in source.iterdir() if path.is_dir()), reverse=True):
            names = {path.name.partition(".")[0] for path in day.iterdir()}
            yield from (f"{source.name}/{day.name}/{name}" for name in sorted(names, reverse=True))


def _kinds(_ctx: click.Context) -> Iterable[str]:
    from eventlog.format.event import KINDS

    return KINDS


def _states(_ctx: click.Context) -> Iterable[str]:
    return ("pending", "running", "completed", "failed", "cancelled")


def _commands(ctx: click.Context) -> Iterable[str]:
    group = ctx.find_root().command
    for word in ctx.params.get("words") or ():
        group = group.commands[word] if isinstance(group, click.Group) else group
    return list(group.commands) if isinstance(group, click.Group) else ()


OFFERS: dict[tuple[str, ...], Offer] = {
    ("patterns",): _types,
    ("entity",): _types,
    ("views",): _views,
    ("view", "show", "name"): _views,
    ("view", "diff", "name"): _views,
    ("source",): _sources,
    ("sources",): _sources,
    ("fetch", "add", "target"): _sources,
    ("fetch", "add", "listing"): _listings,
    ("fetch", "cancel", "run"): _runs(frozenset({"pending", "running"})),
    ("fetch", "retry", "run"): _runs(frozenset({"failed", "cancelled"})),
    ("states",): _states,
    ("segments",): _segments,
    ("segment_",): _segments,
    ("kinds",): _kinds,
    ("words",): _commands,
}
"""What is offered, by the path of a command and its parameter, or by the parameter alone."""
