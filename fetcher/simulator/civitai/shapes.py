"""Objects of the Civitai API at a time, in the shape of each path.

The list, the detail, the version and the image feed show the same entities differently.
Pure.
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
from fetcher.simulator.world.seeded_random import blurhash, chance, draw, pick, sample, uuid
from fetcher.simulator.world.vocabulary import BASE_MODELS, REMARKS, TAGS
from fetcher.simulator.world.world import Json, World

MEDIA_TOKEN = "xG1nkqKTMzGDvpLrqFT7WA"
LEVEL_NAMES = {1: "None", 2: "Soft", 4: "Mature", 8: "X", 16: "X", 32: "Blocked"}


def media_url(world: World, file_uuid: str, params: str, name: str, kind: str = "jpeg") -> str:
    """Returns the URL of an image; only its second path segment never changes."""
    return f"{world.media_origin}/{MEDIA_TOKEN}/{file_uuid}/{params}/{name}.{kind}"


def image_uuid(world: World, image: Image) -> str:
    """Returns the UUID of an image file; one percent of images share their neighbour's."""
    shared = image.number > 0 and chance(0.01, world.seed, "shared", image.id)
    return uuid(world.seed, "image", image.id - 1 if shared else image.id)


def creator(world: World, username: str | None) -> Json | None:
    """Returns the `creator` of a model; its image may be null or on another host."""
    if username is None:
        return None
    name = username.replace(" ", "_")
    avatar = media_url(world, uuid(world.seed, "avatar", username), "width=96", name)
    others = (None, f"https://avatars.example.com/u/{draw(world.seed, username) % 10**7}?v=4")
    return {"username": username, "image": pick((avatar, avatar, *others), world.seed, username)}


