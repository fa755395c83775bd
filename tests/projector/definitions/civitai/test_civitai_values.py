"""Values of civitai.models and civitai.images: one value in each of upstream's spellings."""

from decimal import Decimal

import pytest

from tests.projector.body_rows import (
    build_archive,
    civitai_image,
    civitai_model,
    id_from,
    rows_of,
)
from tests.projector.logs import Seen
from tests.projector.projections import chosen

DEFINITIONS = chosen("civitai.models", "civitai.images")


USES = [
    (["Image", "Sell"], ["Image", "Sell"]),
    ("Sell", ["Sell"]),
    ("None", []),
    ([], []),
    ("{Image,RentCivit}", ["Image", "RentCivit"]),
    (None, None),
]


@pytest.mark.parametrize(("spelling", "expected"), USES)
def test_commercial_use_is_one_list_in_all_its_spellings(civitai, spelling, expected):
    entity = civitai_model(allowCommercialUse=spelling)

    columns = "id, allow_commercial_use, len(_errors)"
    assert rows_of(civitai, "civitai.models", entity, columns) == [(int(entity.id), expected, 0)]


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
    rows = rows_of(civitai, "civitai.images", civitai_image(meta=meta), "prompt, seed, has_meta")
    assert rows == [expected]


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
def test_the_uuid_of_an_image_is_null_unless_its_url_has_the_usual_form(civitai, url, uuid):
    assert rows_of(civitai, "civitai.images", civitai_image(url=url), "uuid") == [(uuid,)]


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
def test_a_seed_keeps_all_its_digits(civitai, spelled, seed, text):
    rows = rows_of(civitai, "civitai.images", with_seed(spelled), "seed, seed_text")

    assert rows == [(None if seed is None else Decimal(seed), text)]


def with_seed(spelled):
    """Returns an image whose body spells its seed like this."""
    id = id_from(spelled)
    body = b'{"id":%d,"meta":{"seed":%s}}' % (id, spelled)
    return Seen("image", str(id), body, "list?withMeta=true")


IMAGES = [
    *(civitai_image(meta=meta) for meta, _ in METAS),
    *(civitai_image(url=url) for url, _ in URLS),
    *(with_seed(spelled) for spelled, *_ in SEEDS),
]


@pytest.fixture(scope="module")
def civitai(tmp_path_factory):
    """Returns an archive with one body per case; each test reads its own."""
    models = [civitai_model(allowCommercialUse=spelling) for spelling, _ in USES]
    by_id = {(entity.type, entity.id): entity for entity in (*models, *IMAGES)}
    root = tmp_path_factory.mktemp("civitai")
    return build_archive(root, "civitai", list(by_id.values()), DEFINITIONS)
