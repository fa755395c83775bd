"""Civitai's views: each column from its own pointer, in bodies with a value for every one."""

from pathlib import Path
from typing import Any

import pytest

from tests.projector.civitai_bodies import (
    BASE,
    FILE_ROW,
    IMAGE,
    IMAGE_ROW,
    MODEL,
    MODEL_ROW,
    UUID,
    VERSION,
    VERSION_ROW,
)
from tests.projector.few import make_archive, record, rows
from tests.projector.logs import Page, Seen, hours

VIEWS = ("models", "model_versions", "files", "images", "creators", "tags", "media")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    seen = [
        Seen("model", "7", MODEL),
        Seen("model", "8", {"id": 8}),
        Seen("modelVersion", "71", VERSION, "detail"),
        Seen("modelVersion", "72", {"id": 72}, "detail"),
        Seen("image", "91", IMAGE),
        Seen("image", "92", {**IMAGE, "id": 92, "nsfw": "None", "nsfwLevel": None, "stats": {}}),
        Seen(
            "image", "93", {**IMAGE, "id": 93, "nsfw": "Soft", "nsfwLevel": None, "type": "video"}
        ),
        Seen("image", "94", {"id": 94}),
        Seen("image", "95", {"id": 95, "nsfw": False, "nsfwLevel": 16, "stats": {"likeCount": 3}}),
        Seen("image", "96", {"id": 96, "nsfw": True}),
        Seen("creator", "ann", {"username": "ann", "image": "i", "modelCount": 3, "link": "l"}),
        Seen("tag", "t1", {"name": "t1", "link": "tl", "modelCount": 9}),
    ]
    views = [f"civitai.{view}" for view in VIEWS]
    return make_archive(tmp_path_factory.mktemp("shelf"), "civitai", [Page(hours(0), seen)], *views)


def nothing(names: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The same columns, empty but for some."""
    return {**dict.fromkeys(names), **more}


def test_a_model_has_every_column_from_its_own_pointer(shelf: Path) -> None:
    assert record(shelf, "civitai.models", "id = 7") == MODEL_ROW
    assert record(shelf, "civitai.models", "id = 8") == nothing(MODEL_ROW, id=8)


def test_a_version_has_every_column_from_its_own_pointer(shelf: Path) -> None:
    assert record(shelf, "civitai.model_versions", "id = 71") == VERSION_ROW
    assert record(shelf, "civitai.model_versions", "id = 72") == nothing(VERSION_ROW, id=72)


def test_a_file_has_every_column_from_its_own_pointer_and_its_hashes_in_capitals(
    shelf: Path,
) -> None:
    expected = nothing(
        FILE_ROW, version_id=71, model_id=7, id=502, is_primary=False, format="PickleTensor"
    )

    assert record(shelf, "civitai.files", "id = 501") == FILE_ROW
    assert record(shelf, "civitai.files", "id = 502") == expected


def test_a_version_without_files_has_no_row_of_files(shelf: Path) -> None:
    assert rows(shelf, "SELECT DISTINCT version_id FROM civitai.files") == [(71,)]
    assert rows(shelf, "SELECT DISTINCT version_id FROM civitai.files_all") == [(71,)]


def test_an_image_has_every_column_from_its_own_pointer(shelf: Path) -> None:
    bare = nothing(IMAGE_ROW, id=94, total_reactions=0, has_meta=False)

    assert record(shelf, "civitai.images", "id = 91") == IMAGE_ROW
    assert record(shelf, "civitai.images", "id = 94") == bare


def test_nsfw_is_a_boolean_and_a_level_in_both_spellings(shelf: Path) -> None:
    sql = "SELECT id, nsfw, nsfw_level, total_reactions FROM civitai.images ORDER BY id"

    assert rows(shelf, sql) == [
        (91, True, "Mature", 54321),
        (92, False, "None", 0),
        (93, True, "Soft", 54321),
        (94, None, None, 0),
        (95, False, "16", 3),
        (96, True, None, 0),
    ]


def test_a_creator_and_a_tag_have_every_column_from_its_own_pointer(shelf: Path) -> None:
    creator = {"username": "ann", "image": "i", "model_count": 3, "link": "l"}

    assert record(shelf, "civitai.creators") == creator
    assert record(shelf, "civitai.tags") == {"name": "t1", "link": "tl", "model_count": 9}


def test_a_file_of_several_images_is_one_row_with_the_url_of_the_first(shelf: Path) -> None:
    sql = "SELECT uuid, url, type, image_ids FROM civitai.media"

    assert rows(shelf, sql) == [(UUID, IMAGE["url"], "image", [91, 92, 93])]


def test_a_file_was_first_seen_with_its_first_image_and_last_with_its_last(
    tmp_path: Path,
) -> None:
    def image(id: int) -> Seen:
        url = f"{BASE}/{UUID}/width={id}/x.jpeg"
        return Seen("image", str(id), {"id": id, "url": url, "type": f"t{id}"})

    pages = [Page(hours(n), [image(id) for id in ids]) for n, ids in enumerate([[9], [5], [9]])]
    root = make_archive(tmp_path, "civitai", pages, "civitai.images", "civitai.media")
    columns = "url, type, image_ids, epoch_us(_first_seen_at), epoch_us(_last_seen_at)"

    assert rows(root, f"SELECT {columns} FROM civitai.media") == [
        (f"{BASE}/{UUID}/width=5/x.jpeg", "t5", [5, 9], hours(0), hours(2))
    ]
