"""Ids and texts that are not what their column holds: the row is shown and says so."""

from pathlib import Path
from typing import Any

import pytest

from projector.definition import FOLDER
from projector.query.change_feed import entity_changes
from projector.query.exports.export import export_views
from projector.update.check import check, count_misfits
from projector.update.compare_definition import compare
from projector.update.update import update
from tests.projector.civitai_bodies import BASE, UUID
from tests.projector.conftest import WRITER
from tests.projector.few import make_archive, record, rows, some
from tests.projector.logs import Page, Seen, hours, write_log
from tests.projector.projections import chosen
from tests.projector.small_limits import SMALL

ODD = ("m-2", "9223372036854775808", "007", " 8", "-0", "1_0", "1e3", "1.0")
"""Ids that are no 64-bit integers as JSON spells them."""
WHOLE = ("7", "0", "-5", "9223372036854775807")
VIEWS = ["log.quarantine"]
VIEWS += [
    f"civitai.{view}"
    for view in (
        *("models", "model_versions", "files", "images", "media", "mentions", "image_resources"),
        *("images_of_model", "version_of_hash"),
    )
]


URL = f"{BASE}/{UUID}/9.jpeg"


def model(id: str, name: str = "n", **more: object) -> Seen:
    return Seen("model", id, {"id": id, "name": name, **more})


def pages() -> list[Page]:
    """`m-2` and 7 have another name from hour 1 on, and `m-2` leaves at hour 2."""
    stubs = [{"id": "draft-1"}, {"id": 5}, {"id": "007"}, {"name": "without"}]
    seen = [model(id, modelVersions=stubs) for id in (*ODD, *WHOLE)]
    names = {"m-2": "other", "7": "other"}
    again = [model(id, names.get(id, "n"), modelVersions=stubs) for id in (*ODD, *WHOLE)]
    return [
        Page(hours(0), seen, "r0", "/models", 1, True),
        Page(hours(1), again, "r1", "/models", 1, True),
        Page(hours(2), again[1:], "r2", "/models", 1, True),
        Page(
            hours(2.5),
            [
                Seen(
                    "modelVersion",
                    "draft-1",
                    {"id": "draft-1", "modelId": "m-2", "files": "[abc", "images": "[x"},
                    "detail",
                ),
                Seen(
                    "modelVersion",
                    "5",
                    {
                        "id": 5,
                        "modelId": 7,
                        "images": [{"id": "i-1"}, {"id": 9}],
                        "files": [{"id": "f", "sizeKB": "big", "scannedAt": "?"}, {"id": 2}],
                    },
                    "detail",
                ),
                Seen("image", "i-1", {"id": "i-1", "modelVersionIds": [1, 2**63], "url": URL}),
                Seen("image", "9", {"id": 9, "url": URL}),
            ],
        ),
    ]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_archive(tmp_path_factory.mktemp("odd"), "civitai", pages(), *VIEWS)


def test_an_id_that_is_no_integer_is_a_text_beside_a_key_that_is_null(odd: Path) -> None:
    expected = [*((None, id) for id in ODD[1:]), *((int(id), id) for id in WHOLE)]

    for view in ("models", "models_at(NULL)"):
        found = rows(odd, f"SELECT id, _id FROM civitai.{view}")
        assert sorted(found, key=str) == sorted(expected, key=str)
    assert rows(odd, "SELECT count(*), count(id) FROM civitai.models_all") == [(12, 4)]
    assert rows(odd, "SELECT count(*), count(id) FROM civitai.models_versions") == [(14, 5)]
    assert rows(
        odd, "SELECT change, path, id FROM civitai.models_changes WHERE _id = 'm-2' ORDER BY 1"
    ) == [("appeared", None, None), ("changed", "/name", None), ("gone", None, None)]


def test_the_row_of_such_an_id_has_its_values_and_says_what_does_not_fit(odd: Path) -> None:
    stubs = [{"path": "/modelVersions/*/id", "value": id} for id in ("draft-1", "007")]

    for id in ODD[1:]:
        (row,) = rows(
            odd, f"SELECT name, version_ids, _errors FROM civitai.models WHERE _id = '{id}'"
        )
        assert row == ("n", [5], [{"path": "/id", "value": id}, *stubs])
    assert rows(odd, "SELECT _errors FROM civitai.models WHERE id = 7") == [(stubs,)]


def test_texts_where_lists_belong_and_elements_that_do_not_fit_are_reported(odd: Path) -> None:
    version = record(odd, "civitai.model_versions", "_id = 'draft-1'")
    assert (version["id"], version["files"], version["image_ids"]) == (None, None, None)

    def errors(view: str, where: str) -> list[Any]:
        found = rows(odd, f"SELECT _errors FROM civitai.{view} WHERE {where}")
        return [sorted((e["path"], e["value"]) for e in errors) for (errors,) in found]

    assert errors("model_versions", "_id = 'draft-1'") == [
        [("/id", "draft-1"), ("/modelId", "m-2")]
    ]
    assert errors("model_versions", "id = 5") == [[("/files/*/id", "f"), ("/images/*/id", "i-1")]]
    assert errors("files", "id IS NULL") == [
        [("/files/0/id", "f"), ("/files/0/scannedAt", "?"), ("/files/0/sizeKB", "big")]
    ]
    assert errors("files", "id = 2") == [[]]
    assert errors("images", "_id = 'i-1'") == [
        [("/id", "i-1"), ("/modelVersionIds", "[1,9223372036854775808]")]
    ]
    assert rows(odd, "SELECT image_ids FROM civitai.model_versions WHERE id = 5") == [([9],)]
    assert rows(odd, "SELECT image_ids FROM civitai.media") == [([9],)]
    assert rows(odd, "SELECT count(*) FROM log.quarantine") == [(0,)]


