"""Values: what upstream says in three spellings, and what it says wrongly."""

import json
import zlib
from decimal import Decimal

import pytest

from projector.query.select import run_query
from projector.update.update import update
from tests.projector.conftest import WRITER
from tests.projector.logs import Page, Seen, hours, write_log
from tests.projector.projections import chosen

CIVITAI = chosen("civitai.models", "civitai.images", "civitai.image_resources")
OPENROUTER = chosen("openrouter.models", "openrouter.endpoints")


def views_of(root, source, seen, definitions):
    """An archive of these entities, with views of them."""
    (root / "log").mkdir()
    write_log(root, source, WRITER, [Page(hours(0), seen)])
    assert update(root, definitions=definitions).failed == ()
    return root


def shown(root, source, view, seen, columns):
    """The columns of the rows that one body gives."""
    key = "image_id" if view == "image_resources" else "id"
    sql = f"SELECT {columns} FROM {source}.{view} WHERE {key}::VARCHAR = $id"
    return list(run_query(root, sql, params={"id": seen.id}).rows)


def a_number(text):
    """An id of its own for each body."""
    return zlib.crc32(text if isinstance(text, bytes) else json.dumps(text).encode())


def civitai_model(**body):
    id = a_number(body)
    return Seen("model", str(id), {"id": id, **body})


def image(**body):
    id = body.get("id", a_number(body))
    return Seen("image", str(id), {"id": id, **body}, "list?withMeta=true")


USES = [
    (["Image", "Sell"], ["Image", "Sell"]),
    ("Sell", ["Sell"]),
    ("None", []),
    ([], []),
    ("{Image,RentCivit}", ["Image", "RentCivit"]),
    (None, None),
]


@pytest.mark.parametrize(("told", "expected"), USES)
def test_commercial_use_is_one_list_in_all_its_spellings(civitai, told, expected):
    seen = civitai_model(allowCommercialUse=told)

    columns = "id, allow_commercial_use, len(_errors)"
    assert shown(civitai, "civitai", "models", seen, columns) == [(int(seen.id), expected, 0)]


METAS = [
    ({"prompt": "p", "seed": -3258557518}, ("p", Decimal(-3258557518), True)),
    ({"id": 9, "meta": {"prompt": "p"}}, ("p", None, True)),
    ({"id": 9, "meta": None}, (None, None, False)),
    ({"prompt": "p", "seed": "9" * 26}, ("p", Decimal(10**26 - 1), True)),
    (None, (None, None, False)),
    ("text", (None, None, False)),
    ([1], (None, None, False)),
]


@pytest.mark.parametrize(("meta", "expected"), METAS)
def test_meta_is_flat_or_wrapped_or_none(civitai, meta, expected):
    found = shown(civitai, "civitai", "images", image(meta=meta), "prompt, seed, has_meta")
    assert found == [expected]


URLS = [
    (
        "https://image.civitai.com/xG1/cc242d6c-f960-4274-aa1d-f22a71e705ef/width=450/9.jpeg",
        "cc242d6c-f960-4274-aa1d-f22a71e705ef",
    ),
    ("https://image.civitai.com/.../cc242d6c-f960-4274-aa1d-f22a71e705ef.jpeg", None),
    ("https://lh3.googleusercontent.com/a/b", None),
    (None, None),
]


@pytest.mark.parametrize(("url", "uuid"), URLS)
def test_the_uuid_of_an_image_or_none(civitai, url, uuid):
    assert shown(civitai, "civitai", "images", image(url=url), "uuid") == [(uuid,)]


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


