"""OpenRouter's v1 objects as they stand at an instant: model, endpoint, provider. Pure."""

from functools import lru_cache

from fetcher.simulator.openrouter.prices import ROUTER_PRICING, discount, pricing
from fetcher.simulator.openrouter.world import (
    Endpoint,
    Model,
    alias_target,
    endpoints,
    tag,
)
from fetcher.simulator.world.rhythms import DAY, HOUR, MINUTE, SECOND, Rhythm, count, day
from fetcher.simulator.world.seeded_random import chance, draw, pick, some, unit, whole
from fetcher.simulator.world.vocabulary import PARAMETERS, PRAISE, PROVIDERS
from fetcher.simulator.world.world import Json, World

NO_END = "2098-12-31"
_NOTHING_SET = {"temperature": None, "top_p": None, "frequency_penalty": None}


def identifier(what: Model, variant: str) -> str:
    """The v1 id: the slug, with its suffix unless it is the standard one."""
    return what.slug if variant == "standard" else f"{what.slug}:{variant}"


def _name(what: Model, variant: str) -> str:
    return what.name if variant == "standard" else f"{what.name} ({variant})"


def description(world: World, what: Model, now_us: int, whole_text: bool = False) -> str:
    """Prose that is edited every few months; the list cuts it short, as upstream does."""
    turn = count(Rhythm(world.seed, ("or prose", what.slot), 70 * DAY), now_us)
    first = pick(PRAISE, world.seed, "prose", what.slot, what.generation)
    text = f"{what.name} is {first}. Edition {turn % 100} is {PRAISE[turn % len(PRAISE)]}."
    return text if whole_text or len(text) < 150 else text[:147].rstrip() + "..."


def _context(world: World, what: Model, now_us: int) -> int:
    if what.output == "image":
        return 0
    turn = count(Rhythm(world.seed, ("or context", what.slot), 90 * DAY), now_us)
    return pick((32_768, 128_000, 131_072, 262_144, 1_048_576), world.seed, "ctx", what.slot, turn)


@lru_cache(maxsize=1 << 12)
def _architecture(seed: int, what: Model) -> Json:
    extra = some(("image", "file", "audio", "video"), draw(seed, "inputs", what.slot) % 3, seed)
    inputs = ["text", *extra]
    modality = f"{'+'.join(inputs)}->{what.output}"
    return {
        "modality": None if what.output == "embeddings" and what.slot % 2 else modality,
        "input_modalities": inputs,
        "output_modalities": [what.output],
        "tokenizer": "Router" if what.role in ("router", "alias") else "Other",
        "instruct_type": None,
    }


def _parameters(world: World, what: Model, now_us: int) -> list[str]:
    turn = count(Rhythm(world.seed, ("or parameters", what.slot), 30 * DAY), now_us)
    found = _all_parameters(world.seed, what.slot)[: 8 + turn % 5]
    return found if what.output == "text" else found[:2]


@lru_cache(maxsize=1 << 12)
def _all_parameters(seed: int, slot: int) -> list[str]:
    return some(PARAMETERS, len(PARAMETERS), seed, "parameters", slot)


def _benchmarks(world: World, what: Model, now_us: int) -> Json | None:
    key = ("or benchmarks", what.slot, what.generation)
    if what.output != "text" or chance(0.4, world.seed, *key):
        return None
    turn = count(Rhythm(world.seed, key, 30 * HOUR), now_us)
    index = whole(100, 700, world.seed, *key, "index") / 10
    arena: Json = {
        "arena": "models",
        "category": pick(("3d", "website", "dataviz"), world.seed, *key, "c"),
        "elo": whole(1050, 1350, world.seed, *key, "elo", turn),
        "win_rate": pick((60, 59.9, 41.0, 132.5999999999999 / 2), world.seed, *key, "win", turn),
        "rank": whole(1, 90, world.seed, *key, "rank", turn),
    }
    return {
        "design_arena": [arena] if chance(0.7, world.seed, *key, "arena") else [],
        "artificial_analysis": {
            "intelligence_index": int(index) if index == int(index) else index,
            "coding_index": pick((None, 56, 76.1, 13.1, 97.0), world.seed, *key, "coding"),
            "agentic_index": pick((None, 3.1, 45.1, 60), world.seed, *key, "agentic"),
        },
    }


def _expiration(what: Model, now_us: int) -> str | None:
    if what.dies_us is not None and what.dies_us - now_us < 5 * DAY:
        return day(what.dies_us)
    return NO_END if what.slot % 23 == 9 else None


def _optional(world: World, what: Model, variant: str, now_us: int) -> Json:
    found: Json = {}
    benchmarks = _benchmarks(world, what, now_us)
    if benchmarks is not None:
        found["benchmarks"] = benchmarks
    kind = draw(world.seed, "or reasoning", what.slot) % 4
    if variant == "thinking" or kind == 1:
        efforts = ["high", "medium", "low"]
        found["reasoning"] = {"mandatory": True, "supported_efforts": efforts}
    elif kind == 2:
        found["reasoning"] = {"mandatory": False}
    return found


def _prices(world: World, what: Model, live: list[Endpoint], now_us: int) -> Json:
    if what.role == "router":
        return dict(ROUTER_PRICING)
    return pricing(world, live[0], now_us) if live else {"prompt": "0", "completion": "0"}


