"""Models, versions and images of the simulated Civitai at a time. Pure.

A slot contains one model forever, or one generation of short-lived models after the other.
Slots are derived from ids, so that details need no search. Identities are cached; presence
and counters are computed for each time.
"""

from functools import lru_cache

import attrs

from fetcher.simulator.world.rhythms import (
    BEGINNING,
    DAY,
    HOUR,
    MINUTE,
    Rhythm,
    count,
    grown,
    instant,
    is_away,
    staggered,
)
from fetcher.simulator.world.seeded_random import chance, integer, log_uniform, pick
from fetcher.simulator.world.vocabulary import ART_FORMS, ART_NOUNS, MODEL_TYPES, USERNAMES
from fetcher.simulator.world.world import World

SHORT_LIFE = 9 * DAY
FLAPPING = 3 * DAY
NEW_VERSIONS = 9 * DAY
VERSION_IDS, IMAGE_IDS, POSTED_IDS = 256, 8, 4096
POSTED = 2_000_000_000
"""First id of images that visitors posted."""

PG, PG13, R, X, XXX = 1, 2, 4, 8, 16


@attrs.frozen
class Model:
    """Identity of a model."""

    slot: int
    id: int
    role: str
    """brief, flapping, rolling or steady."""
    name: str
    type: str
    username: str | None
    level: int
    """Level of its most mature images, as one bit."""
    mode: str | None
    per_hour: float
    born_us: int
    dies_us: int | None


@attrs.frozen
class Version:
    """Identity of a version; the first version of a model has number 0."""

    model: Model
    number: int
    id: int
    born_us: int


@attrs.frozen
class Image:
    """Identity of an image: an example of a version, or posted by a visitor."""

    version: Version
    number: int
    id: int
    level: int
    username: str | None
    born_us: int


def role_of(slot: int) -> str:
    """Returns the role of the models in a slot."""
    return {0: "brief", 1: "flapping", 2: "rolling"}.get(slot % 8, "steady")


