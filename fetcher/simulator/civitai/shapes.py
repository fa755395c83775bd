"""Civitai's objects as they stand at an instant, in the shape each path gives them.

The list, the detail, the version and the image feed show the same things differently;
the differences kept here are those a client meets. Pure.
"""

from functools import lru_cache

from fetcher.simulator.civitai.files import DOWNLOADS, files
from fetcher.simulator.civitai.meta import generation_meta
from fetcher.simulator.civitai.world import (
    Image,
    Model,
    Version,
    downloads,
    examples,
    likes,
    versions,
)
from fetcher.simulator.world.rhythms import DAY, MINUTE, Rhythm, count, grown, iso
from fetcher.simulator.world.seeded_random import blurhash, chance, draw, pick, some, uuid
from fetcher.simulator.world.vocabulary import BASE_MODELS, REMARKS, TAGS
from fetcher.simulator.world.world import Json, World

MEDIA_TOKEN = "xG1nkqKTMzGDvpLrqFT7WA"
LEVEL_NAMES = {1: "None", 2: "Soft", 4: "Mature", 8: "X", 16: "X", 32: "Blocked"}


def media_url(world: World, file_uuid: str, params: str, name: str, kind: str = "jpeg") -> str:
    """An image address; its second path segment is the stable part."""
    return f"{world.media_origin}/{MEDIA_TOKEN}/{file_uuid}/{params}/{name}.{kind}"


def image_uuid(world: World, what: Image) -> str:
    """The file's UUID; one in a hundred images shares its neighbour's file."""
    shared = what.number > 0 and chance(0.01, world.seed, "shared", what.id)
    return uuid(world.seed, "image", what.id - 1 if shared else what.id)


def creator(world: World, username: str | None) -> Json | None:
    """The creator inside a model: image may be null, or come from another host."""
    if username is None:
        return None
    name = username.replace(" ", "_")
    avatar = media_url(world, uuid(world.seed, "avatar", username), "width=96", name)
    others = (None, f"https://avatars.example.com/u/{draw(world.seed, username) % 10**7}?v=4")
    return {"username": username, "image": pick((avatar, avatar, *others), world.seed, username)}


