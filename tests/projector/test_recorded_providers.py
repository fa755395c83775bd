"""Recorded lists of providers: two listings that name the same entities, one of them less often."""

from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from eventlog.clock import format_us, parse_us
from projector.update.update import update
from tests.projector.conftest import WRITER
from tests.projector.few import rows, some
from tests.projector.logs import Page, Seen, write_log
from tests.projector.recorded import HISTORY, snapshots

pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(not HISTORY.is_dir(), reason="no recorded history"),
]
BEGIN, END = "2026-07-22T12:00:00Z", "2026-07-30T00:00:00Z"
"""Half-open; a week in which the website's list drops three providers that the API lists."""
API, WEBSITE = "dthinkr-openrouter-uptime", "sui414-openrouter-pricing-data"
SCOPES = {API: "/api/v1/providers", WEBSITE: "/api/frontend/v1/all-providers"}
SHAPES = {API: "list", WEBSITE: "frontend"}


def is_polled(line: Mapping[str, str]) -> bool:
    """Whether a recording of that week holds a list of providers."""
    has_providers = line["source"] == API or "all-providers" in line["endpoint"]
    return BEGIN <= line["utc"] < END and has_providers


def polls() -> list[tuple[int, str, list[dict[str, object]]]]:
    """Returns instant, collector and rows of each list of providers, in order."""
    lists = []
    for folder in SCOPES:
        for snapshot in snapshots(folder, is_polled):
            value = orjson.loads(snapshot.body)
            value = value["providers"] if folder == API else value
            listed = value["data"] if isinstance(value, dict) else value
            lists.append((snapshot.at, folder, listed))
    return sorted(lists, key=lambda each: each[:2])


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("providers")
    (root / "log").mkdir()
    pages = [
        Page(
            at,
            [Seen("provider", str(row["slug"]), row, SHAPES[folder]) for row in listed],
            f"r{at}",
            SCOPES[folder],
            1,
            True,
        )
        for at, folder, listed in polls()
    ]
    write_log(root, "openrouter", WRITER, pages)
    assert update(root, definitions=some("openrouter.providers")).failed == ()
    return root


def test_every_provider_that_the_api_lists_is_present(archive: Path) -> None:
    at, _, listed = [poll for poll in polls() if poll[1] == API and poll[0] < parse_us(END)][-1]

    present = {id_ for (id_,) in rows(archive, "SELECT slug FROM openrouter.providers", at)}
    assert {row["slug"] for row in listed} <= present
    assert {"dekallm", "inflection"} <= present


def test_only_the_providers_that_both_lists_dropped_were_ever_absent(archive: Path) -> None:
    ended = rows(
        archive,
        "SELECT slug, max(valid_to) FROM openrouter.providers_versions "
        "GROUP BY slug, _shape HAVING count(*) FILTER (valid_to IS NULL) = 0",
    )
    assert {id_ for id_, _ in ended} == {"wandb", "wandb-legacy"}
    gaps = rows(
        archive,
        "SELECT slug FROM (SELECT *, lead(valid_from) OVER (PARTITION BY slug, _shape "
        "ORDER BY valid_from) AS next FROM openrouter.providers_versions) WHERE next > valid_to",
    )
    assert gaps == []
    at = format_us(parse_us("2026-07-29T16:30:00Z"))
    absent = rows(
        archive,
        f"SELECT slug FROM openrouter.providers_all_at('{at}') "
        "WHERE _absent_since IS NOT NULL ORDER BY 1",
    )
    assert absent == [("wandb",), ("wandb-legacy",)]