def test_every_odd_tag_of_the_wild_is_a_mention(civitai):
    found = shown(
        civitai,
        "civitai",
        "image_resources",
        image(meta={"prompt": PROMPT}),
        "kind, name, weight, weight_raw",
    )

    expected = [tuple(each) for _, *each in TAGS]
    assert sorted(found, key=str) == sorted(expected, key=str)


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
    found = shown(civitai, "civitai", "image_resources", image(meta=FORMS), columns)

    assert sorted(found, key=str) == sorted(
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
def test_hashes_are_an_object_or_a_text_and_of_a_list_nobody_knows_of_what(civitai, meta, expected):
    found = shown(civitai, "civitai", "image_resources", image(meta=meta), "kind, name, hash")

    assert sorted(found, key=str) == expected


SEEDS = [
    (b"419750308183444", 419750308183444, "419750308183444"),
    (b"18446744073709551615", 2**64 - 1, "18446744073709551615"),
    (b"99999999999999999999999999", 10**26 - 1, "99999999999999999999999999"),
    (b'"99999999999999999999999999"', 10**26 - 1, "99999999999999999999999999"),
    (b"-3258557518", -3258557518, "-3258557518"),
    (b"null", None, None),
    (b'"random"', None, "random"),
]


@pytest.mark.parametrize(("spelled", "seed", "text"), SEEDS)
def test_a_seed_is_whole_however_long_it_is(civitai, spelled, seed, text):
    found = shown(civitai, "civitai", "images", with_seed(spelled), "seed, seed_text")

    assert found == [(None if seed is None else Decimal(seed), text)]


def with_seed(spelled):
    """An image whose body spells its seed like this."""
    id = a_number(spelled)
    body = b'{"id":%d,"meta":{"seed":%s}}' % (id, spelled)
    return Seen("image", str(id), body, "list?withMeta=true")


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


@pytest.mark.parametrize(("told", "expected"), GRAPHS)
def test_the_loaders_of_a_comfy_graph_are_mentions_where_they_were_on(civitai, told, expected):
    seen = image(meta={"comfy": told})

    columns = "kind, name, weight"
    assert sorted(shown(civitai, "civitai", "image_resources", seen, columns), key=str) == expected


IMAGES = [
    *(image(meta=meta) for meta, _ in METAS),
    *(image(url=url) for url, _ in URLS),
    image(meta={"prompt": PROMPT}),
    image(meta=FORMS),
    *(image(meta=meta) for meta, _ in HASHES),
    *(with_seed(spelled) for spelled, *_ in SEEDS),
    *(image(meta={"comfy": told}) for told, _ in GRAPHS),
]


@pytest.fixture(scope="module")
def civitai(tmp_path_factory):
    """One archive with a body per case: each test looks at its own."""
    models = [civitai_model(allowCommercialUse=told) for told, _ in USES]
    seen = {(each.type, each.id): each for each in (*models, *IMAGES)}
    return views_of(tmp_path_factory.mktemp("civitai"), "civitai", list(seen.values()), CIVITAI)


def test_a_new_version_without_mentions_hides_those_of_the_old(empty):
    pages = [
        Page(hours(0), [image(id=9, meta={"prompt": "<lora:x:1>"})]),
        Page(hours(1), [image(id=9, meta={"prompt": "nothing"})]),
    ]
    write_log(empty, "civitai", WRITER, pages)
    update(empty, definitions=CIVITAI)
    count = "SELECT count(*) FROM civitai.image_resources"

    assert list(run_query(empty, count).rows) == [(0,)]
    assert list(run_query(empty, count, as_of=hours(0)).rows) == [(1,)]


ROUTER = Seen(
    "model",
    "~x/auto:free",
    {"id": "~x/auto:free", "pricing": {"prompt": "-1", "completion": "0.0000000833333333333333"}},
)
DISCOUNTED = Seen(
    "endpoint",
    "a/b#c",
    {"tag": "c", "pricing": {"prompt": "0.0000002574", "completion": "0", "discount": 0.1}},
)


def test_prices_are_decimals_and_a_router_has_none(openrouter):
    columns = "prompt, completion, is_router, variant, author"

    assert shown(openrouter, "openrouter", "models", ROUTER, columns) == [
        (None, Decimal("0.0000000833333333333333"), True, "free", "x")
    ]


def test_the_list_price_is_that_before_the_discount(openrouter):
    columns = "prompt, list_prompt, list_completion, model_id"

    assert shown(openrouter, "openrouter", "endpoints", DISCOUNTED, columns) == [
        (Decimal("2.574E-7"), Decimal("2.86E-7"), Decimal(0), "a/b")
    ]


MISCAST = [
    ("context_length", 1.5, "1.5"),
    ("context_length", "many", "many"),
    ("context_length", 2**70, str(2**70)),
    ("name", {"en": "x"}, '{"en":"x"}'),
    ("created", "soon", "soon"),
    ("supported_parameters", "all", "all"),
    ("expiration_date", "never", "never"),
]


@pytest.mark.parametrize(("field", "value", "text"), MISCAST)
def test_what_is_there_and_does_not_cast_is_null_and_an_error(openrouter, field, value, text):
    found = shown(openrouter, "openrouter", "models", miscast(field, value), f"{field}, _errors")

    assert found == [(None, [{"path": f"/{field}", "value": text}])]


def miscast(field, value):
    """A model with a value that its column does not take."""
    id = f"a/{field}-{a_number(str(value))}"
    return Seen("model", id, json.dumps({"id": id, field: value}, separators=(",", ":")).encode())


@pytest.fixture(scope="module")
def openrouter(tmp_path_factory):
    """One archive with a body per case: each test looks at its own."""
    seen = [ROUTER, DISCOUNTED, *(miscast(field, value) for field, value, _ in MISCAST)]
    return views_of(tmp_path_factory.mktemp("openrouter"), "openrouter", seen, OPENROUTER)
