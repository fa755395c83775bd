"""Helpers: the images of a model, of a version, of a LoRA, of a user; a version by its hash."""

import contextlib

import duckdb
import pytest

from projector.query.select import run_query
from projector.update.update import update
from tests.projector.conftest import WRITER
from tests.projector.logs import Page, Seen, hours, write_log
from tests.projector.projections import chosen

HELPERS = chosen(
    "civitai.version_of_hash",
    *(f"civitai.images_of_{kind}" for kind in ("model", "version", "lora", "user")),
)
SHA256 = "2E4A2D6B2C" + "0" * 54
"""Its first ten digits are the AutoV2."""


def image(id: int, meta: dict[str, object], **more: object) -> Seen:
    return Seen("image", str(id), {"id": id, "meta": meta, **more}, "list?withMeta=true")


FILE = {"id": 5, "name": "d", "hashes": {"SHA256": SHA256, "AutoV3": "AB12CD34EF56", "CRC32": "FF"}}
SEEN = [
    Seen("modelVersion", "22", {"id": 22, "modelId": 11, "name": "v1", "files": [FILE]}, "detail"),
    image(1, {"civitaiResources": [{"type": "lora", "modelVersionId": 22}]}, username="Ann"),
    image(2, {"resources": [{"type": "lora", "name": "Detail", "hash": "2e4a2d6b2c"}]}),
    image(3, {"additionalResources": [{"name": "urn:air:sdxl:lora:civitai:11@23"}]}),
    image(4, {"prompt": r"<lora:styles\detail.safetensors:1>"}, username="ann"),
    image(5, {"prompt": "nothing"}, modelVersionIds=[22]),
    image(6, {"prompt": "<lora:details:1>"}),
]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    root = tmp_path_factory.mktemp("shelf")
    (root / "log").mkdir()
    write_log(root, "civitai", WRITER, [Page(hours(0), SEEN)])
    assert update(root, definitions=HELPERS).failed == ()
    return root


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("images_of_model(11)", [1, 2, 3, 5]),
        ("images_of_version(22)", [1, 2, 5]),
        ("images_of_version(23)", [3]),
        ("images_of_lora('DETAIL')", [2, 4]),
        ("images_of_lora('2e4a2d6b2c')", [1, 2, 5]),
        (f"images_of_lora('{SHA256}')", [1, 2, 5]),
        ("images_of_user('ANN')", [1, 4]),
    ],
)
def test_the_images_of_something(shelf, call, expected):
    rows = run_query(shelf, f"SELECT id FROM civitai.{call} ORDER BY id").rows

    assert [row[0] for row in rows] == expected


@pytest.mark.parametrize(
    "hash", [SHA256, SHA256.lower(), SHA256[:10], "0x2e4a2d6b2c", "ab12cd34ef56", "ff"]
)
def test_a_version_by_any_hash_of_a_file(shelf, hash):
    sql = "SELECT version_id, model_id, version_name, file_name FROM civitai.version_of_hash($hash)"

    assert list(run_query(shelf, sql, params={"hash": hash}).rows) == [(22, 11, "v1", "d")]


def test_helpers_work_in_duckdb_itself(shelf):
    with contextlib.closing(duckdb.connect(str(shelf / "views/hindlog.duckdb"), True)) as shown:
        assert len(shown.execute("FROM civitai.images_of_model(11)").fetchall()) == 4