def _turns(world: World, slot: int, name: str, period_us: int) -> Rhythm:
    members = max(1, world.civitai_models // 8)
    return staggered(world.seed, f"civ {name}", slot // 8, members, period_us)


@lru_cache(maxsize=1 << 14)
def make_model(world: World, slot: int, generation: int) -> Model:
    """Returns the model of a generation of a slot."""
    seed, role, key = world.seed, role_of(slot), ("civ", slot, generation)
    born, dies = BEGINNING + integer(0, 600 * DAY, seed, *key, "born"), None
    if role == "brief":
        lives = _turns(world, slot, "brief", SHORT_LIFE)
        born = instant(lives, generation)
        dies = instant(lives, generation + 1) - integer(0, DAY, seed, *key, "dies")
    noun, form = pick(ART_NOUNS, seed, *key, "noun"), pick(ART_FORMS, seed, *key, "form")
    level = pick((PG, PG, PG, PG13, PG13, R, X, XXX), seed, *key, "level")
    mode = pick(("Archived", "TakenDown"), seed, *key) if chance(0.03, seed, *key, "mode") else None
    return Model(
        slot=slot,
        id=max(1, (born - BEGINNING) // DAY + 1) * world.civitai_models + slot,
        role=role,
        name=f"{noun} {form}",
        type=pick(MODEL_TYPES, seed, *key, "type"),
        username=None if chance(0.02, seed, *key, "nobody") else _username(world, *key),
        level=level,
        mode=mode,
        per_hour=log_uniform(2, 120, seed, *key, "rate"),
        born_us=born,
        dies_us=dies,
    )


def _username(world: World, *key: str | int) -> str:
    number = integer(0, max(1, world.civitai_models // 4), world.seed, *key, "creator")
    again, first = divmod(number, len(USERNAMES))
    return USERNAMES[first] + (str(again) if again else "")


def models(world: World, now_us: int) -> list[Model]:
    """Returns the models that are present, including archived and taken down ones."""
    current = (_current(world, slot, now_us) for slot in range(world.civitai_models))
    return [model for model in current if is_there(world, model, now_us)]


def _current(world: World, slot: int, now_us: int) -> Model:
    brief = role_of(slot) == "brief"
    generation = count(_turns(world, slot, "brief", SHORT_LIFE), now_us) if brief else 0
    return make_model(world, slot, generation)


def is_there(world: World, model: Model, now_us: int) -> bool:
    """Whether a model is present."""
    if now_us < model.born_us or (model.dies_us is not None and now_us >= model.dies_us):
        return False
    if model.role == "flapping":
        turns = _turns(world, model.slot, "flapping", FLAPPING)
        return not is_away(turns, 2 * HOUR, 30 * HOUR, now_us)
    seldom = Rhythm(world.seed, ("civ seldom", model.slot), 200 * DAY)
    return model.role == "brief" or not is_away(seldom, 3 * HOUR, 6 * DAY, now_us)


def find_model(world: World, model_id: int, now_us: int) -> Model | None:
    """Returns the model with an id if it is present."""
    if world.civitai_models == 0:
        return None
    model = _current(world, model_id % world.civitai_models, now_us)
    return model if model.id == model_id and is_there(world, model, now_us) else None


def versions(world: World, model: Model, now_us: int) -> list[Version]:
    """Returns the versions of a model, newest first; at least one while it is present."""
    if model.role == "rolling":
        rhythm = Rhythm(world.seed, ("civ version", model.slot), NEW_VERSIONS)
        first = count(rhythm, model.born_us)
        latest = count(rhythm, now_us)
        return [
            make_version(world, model, n - first)
            for n in range(latest, max(first - 1, latest - 3), -1)
        ]
    most = integer(1, 4, world.seed, "civ versions", model.id)
    every = (make_version(world, model, number) for number in range(most - 1, -1, -1))
    return [version for version in every if version.born_us <= now_us]


@lru_cache(maxsize=1 << 15)
def make_version(world: World, model: Model, number: int) -> Version:
    """Returns the version of a model with a number."""
    if model.role == "rolling":
        rhythm = Rhythm(world.seed, ("civ version", model.slot), NEW_VERSIONS)
        born = max(model.born_us, instant(rhythm, count(rhythm, model.born_us) + number))
    else:
        scale = DAY if model.role == "brief" else 60 * DAY
        born = model.born_us + number * integer(scale // 2, scale, world.seed, "civ v", model.id)
    return Version(model, number, model.id * VERSION_IDS + number % VERSION_IDS, born)


def find_version(world: World, version_id: int, now_us: int) -> Version | None:
    """Returns the version with an id if its model is present."""
    model = find_model(world, version_id // VERSION_IDS, now_us)
    every = versions(world, model, now_us) if model else []
    return next((version for version in every if version.id == version_id), None)


@lru_cache(maxsize=1 << 15)
def examples(world: World, version: Version) -> tuple[Image, ...]:
    """Returns the images with which a version was published, possibly none."""
    seed, owner = world.seed, version.model
    total = integer(0, 3, seed, "civ images", version.id)
    images = []
    for number in range(total):
        level = owner.level if number == 0 else pick((PG, PG, PG13), seed, "il", version.id, number)
        born = version.born_us + integer(0, 90, seed, "ib", version.id, number) * MINUTE
        identity = version.id * IMAGE_IDS + number
        images.append(Image(version, number, identity, level, owner.username, born))
    return tuple(images)


def posted(world: World, model: Model, now_us: int) -> list[Image]:
    """Returns images that visitors posted with the newest version of a model."""
    period = int(log_uniform(DAY, 30 * DAY, world.seed, "civ posted", model.slot))
    rhythm = Rhythm(world.seed, ("civ posted", model.slot), period)
    first, latest = count(rhythm, model.born_us), count(rhythm, now_us)
    numbers = range(max(first + 1, latest - 1), latest + 1)
    return [_posted(world, model, rhythm, number, number - first) for number in numbers]


@lru_cache(maxsize=1 << 14)
def _posted(world: World, model: Model, rhythm: Rhythm, turn: int, number: int) -> Image:
    born = instant(rhythm, turn)
    newest = versions(world, model, born)
    shown = newest[0] if newest else make_version(world, model, 0)
    level = pick((PG, PG, PG13, R, X), world.seed, "civ posted", model.id, number, "level")
    identity = POSTED + model.id * POSTED_IDS + number % POSTED_IDS
    by = _username(world, "civ posted", model.id, number)
    return Image(shown, number, identity, level, by, born)


def images(world: World, now_us: int) -> list[Image]:
    """Returns every image of every present model that is not archived or taken down."""
    result: list[Image] = []
    for model in models(world, now_us):
        if model.mode is None:
            for version in versions(world, model, now_us):
                result += (i for i in examples(world, version) if i.born_us <= now_us)
            result += posted(world, model, now_us)
    return result


def downloads(world: World, subject: Model | Version, now_us: int) -> int:
    """Returns the number of downloads, which never falls."""
    if isinstance(subject, Version):
        rate = subject.model.per_hour / (2 + subject.number % 3)
        return grown(rate, world.seed, ("civ dl", subject.id), subject.born_us, now_us)
    return grown(subject.per_hour, world.seed, ("civ dl", subject.id), subject.born_us, now_us)


def likes(world: World, subject: Model | Version, now_us: int) -> int:
    """Returns the number of likes, which mostly grows.

    The likes of every third model fall by up to 3 % every half hour. In a listing sorted
    by likes, such a model moves behind items that a pagination has already returned.
    """
    rate = subject.per_hour if isinstance(subject, Model) else subject.model.per_hour / 3
    key = ("civ likes", subject.id)
    up = grown(rate * 0.08, world.seed, key, subject.born_us, now_us)
    if subject.id % 3:
        return max(0, up - integer(0, 2, world.seed, *key, now_us // (10 * MINUTE)))
    recount = count(Rhythm(world.seed, key, 30 * MINUTE), now_us)
    return up - up * integer(0, 30, world.seed, *key, "recount", recount) // 1000
