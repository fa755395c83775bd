"""The sources there are. A new one: a module here, and a line in `SOURCES`."""

from fetcher.source import Source
from fetcher.sources.civitai import CIVITAI
from fetcher.sources.openrouter import OPENROUTER

SOURCES: dict[str, Source] = {source.name: source for source in (CIVITAI, OPENROUTER)}
