"""Models and endpoints of the simulated OpenRouter at a time. Pure.

A slot contains one model forever, or one generation of short-lived models after the other.
Roles are assigned by slot number, so that a world of some dozens of models has all of them.
Identities are cached; presence is computed for each time.
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
    day,
    instant,
    is_away,
    staggered,
)
from fetcher.simulator.world.seeded_random import (
    chance,
    draw,
    hex_digits,
    integer,
    log_uniform,
    pick,
    uuid,
)
from fetcher.simulator.world.vocabulary import (
    AUTHORS,
    MODEL_SIZES,
    MODEL_WORDS,
    PROVIDERS,
    QUANTIZATIONS,
    REGIONS,
)
from fetcher.simulator.world.world import World

ROUTERS = ("auto", "free", "pareto-code", "fusion", "bodybuilder", "auto-beta")
SHORT_LIFE = 8 * DAY
FLAPPING = 60 * HOUR


@attrs.frozen
class Model:
    """Identity of a model: what does not change over time."""

    slot: int
    generation: int
    role: str
    """router, alias, brief, flapping or steady."""
    author: str
    author_name: str
    slug: str
    permaslug: str
    name: str
    born_us: int
    dies_us: int | None
    output: str
    """text, image or embeddings."""
    variants: tuple[str, ...]
    """Suffixes under which it is offered; the first is `standard`."""


@attrs.frozen
class Endpoint:
    """Identity of an offering of a model by a provider: what does not change over time."""

    uuid: str
    model: Model
    variant: str
    number: int
    provider: tuple[str, str, str | None]
    region: str | None
    quantization: str
    born_us: int


def role_of(world: World, slot: int) -> str:
    """Returns the role of the models in a slot."""
    routers, aliases = _special(world)
    if slot < routers:
        return "router"
    if slot < routers + aliases:
        return "alias"
    return ("brief", "flapping")[slot % 6] if slot % 6 < 2 else "steady"


def _special(world: World) -> tuple[int, int]:
    total = world.openrouter_models
    return min(len(ROUTERS), 1 + total // 40), 1 + total // 25


def _lives(world: World, slot: int) -> Rhythm:
    members = max(1, world.openrouter_models // 6)
    return staggered(world.seed, "or brief", slot // 6, members, SHORT_LIFE)


@lru_cache(maxsize=1 << 14)
def make_model(world: World, slot: int, generation: int) -> Model:
    """Returns the model of a generation of a slot."""
    role, key = role_of(world, slot), ("or", slot, generation)
    born = BEGINNING + integer(0, 500 * DAY, world.seed, *key, "born")
    dies = None
    if role == "brief":
        born = instant(_lives(world, slot), generation)
        dies = instant(_lives(world, slot), generation + 1) - integer(0, DAY, world.seed, *key)
    author, author_name = pick(AUTHORS, world.seed, *key, "author")
    word = pick(MODEL_WORDS, world.seed, *key, "word")
    size = pick(MODEL_SIZES, world.seed, *key, "size")
    number = f"{slot}.{generation % 1000}" if role == "brief" else str(slot)
    slug = f"{author}/{word.lower()}-{number}-{size}"
    name = f"{author_name}: {word} {number} {size.title()}"
    if role == "router":
        author, author_name, slug = "openrouter", "OpenRouter", f"openrouter/{ROUTERS[slot]}"
        name = f"{ROUTERS[slot].title()} Router"
    if role == "alias":
        slug, name = f"~{author}/{word.lower()}-{slot}-latest", f"{author_name}: {word} Latest"
    dated = role in ("brief", "flapping", "steady") and slot % 5 != 4
    permaslug = f"{slug}-{day(born).replace('-', '')}" if dated else slug
    output = _output(role, slot)
    return Model(
        slot, generation, role, author, author_name, slug, permaslug, name, born, dies, output,
        _variants(role, slot, output),
    )  # fmt: skip


def _output(role: str, slot: int) -> str:
    if role in ("router", "alias") or slot % 7 != 3:
        return "text"
    return "image" if slot % 2 else "embeddings"


def _variants(role: str, slot: int, output: str) -> tuple[str, ...]:
    if role in ("router", "alias") or output != "text":
        return ("standard",)
    free = ("free",) if slot % 5 == 0 else ()
    batch = ("batch",) if slot % 4 == 2 else ()
    thinking = ("thinking",) if slot % 11 == 8 else ()
    return ("standard", *free, *batch, *thinking)


def known_models(world: World, now_us: int) -> list[Model]:
    """Returns the current models of all slots, whether they are listed or not."""
    current = (_current(world, slot, now_us) for slot in range(world.openrouter_models))
    return [model for model in current if model.born_us <= now_us]


def retired_models(world: World, now_us: int) -> list[Model]:
    """Returns the previous two models of each slot of short-lived models."""
    brief = (s for s in range(world.openrouter_models) if role_of(world, s) == "brief")
    current = (_current(world, slot, now_us) for slot in brief)
    past = (make_model(world, last.slot, last.generation - n) for last in current for n in (1, 2))
    return [model for model in past if model.born_us >= BEGINNING]


def _current(world: World, slot: int, now_us: int) -> Model:
    brief = role_of(world, slot) == "brief"
    return make_model(world, slot, count(_lives(world, slot), now_us) if brief else 0)


def is_offered(world: World, model: Model, variant: str, now_us: int) -> bool:
    """Whether API v1 lists a model under a variant."""
    if now_us < model.born_us or (model.dies_us is not None and now_us >= model.dies_us):
        return False
    if model.role in ("router", "alias"):
        return True
    return not (
        _model_is_away(world, model, now_us) or _variant_is_away(world, model, variant, now_us)
    )


def _model_is_away(world: World, model: Model, now_us: int) -> bool:
    if model.role == "brief":
        return False
    if model.role == "flapping":
        members = max(1, world.openrouter_models // 6)
        turns = staggered(world.seed, "or flapping", model.slot // 6, members, FLAPPING)
        return is_away(turns, 80 * MINUTE, 20 * HOUR, now_us)
    seldom = Rhythm(world.seed, ("or steady", model.slot), 150 * DAY)
    return is_away(seldom, 4 * HOUR, 9 * DAY, now_us)


def _variant_is_away(world: World, model: Model, variant: str, now_us: int) -> bool:
    if variant == "free":
        return is_away(
            Rhythm(world.seed, ("or free", model.slot), 4 * DAY), MINUTE, 7 * HOUR, now_us
        )
    if variant == "batch":  # all models at once, as if a launch was rolled back
        return is_away(Rhythm(world.seed, ("or batch",), 30 * DAY), DAY, 6 * DAY, now_us)
    return False


def offered(world: World, now_us: int) -> list[tuple[Model, str]]:
    """Returns the rows of the complete v1 list, newest model first."""
    rows = [
        (model, variant)
        for model in known_models(world, now_us)
        for variant in model.variants
        if is_offered(world, model, variant, now_us)
    ]
    return sorted(rows, key=lambda row: (-row[0].born_us, row[0].slot, row[1] != "standard"))


def alias_target(world: World, alias: Model, now_us: int) -> Model:
    """Returns the model to which an alias points: a steady one, which changes over weeks."""
    steady = _steady(world)
    turn = count(Rhythm(world.seed, ("or alias", alias.slot), 45 * DAY), now_us)
    return make_model(
        world, pick(steady or (alias.slot,), world.seed, "target", alias.slot, turn), 0
    )


def has_twins(world: World, model: Model, variant: str) -> bool:
    """Whether the first two endpoints of a model always have the same provider, tag and name."""
    return variant == "standard" and model.slot in _twins(world)


@lru_cache(maxsize=64)
def _steady(world: World) -> tuple[int, ...]:
    return tuple(s for s in range(world.openrouter_models) if role_of(world, s) == "steady")


@lru_cache(maxsize=64)
def _twins(world: World) -> tuple[int, ...]:
    return tuple(slot for slot in _steady(world) if _output("steady", slot) == "text")[:2]


def endpoints(world: World, model: Model, variant: str, now_us: int) -> list[Endpoint]:
    """Returns the endpoints of a model and variant: none for routers and aliases, else some."""
    if model.role in ("router", "alias") or variant not in model.variants:
        return []
    most = integer(1, 5, world.seed, "or endpoints", model.slot, variant)
    most = max(2, most) if has_twins(world, model, variant) else most
    live = (_endpoint_now(world, model, variant, number, now_us) for number in range(most))
    return [endpoint for endpoint in live if endpoint is not None]


def _endpoint_now(
    world: World, model: Model, variant: str, number: int, now_us: int
) -> Endpoint | None:
    if _is_fixed(world, model, variant, number):
        return make_endpoint(world, model, variant, number, 0)
    key = ("or endpoint", model.slot, variant, number, "away")
    if is_away(Rhythm(world.seed, key, 12 * DAY), 20 * MINUTE, 2 * DAY, now_us):
        return None
    generation = count(_offerings(world, model, variant, number), now_us)
    endpoint = make_endpoint(world, model, variant, number, generation)
    return endpoint if endpoint.born_us <= now_us else None


def _is_fixed(world: World, model: Model, variant: str, number: int) -> bool:
    return number == 0 or (number == 1 and has_twins(world, model, variant))


def _offerings(world: World, model: Model, variant: str, number: int) -> Rhythm:
    key = ("or endpoint", model.slot, variant, number)
    period = int(log_uniform(20 * DAY, 120 * DAY, world.seed, *key))
    return Rhythm(world.seed, (*key, "life"), period)


@lru_cache(maxsize=1 << 15)
def make_endpoint(
    world: World, model: Model, variant: str, number: int, generation: int
) -> Endpoint:
    """Returns the endpoint of a generation; each generation has a new UUID."""
    key = ("or endpoint", model.slot, model.generation, variant, number, generation)
    fixed = _is_fixed(world, model, variant, number)
    like = 0 if fixed else number  # the second twin equals the first
    look = ("or endpoint", model.slot, model.generation, variant, like, generation)
    provider = PROVIDERS[(draw(world.seed, "or provider", model.slot) + like * 5) % len(PROVIDERS)]
    region = pick(REGIONS, world.seed, *look, "r") if chance(0.2, world.seed, *look) else None
    quantization = pick(QUANTIZATIONS, world.seed, *look, "q")
    born = model.born_us
    if not fixed:
        begun = instant(_offerings(world, model, variant, number), generation)
        born = max(born + integer(HOUR, 3 * DAY, world.seed, *key, "born"), begun)
    return Endpoint(
        uuid(world.seed, *key), model, variant, number, provider, region, quantization, born
    )


def tag(world: World, endpoint: Endpoint, now_us: int) -> str:
    """Returns the routing tag, which changes for all endpoints of a provider at once."""
    _, slug, _ = endpoint.provider
    wave = count(Rhythm(world.seed, ("or tags", slug), 40 * DAY), now_us)
    suffixed = wave % 2 == 0 and endpoint.quantization != "unknown"
    parts = (slug, endpoint.region, endpoint.quantization if suffixed else None)
    return "/".join(part for part in parts if part)


def price_version(world: World, endpoint: Endpoint, now_us: int) -> str:
    """Returns the UUID of the price list; it may change although no price does."""
    turn = count(Rhythm(world.seed, ("or price", endpoint.uuid, "version"), 9 * DAY), now_us)
    return uuid(world.seed, hex_digits(8, world.seed, endpoint.uuid), turn)