def _prose(world: World, what: Model, now_us: int) -> str | None:
    if chance(0.05, world.seed, "no prose", what.id):
        return None
    turn = count(Rhythm(world.seed, ("civ prose", what.slot), 80 * DAY), now_us)
    parts = some(REMARKS, 1 + turn % 3, world.seed, "prose", what.id, turn // 4)
    return f"<p>{what.name.replace('&', '&amp;').replace('<', '&lt;')}</p>" + "".join(parts)


@lru_cache(maxsize=1 << 13)
def _license(seed: int, what: Model) -> Json:
    uses: tuple[object, ...] = (["Image", "RentCivit"], ["Sell"], [], "{Image,RentCivit}")
    return {
        "allowNoCredit": chance(0.8, seed, "credit", what.id),
        "allowCommercialUse": pick(uses, seed, "uses", what.id),
        "allowDerivatives": chance(0.8, seed, "derive", what.id),
        "allowDifferentLicense": chance(0.8, seed, "license", what.id),
    }


def level_mask(world: World, what: Model, live: list[Version]) -> int:
    """The bits of all its images; a model without any has its own level."""
    mask = what.level
    for each in live:
        for image in examples(world, each):
            mask |= image.level
    return mask


def _model_stats(world: World, what: Model, now_us: int) -> Json:
    hidden = chance(0.03, world.seed, "hidden", what.id)
    tips = grown(what.per_hour / 40, world.seed, ("tips", what.id), what.born_us, now_us)
    return {
        "downloadCount": None if hidden else downloads(world, what, now_us),
        "thumbsUpCount": likes(world, what, now_us),
        "thumbsDownCount": likes(world, what, now_us) // 400,
        "commentCount": downloads(world, what, now_us) // 700,
        "tippedAmountCount": None if hidden else tips,
    }


def model_object(
    world: World, what: Model, live: list[Version], now_us: int, allowed: int, detail: bool
) -> Json:
    """A model with those versions: an item of the list, or the detail before it is thinned."""
    archived = {"mode": what.mode} if what.mode else {}
    owner = creator(world, what.username)
    gone = what.mode is not None
    return {
        "id": what.id,
        "name": what.name,
        "description": _prose(world, what, now_us),
        **_license(world.seed, what),
        "type": what.type,
        "minor": False,
        "sfwOnly": False,
        "poi": False,
        "nsfw": what.level >= 8,
        "nsfwLevel": level_mask(world, what, live),
        "availability": "Public",
        **archived,
        "cosmetic": None,
        "supportsGeneration": what.type in ("LORA", "Checkpoint"),
        "stats": _model_stats(world, what, now_us),
        **({"creator": owner} if owner else {}),
        "tags": tags_of(world.seed, what),
        "modelVersions": [
            version_object(world, each, index, now_us, allowed, detail, gone)
            for index, each in enumerate(live)
        ],
    }


@lru_cache(maxsize=1 << 13)
def tags_of(seed: int, what: Model) -> list[str]:
    """Two to six tags."""
    return some(TAGS, 2 + draw(seed, "tags", what.id) % 5, seed, "tags", what.id)


def version_object(
    world: World, what: Version, index: int, now_us: int, allowed: int, detail: bool, gone: bool
) -> Json:
    """A version inside a model; archived models show neither files nor images."""
    dates: Json = {"createdAt": iso(what.born_us - 20 * MINUTE)} if detail else {}
    shown = [] if gone else [i for i in examples(world, what) if i.level & allowed]
    return {
        "id": what.id,
        "index": index,
        "name": f"v{what.number + 1}.0" if what.id % 3 else f"第{what.number + 1}版 / “β”",
        "baseModel": base_model(world, what),
        "baseModelType": "Standard",
        **dates,
        "publishedAt": iso(what.born_us),
        **({"status": "Published"} if detail else {}),
        "availability": "Public" if what.id % 13 else "EarlyAccess",
        "nsfwLevel": what.model.level,
        "description": pick((None, "", *REMARKS[:2]), world.seed, "vprose", what.id),
        "trainedWords": some(TAGS, draw(world.seed, "tw", what.id) % 4, world.seed, what.id),
        **({"covered": True} if detail else {}),
        "paidAccess": None,
        "stats": {**_version_stats(world, what, now_us), "thumbsDownCount": 0},
        "supportsGeneration": what.id % 2 == 0,
        "files": [] if gone else files(world.seed, what),
        "images": [_example(world, image, detail) for image in shown],
        "downloadUrl": f"{DOWNLOADS}/{what.id}",
    }


def _version_stats(world: World, what: Version, now_us: int) -> Json:
    return {
        "downloadCount": downloads(world, what, now_us),
        "thumbsUpCount": likes(world, what, now_us),
    }


def base_model(world: World, what: Version) -> str:
    """The base model a version is for."""
    return pick(BASE_MODELS, world.seed, "base", what.model.id, what.number // 2)


@lru_cache(maxsize=1 << 14)
def _example(world: World, what: Image, detail: bool) -> Json:
    seed, width = world.seed, pick((512, 832, 1024), world.seed, "width", what.id)
    return {
        **({} if detail else {"id": what.id}),
        "url": media_url(world, image_uuid(world, what), f"width={width}", str(what.id)),
        "nsfwLevel": what.level,
        "width": width,
        "height": pick((512, 1024, 1216), seed, "height", what.id),
        "hash": blurhash(seed, "hash", what.id),
        "type": "image",
        "minor": False,
        "poi": False,
        "hasMeta": what.id % 3 > 0,
        "hasPositivePrompt": what.id % 3 > 0,
        "onSite": what.id % 7 == 0,
        "remixOfId": what.id - 1 if what.id % 17 == 3 else None,
    }


def thinned(value: object) -> object:
    """The value without members that are null or empty, as the detail path sends it."""
    if isinstance(value, list):
        return [thinned(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: thinned(each) for key, each in value.items()}
    return {key: each for key, each in kept.items() if each not in (None, "", [], {})}


def single_version(world: World, what: Version, now_us: int) -> Json:
    """`/model-versions/:id` and by-hash: images carry meta and no id, ten at most."""
    owner = what.model
    base = version_object(world, what, 0, now_us, 63, True, owner.mode is not None)
    kept = ("name", "createdAt", "publishedAt", "trainedWords", "baseModel", "baseModelType")
    return {
        "id": what.id,
        "modelId": owner.id,
        **{key: base[key] for key in kept},
        "nsfwLevel": owner.level,
        "updatedAt": iso(what.born_us + 10 * MINUTE),
        "status": "Published",
        "trainingStatus": None,
        "trainingDetails": None,
        "description": base["description"],
        "uploadType": "Created",
        "usageControl": "Download",
        "paidAccess": None,
        "air": f"urn:air:sd1:{owner.type.lower()}:civitai:{owner.id}@{what.id}",
        "stats": _version_stats(world, what, now_us),
        "model": {"name": owner.name, "type": owner.type, "nsfw": owner.level >= 8, "poi": False},
        "files": base["files"],
        "images": [
            {**_example(world, each, True), "meta": generation_meta(world.seed, each)}
            for each in examples(world, what)[:10]
        ],
        "downloadUrl": base["downloadUrl"],
    }


def reactions(world: World, what: Image, now_us: int) -> int:
    """How many hearts and thumbs an image has in all; the feed is sorted by it."""
    rate = 0.01 + what.version.model.per_hour / 30 / (2 + what.number % 5)
    return grown(rate, world.seed, ("reactions", what.id), what.born_us, now_us)


def feed_image(world: World, what: Image, now_us: int) -> Json:
    """An item of `/images` with `meta` null, as it is unless asked for."""
    total, shape = reactions(world, what, now_us), _example(world, what, False)
    name = image_uuid(world, what)
    return {
        "id": what.id,
        "url": media_url(world, name, "original=true", name),
        "hash": shape["hash"],
        "width": shape["width"],
        "height": shape["height"],
        "nsfwLevel": LEVEL_NAMES[what.level],
        "type": "image",
        "nsfw": what.level > 1,
        "browsingLevel": what.level,
        "createdAt": iso(what.born_us),
        "postId": what.version.id * 2 + (what.id >= 2_000_000_000),
        "stats": {
            "cryCount": total // 20,
            "laughCount": total // 12,
            "likeCount": total - total // 5,
            "dislikeCount": 0,
            "heartCount": total // 5,
            "commentCount": total // 200,
        },
        "meta": None,
        "username": what.username,
        "baseModel": base_model(world, what.version),
        "modelVersionIds": [what.version.id],
    }


def all_versions(world: World, live: list[Model], now_us: int) -> list[Version]:
    """Every version of those models."""
    return [version for each in live for version in versions(world, each, now_us)]