def _prose(world: World, model: Model, now_us: int) -> str | None:
    if chance(0.05, world.seed, "no prose", model.id):
        return None
    turn = count(Rhythm(world.seed, ("civ prose", model.slot), 80 * DAY), now_us)
    parts = sample(REMARKS, 1 + turn % 3, world.seed, "prose", model.id, turn // 4)
    return f"<p>{model.name.replace('&', '&amp;').replace('<', '&lt;')}</p>" + "".join(parts)


@lru_cache(maxsize=1 << 13)
def _license(seed: int, model: Model) -> Json:
    uses: tuple[object, ...] = (["Image", "RentCivit"], ["Sell"], [], "{Image,RentCivit}")
    return {
        "allowNoCredit": chance(0.8, seed, "credit", model.id),
        "allowCommercialUse": pick(uses, seed, "uses", model.id),
        "allowDerivatives": chance(0.8, seed, "derive", model.id),
        "allowDifferentLicense": chance(0.8, seed, "license", model.id),
    }


def level_mask(world: World, model: Model, live: list[Version]) -> int:
    """Returns the level bits of all images of a model; its own level if it has none."""
    mask = model.level
    for each in live:
        for image in examples(world, each):
            mask |= image.level
    return mask


def _model_stats(world: World, model: Model, now_us: int) -> Json:
    hidden = chance(0.03, world.seed, "hidden", model.id)
    tips = grown(model.per_hour / 40, world.seed, ("tips", model.id), model.born_us, now_us)
    return {
        "downloadCount": None if hidden else downloads(world, model, now_us),
        "thumbsUpCount": likes(world, model, now_us),
        "thumbsDownCount": likes(world, model, now_us) // 400,
        "commentCount": downloads(world, model, now_us) // 700,
        "tippedAmountCount": None if hidden else tips,
    }


def model_object(
    world: World, model: Model, live: list[Version], now_us: int, allowed: int, detail: bool
) -> Json:
    """Returns a model with the given versions, as an item of the list or as a detail."""
    archived = {"mode": model.mode} if model.mode else {}
    owner = creator(world, model.username)
    gone = model.mode is not None
    return {
        "id": model.id,
        "name": model.name,
        "description": _prose(world, model, now_us),
        **_license(world.seed, model),
        "type": model.type,
        "minor": False,
        "sfwOnly": False,
        "poi": False,
        "nsfw": model.level >= 8,
        "nsfwLevel": level_mask(world, model, live),
        "availability": "Public",
        **archived,
        "cosmetic": None,
        "supportsGeneration": model.type in ("LORA", "Checkpoint"),
        "stats": _model_stats(world, model, now_us),
        **({"creator": owner} if owner else {}),
        "tags": tags_of(world.seed, model),
        "modelVersions": [
            version_object(world, each, index, now_us, allowed, detail, gone)
            for index, each in enumerate(live)
        ],
    }


@lru_cache(maxsize=1 << 13)
def tags_of(seed: int, model: Model) -> list[str]:
    """Returns the two to six tags of a model."""
    return sample(TAGS, 2 + draw(seed, "tags", model.id) % 5, seed, "tags", model.id)


def version_object(
    world: World, version: Version, index: int, now_us: int, allowed: int, detail: bool, gone: bool
) -> Json:
    """Returns a version inside a model; archived models have neither files nor images."""
    dates: Json = {"createdAt": iso(version.born_us - 20 * MINUTE)} if detail else {}
    shown = [] if gone else [i for i in examples(world, version) if i.level & allowed]
    return {
        "id": version.id,
        "index": index,
        "name": f"v{version.number + 1}.0" if version.id % 3 else f"第{version.number + 1}版 / “β”",
        "baseModel": base_model(world, version),
        "baseModelType": "Standard",
        **dates,
        "publishedAt": iso(version.born_us),
        **({"status": "Published"} if detail else {}),
        "availability": "Public" if version.id % 13 else "EarlyAccess",
        "nsfwLevel": version.model.level,
        "description": pick((None, "", *REMARKS[:2]), world.seed, "vprose", version.id),
        "trainedWords": sample(
            TAGS, draw(world.seed, "tw", version.id) % 4, world.seed, version.id
        ),
        **({"covered": True} if detail else {}),
        "paidAccess": None,
        "stats": {**_version_stats(world, version, now_us), "thumbsDownCount": 0},
        "supportsGeneration": version.id % 2 == 0,
        "files": [] if gone else files(world.seed, version),
        "images": [_example(world, image, detail) for image in shown],
        "downloadUrl": f"{DOWNLOADS}/{version.id}",
    }


def _version_stats(world: World, version: Version, now_us: int) -> Json:
    return {
        "downloadCount": downloads(world, version, now_us),
        "thumbsUpCount": likes(world, version, now_us),
    }


def base_model(world: World, version: Version) -> str:
    """Returns the base model of a version."""
    return pick(BASE_MODELS, world.seed, "base", version.model.id, version.number // 2)


@lru_cache(maxsize=1 << 14)
def _example(world: World, image: Image, detail: bool) -> Json:
    seed, width = world.seed, pick((512, 832, 1024), world.seed, "width", image.id)
    return {
        **({} if detail else {"id": image.id}),
        "url": media_url(world, image_uuid(world, image), f"width={width}", str(image.id)),
        "nsfwLevel": image.level,
        "width": width,
        "height": pick((512, 1024, 1216), seed, "height", image.id),
        "hash": blurhash(seed, "hash", image.id),
        "type": "image",
        "minor": False,
        "poi": False,
        "hasMeta": image.id % 3 > 0,
        "hasPositivePrompt": image.id % 3 > 0,
        "onSite": image.id % 7 == 0,
        "remixOfId": image.id - 1 if image.id % 17 == 3 else None,
    }


def thinned(value: object) -> object:
    """Returns a value without null and empty members, as the detail path sends it."""
    if isinstance(value, list):
        return [thinned(element) for element in value]
    if not isinstance(value, dict):
        return value
    members = {key: thinned(member) for key, member in value.items()}
    return {key: member for key, member in members.items() if member not in (None, "", [], {})}


def single_version(world: World, version: Version, now_us: int) -> Json:
    """Returns a version by id or hash, with at most ten images, with `meta` but without id."""
    owner = version.model
    base = version_object(world, version, 0, now_us, 63, True, owner.mode is not None)
    kept = ("name", "createdAt", "publishedAt", "trainedWords", "baseModel", "baseModelType")
    return {
        "id": version.id,
        "modelId": owner.id,
        **{key: base[key] for key in kept},
        "nsfwLevel": owner.level,
        "updatedAt": iso(version.born_us + 10 * MINUTE),
        "status": "Published",
        "trainingStatus": None,
        "trainingDetails": None,
        "description": base["description"],
        "uploadType": "Created",
        "usageControl": "Download",
        "paidAccess": None,
        "air": f"urn:air:sd1:{owner.type.lower()}:civitai:{owner.id}@{version.id}",
        "stats": _version_stats(world, version, now_us),
        "model": {"name": owner.name, "type": owner.type, "nsfw": owner.level >= 8, "poi": False},
        "files": base["files"],
        "images": [
            {**_example(world, each, True), "meta": generation_meta(world.seed, each)}
            for each in examples(world, version)[:10]
        ],
        "downloadUrl": base["downloadUrl"],
    }


def reactions(world: World, image: Image, now_us: int) -> int:
    """Returns the number of reactions to an image, by which the feed is sorted."""
    rate = 0.01 + image.version.model.per_hour / 30 / (2 + image.number % 5)
    return grown(rate, world.seed, ("reactions", image.id), image.born_us, now_us)


def feed_image(world: World, image: Image, now_us: int) -> Json:
    """Returns an item of `/images`; `meta` is null unless it was requested."""
    total, shape = reactions(world, image, now_us), _example(world, image, False)
    name = image_uuid(world, image)
    return {
        "id": image.id,
        "url": media_url(world, name, "original=true", name),
        "hash": shape["hash"],
        "width": shape["width"],
        "height": shape["height"],
        "nsfwLevel": LEVEL_NAMES[image.level],
        "type": "image",
        "nsfw": image.level > 1,
        "browsingLevel": image.level,
        "createdAt": iso(image.born_us),
        "postId": image.version.id * 2 + (image.id >= 2_000_000_000),
        "stats": {
            "cryCount": total // 20,
            "laughCount": total // 12,
            "likeCount": total - total // 5,
            "dislikeCount": 0,
            "heartCount": total // 5,
            "commentCount": total // 200,
        },
        "meta": None,
        "username": image.username,
        "baseModel": base_model(world, image.version),
        "modelVersionIds": [image.version.id],
    }


def all_versions(world: World, live: list[Model], now_us: int) -> list[Version]:
    """Returns every version of the given models."""
    return [version for each in live for version in versions(world, each, now_us)]
