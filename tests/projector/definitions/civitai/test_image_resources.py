"""Values of civitai.image_resources: every form in which the meta of an image names models."""

import json

import pytest

from projector.query.select import run_query
from projector.update.update import update
from tests.projector.body_rows import build_archive, civitai_image, rows_of
from tests.projector.conftest import WRITER
from tests.projector.logs import Page, hours, write_log
from tests.projector.projections import chosen

DEFINITIONS = chosen("civitai.image_resources")


TAGS = [
    ("<lora:FilmG2:0.5:0.1,0.1,1>", "lora", "FilmG2", 0.5, "0.5:0.1,0.1,1"),
    ("<lora:flat1:-1:OUT04-11>", "lora", "flat1", -1.0, "-1:OUT04-11"),
    ("<lora:jinzya_V1_Resize_DIM8:1:NIN>", "lora", "jinzya_V1_Resize_DIM8", 1.0, "1:NIN"),
    ("<lora:LowRA:0:7>", "lora", "LowRA", 0.0, "0:7"),
    ("<lyco:nahida-LyCORIS:unet=0.7:te=1>", "lyco", "nahida-LyCORIS", None, "unet=0.7:te=1"),
    ("<lora:GHV7:.31>", "lora", "GHV7", 0.31, ".31"),
    ("<lora:karylV1>", "lora", "karylV1", None, None),
    ("<lora:0.8>", "lora", "0.8", None, None),
    ("<lora::1>", "lora", None, 1.0, "1"),
    ("<lora:Laquadia-08:0.0.55>", "lora", "Laquadia-08", None, "0.0.55"),
    ("<lora:GameIcon_chest Lora: 0.5>", "lora", "GameIcon_chest Lora", 0.5, " 0.5"),
    ("< lora : epinoiseoffset_v2:1>", "lora", "epinoiseoffset_v2", 1.0, "1"),
    ("<LORA:锖兔V1:0.9>", "lora", "锖兔V1", 0.9, "0.9"),
    ("<lora:lora:Dra9onScaleAI:0.5>", "lora", "Dra9onScaleAI", 0.5, "0.5"),
    ("<hypernet:hypernet:tongues:0.9>", "hypernet", "tongues", 0.9, "0.9"),
    ("<lora:nerdy_fc_v1.0.safetensors:0.5>", "lora", "nerdy_fc_v1.0.safetensors", 0.5, "0.5"),
    ("<hypernet:EmiliaReZero:0,7>", "hypernet", "EmiliaReZero", None, "0,7"),
    ("<lora:Airasia Uniform:1=0.85>", "lora", "Airasia Uniform", None, "1=0.85"),
    ("<lora:玄远仙境 V1:1.01/0.9/>", "lora", "玄远仙境 V1", None, "1.01/0.9/"),
    ("<lora:PAseer的/PAseer's Clothes:0.6>", "lora", "PAseer的/PAseer's Clothes", 0.6, "0.6"),
    ("<lora:eddiemauroLora2(Tech):1>", "lora", "eddiemauroLora2(Tech)", 1.0, "1"),
    ("<lora:Planet[celestial_globe]-6:1>", "lora", "Planet[celestial_globe]-6", 1.0, "1"),
    ("<lora:redmoondjmv2-5:STRENGHT>", "lora", "redmoondjmv2-5", None, "STRENGHT"),
    ("<lora:anime_v10:1:BACKGROUND>", "lora", "anime_v10", 1.0, "1:BACKGROUND"),
    ("<lora:tokiame:1:1:1,1,1>", "lora", "tokiame", 1.0, "1:1:1,1,1"),
    ("<lora:flat2:-1>", "lora", "flat2", -1.0, "-1"),
    ("<lora:食物:1>", "lora", "食物", 1.0, "1"),
    ("<lora:1.13):David Martinez:0.85>", "lora", "1.13)", None, "David Martinez:0.85"),
]


PROMPT = ", ".join(tag for tag, *_ in TAGS)


def test_every_odd_tag_seen_in_real_prompts_is_a_mention(civitai):
    rows = rows_of(
        civitai,
        "civitai.image_resources",
        civitai_image(meta={"prompt": PROMPT}),
        "kind, name, weight, weight_raw",
    )

    expected = [tuple(values) for _, *values in TAGS]
    assert sorted(rows, key=str) == sorted(expected, key=str)


FORMS = {
    "resources": [{"type": "lora", "name": "a", "weight": 0.5, "hash": "0x95d20eda2f"}],
    "civitaiResources": [{"type": "checkpoint", "modelVersionId": 345685}],
    "additionalResources": [{"name": "urn:air:sdxl:lora:civitai:11@22", "strength": 1}],
    "hashes": {"model": "aadddd3d75", "lora:x y": "0123456789"},
    "Model hash": "aadddd3d75",
    "Model": {"odd": 1},
    "TI hashes": "neg: 0123456789ab, pos: ba9876543210",
    "AddNet Model 1": "thing(fffe00001111)",
    "AddNet Weight A 1": "0.4",
}