def model_object(world: World, what: Model, variant: str, now_us: int) -> Json:
    """A row of `/models`; the key order is upstream's."""
    target = alias_target(world, what, now_us) if what.role == "alias" else what
    live = endpoints(world, target, variant, now_us)
    context = None if what.role == "router" else _context(world, target, now_us)
    first = draw(world.seed, "or misc", what.slot)
    return {
        "id": identifier(what, variant),
        "canonical_slug": what.permaslug,
        **_alias(what, target),
        "hugging_face_id": ("", None, f"example/{what.slug.split('/')[1]}")[first % 3],
        "name": _name(what, variant),
        "created": what.born_us // SECOND,
        "description": description(world, target, now_us),
        "context_length": 2_000_000 if context is None else context,
        "architecture": _architecture(world.seed, what),
        "pricing": _prices(world, target, live, now_us),
        "top_provider": _top(context, first),
        "per_request_limits": None,
        "supported_parameters": sorted(_parameters(world, target, now_us)),
        "default_parameters": (dict(_NOTHING_SET), {}, None, {"temperature": 0.7})[first >> 8 & 3],
        "supported_voices": None if first & 32 else [],
        "knowledge_cutoff": ("2024-12-31", None)[first >> 10 & 1],
        "expiration_date": _expiration(what, now_us),
        "links": {"details": f"/api/v1/models/{what.permaslug}/endpoints"},
        **_optional(world, what, variant, now_us),
    }


def uptime(world: World, what: Endpoint, window_us: int, now_us: int) -> float | int | None:
    """A percentage that is new every five minutes, or every hour for the day's; null if idle."""
    step = HOUR if window_us == DAY else 5 * MINUTE
    key = ("or uptime", what.uuid, window_us, now_us // step)
    idle = chance(0.2, world.seed, "or idle", what.uuid)
    if idle and chance(0.9, world.seed, *key, "idle"):
        return None
    return 100 if chance(0.1, world.seed, *key) else 100 - 4 * unit(world.seed, *key, "n") ** 3


def _top(context: int | None, chances: int) -> Json:
    return {
        "context_length": context,
        "max_completion_tokens": None if chances & 8 else (context or 65_536) // 2,
        "is_moderated": bool(chances & 16),
    }


def _alias(what: Model, target: Model) -> Json:
    if what.role != "alias":
        return {}
    return {"alias_target": {"name": target.name, "slug": target.slug}}


def endpoint_object(world: World, what: Endpoint, now_us: int) -> Json:
    """A public endpoint: without UUID, and without latency, as for callers without a key."""
    off = discount(world, what, now_us)
    prices = pricing(world, what, now_us)
    context = _context(world, what.model, now_us)
    supported = _parameters(world, what.model, now_us)
    return {
        "name": f"{what.provider[0]} | {what.model.permaslug}",
        "model_id": identifier(what.model, what.variant),
        "model_name": _name(what.model, what.variant),
        "context_length": context,
        "pricing": {**prices, "discount": off / 100 if off else 0},
        "provider_name": what.provider[0],
        "tag": tag(world, what, now_us),
        "quantization": what.quantization,
        "max_completion_tokens": None if what.number % 2 else context // 2,
        "max_prompt_tokens": None,
        "supported_parameters": some(supported, len(supported), world.seed, "p", what.uuid),
        "status": (0, 0, 0, 0, 0, -2, -5)[draw(world.seed, what.uuid, now_us // HOUR) % 7],
        "uptime_last_30m": uptime(world, what, 30 * MINUTE, now_us),
        "uptime_last_5m": uptime(world, what, 5 * MINUTE, now_us),
        "uptime_last_1d": uptime(world, what, DAY, now_us),
        "supports_implicit_caching": what.number == 0,
        "supports_voice_cloning": False,
        "latency_last_30m": None,
        "throughput_last_30m": None,
    }


def details_object(world: World, what: Model, variant: str, now_us: int) -> Json:
    """`data` of `/models/{author}/{slug}/endpoints`."""
    architecture = _architecture(world.seed, what)
    live = endpoints(world, what, variant, now_us)
    return {
        "id": identifier(what, variant),
        "name": _name(what, variant),
        "created": what.born_us // SECOND,
        "description": description(world, what, now_us),
        "architecture": {
            key: architecture[key]
            for key in (
                "tokenizer", "instruct_type", "modality", "input_modalities", "output_modalities"
            )
        },
        "endpoints": [endpoint_object(world, each, now_us) for each in live],
    }  # fmt: skip


def provider_objects(world: World, now_us: int) -> list[Json]:
    """The rows of `/providers`; one is new every few months, a link is edited now and then."""
    return [_provider(world.seed, number, now_us) for number in range(len(PROVIDERS))]


def _provider(seed: int, number: int, now_us: int) -> Json:
    name, slug, country = PROVIDERS[number]
    edit = count(Rhythm(seed, ("or provider", slug), 60 * DAY), now_us)
    site = f"https://{slug}.example"
    return {
        "name": name,
        "slug": slug,
        "privacy_policy_url": f"{site}/privacy" if number % 4 else None,
        "terms_of_service_url": f"{site}/terms-{edit}" if number % 3 else None,
        "status_page_url": f"https://status.{slug}.example/" if number % 2 else None,
        "headquarters": country,
        "datacenters": ([country], [], None)[number % 3] if country else None,
    }
