"""Checks listings and their parameters in a configuration against what the sources declare. Pure.

The sources are imported only if the configuration names a listing, to keep other commands fast.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from cli.config.settings import Config

if TYPE_CHECKING:
    from fetcher.source import Listing

Problem = tuple[tuple[str, ...], str]
"""The path of a key, and what is wrong with its value."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns the most similar name in `known`, which must not be empty."""
    return get_close_matches(name, list(known), n=1, cutoff=0)[0]


def listing_problems(config: Config) -> Iterator[Problem]:
    """Yields the listings and parameters that a source does not have, and values not allowed."""
    for name, settings in config.source.items():
        if settings.listings is None and not settings.params:
            continue
        from fetcher.sources import SOURCES

        listings = {listing.name: listing for listing in SOURCES[name].listings}
        for named in settings.listings or ():
            if named not in listings:
                yield ("source", name, "listings"), _unknown("listing", named, listings)
        for named, chosen in settings.params.items():
            path = ("source", name, "params", named)
            if named not in listings:
                yield path, _unknown("listing", named, listings)
            else:
                yield from _param_problems(listings[named], chosen, path)


def _param_problems(
    listing: "Listing", chosen: Mapping[str, Sequence[str]], path: tuple[str, ...]
) -> Iterator[Problem]:
    settable = {param.name: param for param in listing.settable}
    for name, values in chosen.items():
        param = settable.get(name)
        if not settable:
            yield (*path, name), "this listing has no parameters that can be set"
        elif param is None:
            yield (*path, name), _unknown("parameter", name, settable)
        else:
            wrong = [value for value in values if param.choices and value not in param.choices]
            for value in wrong:
                yield (*path, name), f"expected {param.doc}, found {value!a}"


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    return f"unknown {kind} {name!a}; the nearest known one is {nearest(name, known)}"
