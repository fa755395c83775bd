"""The bytes of the simulated world of a seed are pinned.

A demo, a bug report and a benchmark name a seed and a time, which must mean the same bytes in
every version. After an intended change, pin the digests that the failure prints and describe
the change in CHANGELOG.md.
"""

import hashlib
from collections.abc import Iterator

import pytest

from fetcher.simulator.catalog import Answer, World
from fetcher.simulator.faults.delivery import asked_at, spoil
from fetcher.simulator.faults.hostile_bodies import HOSTILE
from fetcher.simulator.faults.plan import FORMS, SECONDS, Fault
from fetcher.simulator.world.rhythms import DAY, HOUR
from tests.simulator.requesting import NOW, OR, C, F, get, get_json

WORLD = World(7, 24, 16)
INSTANTS = (NOW, NOW + 5 * HOUR, NOW + 90 * DAY)

PINNED = {
    "civitai_listings": "e66697d9656e4ddb",
    "civitai_entities": "831576a00ce09716",
    "openrouter": "3b3cffed9f7218a2",
    "frontend": "f08f4f61b65b6a22",
    "faults": "f1324f7160d37e62",
}


def civitai_listings(now_us: int) -> Iterator[Answer]:
    for sort in ("Newest", "Most Downloaded", "Highest Rated"):
        yield get(WORLD, f"{C}/models", now_us, sort=sort, limit=7)
    for query in ("nsfw=true", "types=LORA", "period=Week", "username=nobody", "tag=style"):
        name, _, value = query.partition("=")
        yield get(WORLD, f"{C}/models", now_us, limit=9, **{name: value})
    for path in ("creators", "tags", "images"):
        yield get(WORLD, f"{C}/{path}", now_us, limit=15)
        yield get(WORLD, f"{C}/{path}", now_us, limit=5, page=2)
        yield get(WORLD, f"{C}/{path}", now_us, limit=-1)
    for query in ("nsfw=X", "sort=Newest", "period=Month", "sort=Most Reactions", "nsfw=Soft"):
        name, _, value = query.partition("=")
        yield get(WORLD, f"{C}/images", now_us, limit=40, **{name: value})


def civitai_entities(now_us: int) -> Iterator[Answer]:
    items = get_json(WORLD, f"{C}/models", now_us, limit=100)["items"]
    for model in items:
        yield get(WORLD, f"{C}/models/{model['id']}", now_us)
    for version in [item["modelVersions"][-1] for item in items if item["modelVersions"]][:8]:
        yield get(WORLD, f"{C}/model-versions/{version['id']}", now_us)
        yield get(WORLD, f"{C}/images", now_us, modelVersionId=version["id"], limit=30)
        for digest in list(version["files"][0]["hashes"].values())[:1]:
            yield get(WORLD, f"{C}/model-versions/by-hash/{digest}", now_us)
    for path in ("models/0", "models/x", "model-versions/1", "model-versions/by-hash/00", "no"):
        yield get(WORLD, f"{C}/{path}", now_us)


def openrouter(now_us: int) -> Iterator[Answer]:
    yield get(WORLD, f"{OR}/models/count", now_us)
    yield get(WORLD, f"{OR}/providers", now_us)
    yield get(WORLD, f"{OR}/embeddings/models", now_us)
    yield get(WORLD, f"{OR}/models", now_us, offset=3, limit=4, output_modalities="all")
    yield get(WORLD, f"{OR}/models", now_us, limit=0)
    yield get(WORLD, f"{OR}/models/no/such/endpoints", now_us)
    for model in get_json(WORLD, f"{OR}/models", now_us, output_modalities="all")["data"]:
        yield get(WORLD, f"{OR}/models/{model['id']}/endpoints", now_us)
        yield get(WORLD, f"{OR}/model/{model['canonical_slug']}", now_us)


def frontend(now_us: int) -> Iterator[Answer]:
    yield get(WORLD, f"{F}/catalog/models", now_us)
    yield get(WORLD, f"{F}/all-providers", now_us)
    yield get(WORLD, f"{F}/stats/endpoint", now_us, permaslug="no/such")
    for row in get_json(WORLD, f"{F}/catalog/models", now_us)["data"]:
        yield get(WORLD, f"{F}/stats/endpoint", now_us, permaslug=row["permaslug"])
        yield get(WORLD, f"{F}/stats/endpoint", now_us, permaslug=row["permaslug"], variant="free")


def faults(now_us: int) -> Iterator[Answer]:
    whole = get(WORLD, f"{C}/models", now_us, limit=6), get(WORLD, f"{OR}/models", now_us)
    for kind, forms in FORMS.items():
        if kind == "gzipbomb":  # its bytes are the library's
            continue
        for form in forms or ("",):
            for answer, address in zip(whole, ("/civitai/api/v1/models", OR), strict=True):
                fault = Fault(kind, form, SECONDS.get(kind, 0.0), 3)
                sent = spoil(answer, fault, address, now_us, "http://127.0.0.1:9")
                yield sent.answer
                size = (sent.promised_bytes, sent.pause_at, sent.pause_s, sent.pieces, sent.encoded)
                yield Answer(200, repr((kind, form, size, asked_at(fault, now_us))).encode(), "")


GROUPS = {
    "civitai_listings": civitai_listings,
    "civitai_entities": civitai_entities,
    "openrouter": openrouter,
    "frontend": frontend,
    "faults": faults,
}


@pytest.mark.parametrize("group", GROUPS)
def test_the_world_of_a_seed_has_the_bytes_it_always_had(group: str) -> None:
    digest = hashlib.sha256()
    for now_us in INSTANTS:
        for answer in GROUPS[group](now_us):
            digest.update(repr((answer.status, answer.content_type, answer.headers)).encode())
            digest.update(answer.body)

    assert {group: digest.hexdigest()[:16]} == {group: PINNED.get(group)}


def test_every_hostile_form_is_pinned() -> None:
    assert set(FORMS["hostile"]) == set(HOSTILE)
