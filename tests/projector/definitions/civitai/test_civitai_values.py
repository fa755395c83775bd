"""Values of Civitai's models and images: spellings that upstream uses, valid and invalid."""

from decimal import Decimal

import pytest

from tests.projector.logs import Seen
from tests.projector.projections import chosen
from tests.projector.value_archives import archive_of, image, number_of, rows_of

DEFINITIONS = chosen("civitai.models", "civitai.images")


def civitai_model(**body):
    """Returns a model as seen on a listing."""
    id = number_of(body)
    return Seen("model", str(id), {"id": id, **body})


USES = [
    (["Image", "Sell"], ["Image", "Sell"]),
    ("Sell", ["Sell"]),
    ("None", []),
    ([], []),
    ("{Image,RentCivit}", ["Image", "RentCivit"]),
    (None, None),
]


@pytest.mark.parametrize(("spelling", "expected"), USES)
def test_every_spelling_of_commercial_use_gives_a_list(civitai, spelling, expected):
    seen = civitai_model(allowCommercialUse=spelling)

    columns = "id, allow_commercial_use, len(_errors)"
    assert rows_of(civitai, "civitai", "models", seen, columns) == [(int(seen.id), expected, 0)]


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
def test_meta_is_read_flat_or_wrapped(civitai, meta, expected):
    found = rows_of(civitai, "civitai", "images", image(meta=meta), "prompt, seed, has_meta")
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
def test_the_uuid_of_an_image_comes_from_its_url(civitai, url, uuid):
    assert rows_of(civitai, "civitai", "images", image(url=url), "uuid") == [(uuid,)]


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
def test_a_seed_of_any_length_keeps_its_digits(civitai, spelled, seed, text):
    found = rows_of(civitai, "civitai", "images", with_seed(spelled), "seed, seed_text")

    assert found == [(None if seed is None else Decimal(seed), text)]


def with_seed(spelled):
    """Returns an image whose body spells its seed like this."""
    id = number_of(spelled)
    body = b'{"id":%d,"meta":{"seed":%s}}' % (id, spelled)
    return Seen("image", str(id), body, "list?withMeta=true")


@pytest.fixture(scope="module")
def civitai(tmp_path_factory):
    """An archive with a body per case; each test reads the rows of its own."""
    entities = [
        *(civitai_model(allowCommercialUse=spelling) for spelling, _ in USES),
        *(image(meta=meta) for meta, _ in METAS),
        *(image(url=url) for url, _ in URLS),
        *(with_seed(spelled) for spelled, *_ in SEEDS),
    ]
    seen = {(entity.type, entity.id): entity for entity in entities}
    return archive_of(
        tmp_path_factory.mktemp("civitai"), "civitai", list(seen.values()), DEFINITIONS
    )
