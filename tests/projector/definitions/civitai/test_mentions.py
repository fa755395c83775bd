"""Grouped of models in images: every form in every column, and the versions behind them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.projector.few import make_archive, rows
from tests.projector.logs import Page, Seen, hours

META = {
    "prompt": "a <lora:tag one:0.5:x> <hypernet:h>",
    "negativePrompt": "<lyco:low:-1>",
    "resources": [{"type": "lora", "name": "rn", "weight": 0.25, "hash": "0Xab12"}],
    "civitaiResources": [
        {"type": "dora", "modelVersionName": "cn", "weight": 0.75, "modelVersionId": 345},
        {"modelVersionId": 346, "air": "urn:air:sd1:embedding:civitai:12@347"},
    ],
    "additionalResources": [
        {"name": "urn:air:sdxl:lora:civitai:11@22", "strength": 1.5},
        {"type": "vae", "name": "plain", "strength": "?"},
    ],
    "models": ["m.safetensors", "urn:air:sdxl:checkpoint:civitai:31@32"],
    "vaes": ["v.pt"],
    "upscalers": ["u.pth"],
    "controlNets": ["c.pth"],
    "versionIds": [401],
    "hashes": {"model": "aa01", "lora:x:y": "aa02", "embed:e": "aa03", "vae": "aa04", "odd": ""},
    "TI hashes": "neg: 0123456789ab",
    "Lora hashes": {"ln": "aa05"},
    "comfy": json.dumps(
        {"prompt": {"1": {"class_type": "LoraLoader", "inputs": {"lora_name": "cl"}}}}
    ),
    "Model": "big",
    "Model hash": "aa06",
    "VAE": "small.vae",
    "VAE hash": "aa07",
    "Refiner": "ref",
    "Refiner hash": "aa08",
    "Hypernet": "hyp",
    "Hypernet hash": "aa09",
    "Hypernet strength": 0.9,
    **{f"AddNet Model {n}": f"net{n}(aa1{n})" for n in range(1, 6)},
    **{f"AddNet Weight A {n}": f"0.{n}" for n in range(1, 6)},
}
AIR, AIR_OF_MODEL, AIR_OF_LORA = (
    "urn:air:sd1:embedding:civitai:12@347",
    "urn:air:sdxl:checkpoint:civitai:31@32",
    "urn:air:sdxl:lora:civitai:11@22",
)
COLUMNS = "kind, name, weight, weight_raw, hash, model_id, version_id, air"
EXPECTED: dict[str, list[tuple[Any, ...]]] = {
    "/meta/prompt": [
        ("lora", "tag one", 0.5, "0.5:x", None, None, None, None),
        ("hypernet", "h", None, None, None, None, None, None),
    ],
    "/meta/negativePrompt": [("lyco", "low", -1, "-1", None, None, None, None)],
    "/meta/resources": [("lora", "rn", 0.25, "0.25", "AB12", None, None, None)],
    "/meta/civitaiResources": [
        ("dora", "cn", 0.75, "0.75", None, None, 345, None),
        ("embedding", None, None, None, None, 12, 346, AIR),
    ],
    "/meta/additionalResources": [
        ("lora", AIR_OF_LORA, 1.5, "1.5", None, 11, 22, AIR_OF_LORA),
        ("vae", "plain", None, "?", None, None, None, None),
    ],
    "/meta/models": [
        ("checkpoint", "m.safetensors", None, None, None, None, None, None),
        ("checkpoint", AIR_OF_MODEL, None, None, None, 31, 32, AIR_OF_MODEL),
    ],
    "/meta/vaes": [("vae", "v.pt", None, None, None, None, None, None)],
    "/meta/upscalers": [("upscaler", "u.pth", None, None, None, None, None, None)],
    "/meta/controlNets": [("controlnet", "c.pth", None, None, None, None, None, None)],
    "/meta/versionIds": [(None, None, None, None, None, None, 401, None)],
    "/meta/hashes": [
        ("checkpoint", None, None, None, "AA01", None, None, None),
        ("lora", "x:y", None, None, "AA02", None, None, None),
        ("embedding", "e", None, None, "AA03", None, None, None),
        ("vae", None, None, None, "AA04", None, None, None),
        ("odd", None, None, None, None, None, None, None),
    ],
    "/meta/TI hashes": [("embedding", "neg", None, None, "0123456789AB", None, None, None)],
    "/meta/Lora hashes": [("lora", "ln", None, None, "AA05", None, None, None)],
    "/meta/comfy": [("lora", "cl", None, None, None, None, None, None)],
    "/meta/Model": [("checkpoint", "big", None, None, "AA06", None, None, None)],
    "/meta/VAE": [("vae", "small.vae", None, None, "AA07", None, None, None)],
    "/meta/Refiner": [("checkpoint", "ref", None, None, "AA08", None, None, None)],
    "/meta/Hypernet": [("hypernet", "hyp", 0.9, "0.9", "AA09", None, None, None)],
    **{
        f"/meta/AddNet Model {n}": [
            ("lora", f"net{n}", n / 10, f"0.{n}", f"AA1{n}", None, None, None)
        ]
        for n in range(1, 6)
    },
}


def image(id: int, meta: object, **more: object) -> Seen:
    return Seen("image", str(id), {"id": id, "meta": meta, **more})


def file(id: int, **hashes: str) -> dict[str, Any]:
    return {"id": id, "name": f"f{id}", "hashes": hashes}


def version(id: int, model_id: int, *files: dict[str, Any]) -> Seen:
    body = {"id": id, "modelId": model_id, "name": f"v{id}", "baseModel": "SDXL", "files": files}
    return Seen("modelVersion", str(id), body, "detail")


LONG = "AB" * 32
IMAGES = [
    image(1, META),
    image(2, {"resources": [{"type": "lora", "name": "h", "hash": "0xc0ffee00"}]}),
    image(3, {"resources": [{"type": "lora", "name": "ten", "hash": LONG[:10].lower()}]}),
    image(4, {"resources": [{"type": "lora", "name": "twelve", "hash": LONG[:12]}]}),
    image(5, {"resources": [{"type": "lora", "name": "eleven", "hash": LONG[:11]}]}),
    image(6, {"additionalResources": [{"name": "urn:air:sdxl:lora:civitai:800@801"}]}),
    image(7, None, modelVersionIds=[51, 999], username="Ann"),
    image(8, {"civitaiResources": [{"type": "lora", "modelVersionId": 51, "weight": 1}]}),
    image(9, {"versionIds": [51], "Model hash": "c0ffee00"}, username="ANN"),
    image(10, {"resources": [{"type": "model", "name": "Deep", "hash": "nothing"}]}),
    image(11, {"resources": [{"type": "locon", "name": r"x\Deep.pt"}]}, username="annie"),
    image(12, {"prompt": "<lora:dir/deep.CKPT:1> <lora:deep.bin:1>"}),
    image(13, {"resources": [{"type": "lora", "hash": "facade", "modelVersionId": 71}]}),
]
VERSIONS = [
    version(51, 50, file(1, SHA256=LONG, AutoV1="c0ffee00")),
    version(61, 60, file(2, AutoV2="c0ffee00"), file(3, CRC32="c0ffee00", BLAKE3="b3b3")),
    version(62, 60, file(4, AutoV2="facade")),
    version(71, 70),
    version(32, 31),
]
VIEWS = [
    f"civitai.{view}"
    for view in (
        *("images", "image_resources", "model_versions", "files", "mentions", "version_of_hash"),
        *(f"images_of_{suffix}" for suffix in ("lora", "model", "version", "user")),
    )
]


AIRS = {
    "Model": ("checkpoint", None),
    "VAE": ("vae", None),
    "Refiner": ("checkpoint", None),
    "Hypernet": ("hypernet", None),
    "AddNet Model 1": ("lora", None),
    "prompt": ("lora", "0.5"),
}
"""Kind and weight of a mention by AIR, by the member of `meta`."""
WITH_AIR = dict(zip(AIRS, range(21, 27), strict=True))
"""Id of the image that has an AIR in a member."""
Grouped = dict[Any, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    values = dict.fromkeys(AIRS, AIR_OF_MODEL) | {"prompt": f"<lora:{AIR_OF_MODEL}:0.5>"}
    with_air = [image(id, {member: values[member]}) for member, id in WITH_AIR.items()]
    pages = [Page(hours(0), [*IMAGES, *with_air, *VERSIONS])]
    return make_archive(tmp_path_factory.mktemp("gallery"), "civitai", pages, *VIEWS)


def grouped(found: list[tuple[Any, ...]]) -> Grouped:
    """Returns rows by their first column."""
    return {key: [row[1:] for row in found if row[0] == key] for key, *_ in found}


@pytest.fixture(scope="module")
def resources(gallery: Path) -> Grouped:
    """The rows of `image_resources` by image and place."""
    sql = f"SELECT (image_id, source_path), {COLUMNS} FROM civitai.image_resources"
    return grouped(rows(gallery, sql))


@pytest.fixture(scope="module")
def mentions(gallery: Path) -> Grouped:
    """The rows of `mentions` by image."""
    columns = "image_id, found_by, version_id, model_id, kind, name"
    return grouped(rows(gallery, f"SELECT {columns} FROM civitai.mentions ORDER BY 2, 3"))


@pytest.mark.parametrize("place", EXPECTED)
def test_every_form_of_a_mention_fills_its_columns(resources: Grouped, place: str) -> None:
    assert sorted(resources[1, place], key=str) == sorted(EXPECTED[place], key=str)


@pytest.mark.parametrize("member", AIRS)
def test_an_air_in_any_place_of_a_name_is_a_mention(
    resources: Grouped, mentions: Grouped, member: str
) -> None:
    kind, weight = AIRS[member]
    (place,) = (place for image_id, place in resources if image_id == WITH_AIR[member])
    ((found_kind, name, _, weight_raw, _, *ids_and_air),) = resources[WITH_AIR[member], place]

    assert (found_kind, name, weight_raw) == (kind, AIR_OF_MODEL, weight)
    assert ids_and_air == [31, 32, AIR_OF_MODEL]
    assert mentions[WITH_AIR[member]] == [("id", 32, 31, kind, AIR_OF_MODEL)]


def test_an_image_with_an_air_in_any_place_is_found_by_its_version(gallery: Path) -> None:
    for call in ("images_of_version(32)", "images_of_model(31)"):
        assert ids(gallery, call) == [1, *WITH_AIR.values()]


def test_no_other_place_of_meta_is_a_mention(gallery: Path) -> None:
    sql = "SELECT DISTINCT source_path FROM civitai.image_resources WHERE image_id = 1"

    assert {place for (place,) in rows(gallery, sql)} == set(EXPECTED)
    assert rows(gallery, "SELECT * FROM civitai.image_resources_all WHERE image_id = 7") == []


def test_a_mention_by_hash_finds_every_version_with_a_file_of_that_hash(
    mentions: Grouped,
) -> None:
    assert mentions[2] == [("hash", 51, 50, "lora", "h"), ("hash", 61, 60, "lora", "h")]


def test_the_first_ten_or_twelve_digits_of_a_sha256_are_a_hash_and_others_are_not(
    mentions: Grouped,
) -> None:
    assert mentions[3] == [("hash", 51, 50, "lora", "ten")]
    assert mentions[4] == [("hash", 51, 50, "lora", "twelve")]
    assert 5 not in mentions


def test_a_mention_by_id_has_the_model_that_it_or_its_version_names(mentions: Grouped) -> None:
    assert mentions[6] == [("id", 801, 800, "lora", "urn:air:sdxl:lora:civitai:800@801")]
    assert mentions[8] == [("id", 51, 50, "lora", None)]


def test_the_versions_that_upstream_lists_are_mentions_without_a_name(
    mentions: Grouped,
) -> None:
    assert mentions[7] == [
        ("listing", 51, 50, None, None),
        ("listing", 999, None, None, None),
    ]


def test_a_resource_that_names_a_version_is_not_looked_up_by_its_hash(mentions: Grouped) -> None:
    assert mentions[13] == [("id", 71, 70, "lora", None)]


def ids(root: Path, call: str) -> list[int]:
    return [id for (id,) in rows(root, f"SELECT id FROM civitai.{call} ORDER BY id")]


def test_images_of_a_model_and_of_a_version(gallery: Path) -> None:
    assert ids(gallery, "images_of_version(51)") == [2, 3, 4, 7, 8, 9]
    assert ids(gallery, "images_of_model(50)") == [2, 3, 4, 7, 8, 9]
    assert ids(gallery, "images_of_model(60)") == [2, 9]
    assert ids(gallery, "images_of_model(51)") == []


def test_images_of_a_lora_are_found_by_name_without_case_folder_and_ending(gallery: Path) -> None:
    assert ids(gallery, "images_of_lora('DEEP')") == [11, 12]
    assert ids(gallery, "images_of_lora('deep.bin')") == [12]


def test_images_of_a_lora_are_found_by_any_hash_of_its_files(gallery: Path) -> None:
    by_file = [2, 3, 4, 7, 8, 9]

    assert ids(gallery, f"images_of_lora('{LONG.lower()}')") == by_file
    assert ids(gallery, f"images_of_lora('{LONG[:12]}')") == by_file
    assert ids(gallery, "images_of_lora('c0ffee00')") == by_file
    assert ids(gallery, "images_of_lora('b3b3')") == [2, 9]
    assert ids(gallery, "images_of_lora('ab12')") == [1]


def test_images_of_a_user_are_found_without_case(gallery: Path) -> None:
    assert ids(gallery, "images_of_user('ann')") == [7, 9]


def test_a_version_is_found_by_each_hash_of_its_files(gallery: Path) -> None:
    def found(hash: str) -> list[tuple[Any, ...]]:
        columns = "version_id, model_id, file_id, file_name, version_name, base_model"
        return rows(
            gallery, f"SELECT {columns} FROM civitai.version_of_hash('{hash}') ORDER BY file_id"
        )

    first = (51, 50, 1, "f1", "v51", "SDXL")
    second, third = ((61, 60, n, f"f{n}", "v61", "SDXL") for n in (2, 3))
    assert found("C0FFEE00") == found("0xc0ffee00") == [first, second, third]
    assert found("b3b3") == [third]
    assert found(LONG.lower()) == found(LONG[:10]) == found(f"0X{LONG[:11]}") == [first]
    assert found(LONG[:9]) == []


def test_the_hashes_of_a_found_file_are_its_own(gallery: Path) -> None:
    columns = "sha256, autov1, autov2, autov3, crc32, blake3"
    sql = f"SELECT {columns} FROM civitai.version_of_hash('b3b3')"

    assert rows(gallery, sql) == [(None, None, None, None, "C0FFEE00", "B3B3")]
