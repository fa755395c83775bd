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
    """Entities, and how often their value, their presence, their spelling changed."""
    last: dict[str, str] = {}
    spelled: dict[str, str] = {}
    before: set[str] = set()
    versions, returns, bodies = 0, 0, 0
    for _, _, body in members(collector, packs_of(collector)):
        found = list(models(body))
        for name, value, spelling in found:
            changed = last.get(name) != value
            versions += changed
            returns += not changed and name not in before
            bodies += spelled.get(name) != spelling
            last[name], spelled[name] = value, spelling
        before = {name for name, _, _ in found}
    return {
        "entities": len(last),
        "versions": versions + returns,
        "without returns": versions,
        "by bytes": bodies,
    }


def stored(root: Path) -> dict[str, int]:
    """The same of an archive."""
    with closing(open_views(root)) as connection:
        found = {
            what: connection.execute(sql).fetchall()[0][0]
            for what, sql in {
                "entities": "SELECT count(*) FROM openrouter.models_all",
                "versions": "SELECT count(*) FROM openrouter.models_versions",
                "without returns": """SELECT count(*) FROM (
                    FROM openrouter.models_versions QUALIFY _hash IS DISTINCT FROM
                        lag(_hash) OVER (PARTITION BY id ORDER BY valid_from))""",
            }.items()
        }
    return found | {"by bytes": spellings(root)}


def spellings(root: Path) -> int:
    """How often the bytes of an entity changed. A body is stored again after a month, too."""
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

    found = stored(root)
    assert found == counted(collector)
    if IS_ALL and collector == "jvrck-openrouterlist":
        assert list(found.values()) == [969, 23_119, 23_096, 23_715]


def polled(taken: list[tuple[int, str, bytes]]) -> Iterator[tuple[int, Counter[tuple[str, str]]]]:
    """After each poll, what every model's last good answer listed: (model, tag), how often."""
    known: dict[str, list[str]] = defaultdict(list)
    for at, _, body in taken:
        for model, answer in json.loads(body)["endpoints"].items():
            if isinstance(answer, dict) and "data" in answer:
                known[model] = [each["tag"] for each in answer["data"]["endpoints"]]
        yield at, Counter((model, tag) for model, tags in known.items() for tag in tags)


def test_polls_of_endpoints_give_no_false_disappearance(tmp_path: Path) -> None:
    """A failed poll says nothing: what it did not show is there, as it was seen last."""
    taken = list(members(POLLS))[::EVERY]
    folder = tmp_path / "polls"
    folder.mkdir()
    for _, name, body in taken:
        (folder / name).write_bytes(body)
    root = new_archive(tmp_path / "archive")
    told = import_paths(
        root, SOURCES["openrouter"], [folder], writer="aaaaaaaa", now=now_us, parts=PARTS
    )
    assert told.refused == ()
    assert update(root, definitions=ENDPOINTS_ONLY).failed == ()

    with closing(open_views(root)) as connection:
        for at, expected in polled(taken):
            rows = connection.execute(ENDPOINTS, [format_us(at)]).fetchall()
            found = Counter({(model, tag): count for model, tag, count in rows})
            assert found == expected, format_us(at)
