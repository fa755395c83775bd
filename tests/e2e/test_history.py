"""Real history as the judge: what other collectors recorded, counted another way."""

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from eventlog.clock import format_us, now_us
from eventlog.format.event import exact_body
from eventlog.format.event_codec import decode
from eventlog.read.event_filter import Select
from eventlog.read.reader import read_events
from fetcher.sources import SOURCES
from projector.query.open_views import open_views
from projector.update.update import update
from tests.e2e.recordings import HISTORY, MISSING, members, packs_of
from tests.e2e.test_recordings import new_archive
from tests.extent import IS_ALL, few_or_all
from tests.fetcher.importing import import_paths
from tests.projector.projections import MODELS, chosen

pytestmark = [
    pytest.mark.slow,
    pytest.mark.recordings,
    pytest.mark.skipif(not HISTORY.is_dir(), reason=MISSING),
]
PARTS = ["$.models=/api/v1/models", "$.endpoints.*=/api/v1/models/{key}/endpoints"]
POLLS = "dthinkr-openrouter-uptime"
ENDPOINTS_ONLY = chosen("openrouter.endpoints")
EVERY = 1 if "HINDLOG_ALL_RECORDINGS" in os.environ else few_or_all(240, 48)
ENDPOINTS = """SELECT split_part(id, '#', 1), tag, count(*)
FROM openrouter.endpoints_at(?::VARCHAR) GROUP BY ALL"""


def models(body: bytes) -> Iterator[tuple[str, str, str]]:
    """Id, value and spelling of every model in a list, by the standard library alone."""
    text = body.decode()
    read = json.JSONDecoder(parse_float=str, parse_int=str).raw_decode
    at = text.index("[", text.index('"data"')) + 1
    while opens := re.compile(r"[\s,]*(?=\{)").match(text, at):
        model, at = read(text, opens.end())
        yield model["id"], json.dumps(model, sort_keys=True), text[opens.end() : at]


def counted(collector: str) -> dict[str, int]:
    """Counts entities, and changes of their value, their presence and their bytes."""
    last: dict[str, str] = {}
    spelled: dict[str, str] = {}
    before: set[str] = set()
    versions, returns, bodies = 0, 0, 0
    for _, _, body in members(collector, packs_of(collector)):
        listed = list(models(body))
        for name, value, spelling in listed:
            changed = last.get(name) != value
            versions += changed
            returns += not changed and name not in before
            bodies += spelled.get(name) != spelling
            last[name], spelled[name] = value, spelling
        before = {name for name, _, _ in listed}
    return {
        "entities": len(last),
        "versions": versions + returns,
        "without returns": versions,
        "by bytes": bodies,
    }


def stored(root: Path) -> dict[str, int]:
    """Returns the same counts for an archive."""
    with closing(open_views(root)) as connection:
        counts = {
            name: connection.execute(sql).fetchall()[0][0]
            for name, sql in {
                "entities": "SELECT count(*) FROM openrouter.models_all",
                "versions": "SELECT count(*) FROM openrouter.models_versions",
                "without returns": """SELECT count(*) FROM (
                    FROM openrouter.models_versions QUALIFY _hash IS DISTINCT FROM
                        lag(_hash) OVER (PARTITION BY id ORDER BY valid_from))""",
            }.items()
        }
    return counts | {"by bytes": spellings(root)}


def spellings(root: Path) -> int:
    """Counts changes of the bytes of an entity; a body is also stored again after a month."""
    last: dict[str, bytes] = {}
    changes = 0
    for record in read_events(root, Select(kinds=frozenset({"entity"}))):
        line = decode(record.line)
        assert line.id is not None
        body = exact_body(line)
        assert body is not None
        changes += last.get(line.id) != body
        last[line.id] = body
    return changes


@pytest.mark.parametrize("collector", ["jvrck-openrouterlist", "meni432-ModelGraveyard"])
def test_entities_and_versions_are_those_of_another_count(tmp_path: Path, collector: str) -> None:
    root = new_archive(tmp_path / "archive")
    packs = packs_of(collector)
    import_paths(root, SOURCES["openrouter"], packs, writer="aaaaaaaa", now=now_us)

    assert update(root, definitions=MODELS).failed == ()

    counts = stored(root)
    assert counts == counted(collector)
    if IS_ALL and collector == "jvrck-openrouterlist":
        assert list(counts.values()) == [969, 23_119, 23_096, 23_715]


def polled(taken: list[tuple[int, str, bytes]]) -> Iterator[tuple[int, Counter[tuple[str, str]]]]:
    """Yields the instant of each poll, and (model, tag) counts of the last good responses."""
    known: dict[str, list[str]] = defaultdict(list)
    for at, _, body in taken:
        for model, answer in json.loads(body)["endpoints"].items():
            if isinstance(answer, dict) and "data" in answer:
                known[model] = [endpoint["tag"] for endpoint in answer["data"]["endpoints"]]
        yield at, Counter((model, tag) for model, tags in known.items() for tag in tags)


def test_polls_of_endpoints_give_no_false_disappearance(tmp_path: Path) -> None:
    """A failed poll is no evidence of absence: its endpoints stay as they were seen last."""
    taken = list(members(POLLS))[::EVERY]
    folder = tmp_path / "polls"
    folder.mkdir()
    for _, name, body in taken:
        (folder / name).write_bytes(body)
    root = new_archive(tmp_path / "archive")
    report = import_paths(
        root, SOURCES["openrouter"], [folder], writer="aaaaaaaa", now=now_us, parts=PARTS
    )
    assert report.refused == ()
    assert update(root, definitions=ENDPOINTS_ONLY).failed == ()

    with closing(open_views(root)) as connection:
        for at, expected in polled(taken):
            rows = connection.execute(ENDPOINTS, [format_us(at)]).fetchall()
            shown = Counter({(model, tag): count for model, tag, count in rows})
            assert shown == expected, format_us(at)
