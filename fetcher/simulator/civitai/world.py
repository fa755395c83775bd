"""Which models, versions and images the Civitai half of the world has at an instant.

As on the other half a slot holds one model, or one generation after the other. Ids say
where in the world a thing is, so a detail answer does not search. Pure; identities are
cached, presence and counters are computed for each instant.
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
"""Ids of images that visitors posted begin here."""

PG, PG13, R, X, XXX = 1, 2, 4, 8, 16


@attrs.frozen
class Model:
    """One model's identity."""

    slot: int
    id: int
    role: str
    """brief, flapping, rolling or steady."""
    name: str
    type: str
    username: str | None
    level: int
    """The strongest of its images, one bit."""
    mode: str | None
    per_hour: float
    born_us: int
    dies_us: int | None


@attrs.frozen
class Version:
    """One version's identity; its number counts from the model's first."""

    model: Model
    number: int
    id: int
    born_us: int


@attrs.frozen
class Image:
    """One image's identity: an example of a version, or posted by a visitor."""

    version: Version
    number: int
    id: int
    level: int
    username: str | None
    born_us: int


def role_of(slot: int) -> str:
    """What kind of model lives in the slot."""
    return {0: "brief", 1: "flapping", 2: "rolling"}.get(slot % 8, "steady")


def _turns(world: World, slot: int, name: str, period_us: int) -> Rhythm:
    members = max(1, world.civitai_models // 8)
    return staggered(world.seed, f"civ {name}", slot // 8, members, period_us)


@lru_cache(maxsize=1 << 14)
def make_model(world: World, slot: int, generation: int) -> Model:
    """The model that lives in a slot, in its nth generation."""
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
    """The models that are there now, archived and taken down ones too."""
    now = (_current(world, slot, now_us) for slot in range(world.civitai_models))
    return [each for each in now if is_there(world, each, now_us)]


def _current(world: World, slot: int, now_us: int) -> Model:
    brief = role_of(slot) == "brief"
    generation = count(_turns(world, slot, "brief", SHORT_LIFE), now_us) if brief else 0
    return make_model(world, slot, generation)


def is_there(world: World, model: Model, now_us: int) -> bool:
    """Whether the model answers at this instant."""
    if now_us < model.born_us or (model.dies_us is not None and now_us >= model.dies_us):
        return False
    if model.role == "flapping":
        turns = _turns(world, model.slot, "flapping", FLAPPING)
        return not is_away(turns, 2 * HOUR, 30 * HOUR, now_us)
    seldom = Rhythm(world.seed, ("civ seldom", model.slot), 200 * DAY)
    return model.role == "brief" or not is_away(seldom, 3 * HOUR, 6 * DAY, now_us)


def find_model(world: World, model_id: int, now_us: int) -> Model | None:
    """The model of that id, if it is there now."""
    if world.civitai_models == 0:
        return None
    found = _current(world, model_id % world.civitai_models, now_us)
    return found if found.id == model_id and is_there(world, found, now_us) else None


def versions(world: World, model: Model, now_us: int) -> list[Version]:
    """A model's versions, newest first; never none while the model is there."""
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
    return [each for each in every if each.born_us <= now_us]


@lru_cache(maxsize=1 << 15)
def make_version(world: World, model: Model, number: int) -> Version:
    """The nth version of a model."""
    if model.role == "rolling":
        rhythm = Rhythm(world.seed, ("civ version", model.slot), NEW_VERSIONS)
        born = max(model.born_us, instant(rhythm, count(rhythm, model.born_us) + number))
    else:
        scale = DAY if model.role == "brief" else 60 * DAY
        born = model.born_us + number * integer(scale // 2, scale, world.seed, "civ v", model.id)
    return Version(model, number, model.id * VERSION_IDS + number % VERSION_IDS, born)


def find_version(world: World, version_id: int, now_us: int) -> Version | None:
    """The version of that id, if it is there now."""
    found = find_model(world, version_id // VERSION_IDS, now_us)
    every = versions(world, found, now_us) if found else []
    return next((each for each in every if each.id == version_id), None)


@lru_cache(maxsize=1 << 15)
def examples(world: World, version: Version) -> tuple[Image, ...]:
    """The images a version was published with; some versions have none."""
    seed, owner = world.seed, version.model
    total = integer(0, 3, seed, "civ images", version.id)
    found = []
    for number in range(total):
        level = owner.level if number == 0 else pick((PG, PG, PG13), seed, "il", version.id, number)
        born = version.born_us + integer(0, 90, seed, "ib", version.id, number) * MINUTE
        identity = version.id * IMAGE_IDS + number
        found.append(Image(version, number, identity, level, owner.username, born))
    return tuple(found)


def posted(world: World, model: Model, now_us: int) -> list[Image]:
    """What visitors posted with the model's newest version; a new one every some days."""
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
    """Every image of every model that is there and not archived or taken down."""
    found: list[Image] = []
    for each in models(world, now_us):
        if each.mode is None:
            for one in versions(world, each, now_us):
                found += (i for i in examples(world, one) if i.born_us <= now_us)
            found += posted(world, each, now_us)
    return found


def downloads(world: World, subject: Model | Version, now_us: int) -> int:
    """A count that only grows; a version's rate is its share of the model's."""
    if isinstance(subject, Version):
        rate = subject.model.per_hour / (2 + subject.number % 3)
        return grown(rate, world.seed, ("civ dl", subject.id), subject.born_us, now_us)
    return grown(subject.per_hour, world.seed, ("civ dl", subject.id), subject.born_us, now_us)


def likes(world: World, subject: Model | Version, now_us: int) -> int:
    """A count that mostly grows: thumbs are taken back, and one model in three is contested.

    A contested model's votes are recounted every half hour and fall by up to 3 per cent,
    so that in a listing it sinks below items that a walk has already passed.
    """
    rate = subject.per_hour if isinstance(subject, Model) else subject.model.per_hour / 3
    key = ("civ likes", subject.id)
    up = grown(rate * 0.08, world.seed, key, subject.born_us, now_us)
    if subject.id % 3:
        return max(0, up - integer(0, 2, world.seed, *key, now_us // (10 * MINUTE)))
    recount = count(Rhythm(world.seed, key, 30 * MINUTE), now_us)
    return up - up * integer(0, 30, world.seed, *key, "recount", recount) // 1000
