"""What the configuration keys of the log change, key by key."""

import json
from collections.abc import Callable
from pathlib import Path

from eventlog.files.listing import list_segments
from tests.cli.making import hindlog, new_archive
from tests.cli.upstream import models, toml_of, upstream


def segments_of(folder: Path, name: str, log: str) -> dict[str, int]:
    """Returns the number of segments per kind of writer, with `log` in the table `log`."""
    recordings = folder / f"recordings-{name}"
    recordings.mkdir()
    for minute in (1, 2):
        body = json.dumps({"items": [{"id": minute, "name": "M"}], "metadata": {}})
        (recordings / f"2026-01-01T0000{minute:02}Z.json").write_text(body)
    counts = {}

    def count(root: Path, kind: str) -> None:
        counts[kind] = len(list_segments(root)) - sum(counts.values())

    with upstream(models) as (origin, _):
        root = new_archive(folder / name, f"{toml_of(origin)}[log]\n{log}")
        hindlog("fetch", "run", "--once", at=root)
        count(root, "crawl")
        words = ("civitai", recordings, "--endpoint", "/models")
        assert hindlog("fetch", "import", *words, at=root).code == 0
        count(root, "import")
        queued = [hindlog("fetch", "add", "civitai", "models", at=root) for _ in range(2)]
        hindlog("fetch", "cancel", queued[0].out.strip(), at=root)
        hindlog("fetch", "retry", queued[0].out.strip(), at=root)
        hindlog("fetch", "clean", at=root)
        count(root, "queue commands")
        hindlog("fetch", "add", "civitai", "models", at=root)
        hindlog("fetch", "run", "--for", "1s", at=root)
        count(root, "add and service")
    return counts


def segment_bytes(folder: Path) -> None:
    large = segments_of(folder, "large", "")
    small = segments_of(folder, "small", "segment_bytes = 1\n")

    assert large == {"crawl": 1, "import": 1, "queue commands": 1, "add and service": 0}
    assert small["queue commands"] == 5  # two added, one cancelled, retried, all removed
    assert small["crawl"] > 2
    assert small["import"] == 2
    assert small["add and service"] > 2


LOG_KEYS: dict[str, Callable[[Path], None]] = {"log.segment_bytes": segment_bytes}