def test_the_forms_in_which_meta_names_models(civitai):
    columns = "source_path, kind, name, weight, hash, model_id, version_id"
    rows = rows_of(civitai, "civitai.image_resources", civitai_image(meta=FORMS), columns)

    assert sorted(rows, key=str) == sorted(
        [
            ("/meta/resources", "lora", "a", 0.5, "95D20EDA2F", None, None),
            ("/meta/civitaiResources", "checkpoint", None, None, None, None, 345685),
            (
                "/meta/additionalResources",
                "lora",
                "urn:air:sdxl:lora:civitai:11@22",
                1.0,
                None,
                11,
                22,
            ),
            ("/meta/hashes", "checkpoint", None, None, "AADDDD3D75", None, None),
            ("/meta/hashes", "lora", "x y", None, "0123456789", None, None),
            ("/meta/Model", "checkpoint", None, None, "AADDDD3D75", None, None),
            ("/meta/TI hashes", "embedding", "neg", None, "0123456789AB", None, None),
            ("/meta/TI hashes", "embedding", "pos", None, "BA9876543210", None, None),
            ("/meta/AddNet Model 1", "lora", "thing", 0.4, "FFFE00001111", None, None),
        ],
        key=str,
    )


HASHES = [
    ({"hashes": ["AADDDD3D75", "0123456789"]}, []),
    ({"hashes": "aadddd3d75"}, []),
    (
        {"TI hashes": {"neg": "0123456789AB"}, "Lora hashes": {"x y": "0xfe00"}},
        [("embedding", "neg", "0123456789AB"), ("lora", "x y", "FE00")],
    ),
    ({"Lora hashes": "a b: 0123456789ab"}, [("lora", "a b", "0123456789AB")]),
    (
        {"hashes": {"vae": "0x95d20eda2f", "embed:bad": "12345678"}},
        [("embedding", "bad", "12345678"), ("vae", None, "95D20EDA2F")],
    ),
    ({"hashes": {}, "resources": {}, "models": "x", "AddNet Model 1": None}, []),
]


@pytest.mark.parametrize(("meta", "expected"), HASHES)
def test_hashes_are_an_object_or_a_text_and_a_list_without_names_is_ignored(
    civitai, meta, expected
):
    rows = rows_of(civitai, "civitai.image_resources", civitai_image(meta=meta), "kind, name, hash")

    assert sorted(rows, key=str) == expected


def comfy(**nodes):
    return json.dumps({"prompt": nodes, "workflow": {"nodes": []}})


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


GRAPH = {
    "1": node("CheckpointLoaderSimple", ckpt_name="sdxl.safetensors"),
    "2": node("UNETLoader", unet_name="flux.sft", weight_dtype="default"),
    "3": node("LoraLoader", lora_name="a", strength_model=0.5, strength_clip=1, model=["1", 0]),
    "4": node("LoraLoader", lora_name="off", strength_model=0, strength_clip=0),
    "5": node("LoraLoader", lora_name="clip", strength_model=0, strength_clip=1),
    "6": node("LoraLoaderModelOnly", lora_name="none", strength_model=0.0),
    "7": node("VAELoader", vae_name="vae.pt"),
    "8": node(
        "Power Lora Loader (rgthree)",
        lora_1={"on": True, "lora": "b", "strength": 0.7},
        lora_2={"on": False, "lora": "c", "strength": 1},
        lora_3={"on": True, "lora": "d", "strength": 0},
        PowerLoraLoaderHeaderWidget={"type": "x"},
    ),
    "9": node("LoraLoader", lora_name=["12", 0], strength_model=1),
    "10": node("KSampler", seed=1, steps=20),
}
LOADED = [
    ("checkpoint", "flux.sft", None),
    ("checkpoint", "sdxl.safetensors", None),
    ("lora", "a", 0.5),
    ("lora", "b", 0.7),
    ("lora", "clip", 0.0),
    ("vae", "vae.pt", None),
]


GRAPHS = [
    (comfy(**GRAPH), LOADED),
    (comfy(**GRAPH).replace('"seed": 1', '"seed": undefined, "is_changed": [NaN]'), LOADED),
    ("{not JSON", []),
    ("", []),
    ('{"prompt": null}', []),
    ({"prompt": GRAPH}, LOADED),
]


@pytest.mark.parametrize(("graph", "expected"), GRAPHS)
def test_the_loaders_of_a_comfy_graph_that_were_switched_on_are_mentions(civitai, graph, expected):
    entity = civitai_image(meta={"comfy": graph})

    columns = "kind, name, weight"
    assert sorted(rows_of(civitai, "civitai.image_resources", entity, columns), key=str) == expected


IMAGES = [
    civitai_image(meta={"prompt": PROMPT}),
    civitai_image(meta=FORMS),
    *(civitai_image(meta=meta) for meta, _ in HASHES),
    *(civitai_image(meta={"comfy": graph}) for graph, _ in GRAPHS),
]


@pytest.fixture(scope="module")
def civitai(tmp_path_factory):
    """Returns an archive with one body per case; each test reads its own."""
    by_id = {image.id: image for image in IMAGES}
    root = tmp_path_factory.mktemp("civitai")
    return build_archive(root, "civitai", list(by_id.values()), DEFINITIONS)


def test_a_new_version_without_mentions_hides_those_of_the_old_version(empty):
    pages = [
        Page(hours(0), [civitai_image(id=9, meta={"prompt": "<lora:x:1>"})]),
        Page(hours(1), [civitai_image(id=9, meta={"prompt": "nothing"})]),
    ]
    write_log(empty, "civitai", WRITER, pages)
    update(empty, definitions=DEFINITIONS)
    count = "SELECT count(*) FROM civitai.image_resources"

    assert list(run_query(empty, count).rows) == [(0,)]
    assert list(run_query(empty, count, as_of=hours(0)).rows) == [(1,)]