def test_an_odd_id_ends_no_command_over_the_views(odd: Path, tmp_path: Path) -> None:
    definitions = some("civitai.models")
    changes = entity_changes(odd, hours(0), hours(3), definitions=definitions)

    assert {change.entity for change in changes} == {f"civitai/model/{id}" for id in (*ODD, *WHOLE)}
    assert export_views(odd, ["civitai.models"], tmp_path / "out").views[0].rows == 11
    assert check(odd, ["civitai.models"], definitions=definitions) == []
    text = (FOLDER / "civitai" / "models.sql").read_text()
    assert compare(odd, "civitai.models", text).is_same
    loud = text.replace("name                   /name ", "name                   /status ")
    differences = compare(odd, "civitai.models", loud).differences
    assert sorted(difference.id for difference in differences) == sorted((*ODD, *WHOLE, "m-2", "7"))


def test_views_with_values_that_do_not_fit_are_counted(odd: Path) -> None:
    assert count_misfits(odd) == {
        "civitai.files": 1,
        "civitai.images": 1,
        "civitai.model_versions": 2,
        "civitai.models": 11,
    }


@pytest.mark.slow
def test_an_odd_id_is_the_same_from_a_row_cache(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for page in pages():
        write_log(tmp_path, "civitai", WRITER, [page])
        assert update(tmp_path, definitions=chosen("civitai.models"), limits=SMALL).failed == ()

    assert rows(tmp_path, "SELECT count(*), count(id) FROM civitai.models_all") == [(12, 4)]
    assert rows(tmp_path, "SELECT id, name FROM civitai.models WHERE _id = ' 8'") == [(None, "n")]


@pytest.mark.slow
def test_the_last_of_equal_keys_counts_at_every_depth(tmp_path: Path) -> None:
    body = b"""{"id":1,"name":"first","tags":["a"],"stats":{"downloadCount":1,"downloadCount":2},
        "name":"la\\"st\\":","tags":["b","c"],"creator":{"username":"x"},"creator":null,
        "modelVersions":[{"id":3,"id":4}]}"""
    once = b'{"id":2,"name":"\\":\\":","stats":{"ratingCount":123456789012345678901234}}'
    version = b'{"id":4,"files":[{"id":1,"hashes":{"CRC32":"AA","CRC32":"BB"}}]}'
    image = b'{"id":6,"meta":{"prompt":"<lora:a>","prompt":"<lora:b>"}}'
    seen = [
        Seen("model", "1", b"".join(body.splitlines())),
        Seen("model", "2", once),
        Seen("modelVersion", "4", version, "detail"),
        Seen("image", "6", image),
    ]
    root = make_archive(tmp_path, "civitai", [Page(hours(0), seen)], *VIEWS)

    columns = "name, tags, download_count, creator_username, version_ids, _errors"
    assert rows(root, f"SELECT {columns} FROM civitai.models WHERE id = 1") == [
        ('la"st":', ["b", "c"], 2, None, [4], [])
    ]
    # a number beyond 64 bits keeps its digits in a body without equal keys
    assert rows(root, "SELECT name, _errors FROM civitai.models WHERE id = 2") == [
        ('":":', [{"path": "/stats/ratingCount", "value": "123456789012345678901234"}])
    ]
    assert rows(root, "SELECT crc32 FROM civitai.files") == [("BB",)]
    assert rows(root, "SELECT name FROM civitai.image_resources") == [("b",)]


COUNTS = [
    ("7", 7),
    ('"7"', 7),
    ('"007"', None),
    ('" 8"', None),
    ('"8 "', None),
    ('"-0"', None),
    ('"1_0"', None),
    ('"+1"', None),
    ("1.0", None),
    ('"9223372036854775808"', None),
]


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    seen = [
        Seen("model", str(n), b'{"id":%d,"stats":{"downloadCount":%s}}' % (n, spelled.encode()))
        for n, (spelled, _) in enumerate(COUNTS)
    ]
    likes = b'{"id":1,"stats":{"likeCount":9223372036854775807,"heartCount":5}}'
    seen.append(Seen("image", "1", likes))
    pages = [Page(hours(0), seen)]
    views = ("civitai.models", "civitai.images", "log.quarantine")
    return make_archive(tmp_path_factory.mktemp("counted"), "civitai", pages, *views)


@pytest.mark.parametrize(("number", "count"), list(enumerate(COUNTS)))
def test_a_text_is_a_number_only_as_json_spells_it(
    counted: Path, number: int, count: tuple[str, int | None]
) -> None:
    spelled, expected = count
    sql = f"SELECT download_count, _errors FROM civitai.models WHERE id = {number}"
    errors = (
        []
        if expected is not None
        else [{"path": "/stats/downloadCount", "value": spelled.strip('"')}]
    )

    assert rows(counted, sql) == [(expected, errors)]


def test_a_sum_beyond_64_bits_is_null_and_keeps_the_row(counted: Path) -> None:
    sql = "SELECT like_count, heart_count, total_reactions FROM civitai.images"

    assert rows(counted, sql) == [(2**63 - 1, 5, None)]
    assert rows(counted, "SELECT count(*) FROM log.quarantine") == [(0,)]
