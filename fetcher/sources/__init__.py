"""Registry of sources. To add one, write a module here and name it in `SOURCES`."""

from fetcher.source import Source
from fetcher.sources.civitai import CIVITAI
from fetcher.sources.openrouter import OPENROUTER

SOURCES: dict[str, Source] = {source.name: source for source in (CIVITAI, OPENROUTER)}
