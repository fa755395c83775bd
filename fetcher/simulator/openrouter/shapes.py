"""Objects of the OpenRouter API v1 at a time: model, endpoint, provider. Pure."""

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
from fetcher.simulator.world.seeded_random import chance, draw, integer, pick, sample, unit
from fetcher.simulator.world.vocabulary import PARAMETERS, PRAISE, PROVIDERS
from fetcher.simulator.world.world import Json, World

NO_END = "2098-12-31"
_NOTHING_SET = {"temperature": None, "top_p": None, "frequency_penalty": None}


def identifier(model: Model, variant: str) -> str:
    """Returns the v1 id: the slug, with the variant as suffix unless it is `standard`."""
    return model.slug if variant == "standard" else f"{model.slug}:{variant}"


def _name(model: Model, variant: str) -> str:
    return model.name if variant == "standard" else f"{model.name} ({variant})"


def description(world: World, model: Model, now_us: int, whole_text: bool = False) -> str:
    """Returns the description, which changes every few months; the list shortens it."""
    turn = count(Rhythm(world.seed, ("or prose", model.slot), 70 * DAY), now_us)
    first = pick(PRAISE, world.seed, "prose", model.slot, model.generation)
    text = f"{model.name} is {first}. Edition {turn % 100} is {PRAISE[turn % len(PRAISE)]}."
    return text if whole_text or len(text) < 150 else text[:147].rstrip() + "..."


def _context(world: World, model: Model, now_us: int) -> int:
    if model.output == "image":
        return 0
    turn = count(Rhythm(world.seed, ("or context", model.slot), 90 * DAY), now_us)
    return pick((32_768, 128_000, 131_072, 262_144, 1_048_576), world.seed, "ctx", model.slot, turn)


@lru_cache(maxsize=1 << 12)
def _architecture(seed: int, model: Model) -> Json:
    extra = sample(("image", "file", "audio", "video"), draw(seed, "inputs", model.slot) % 3, seed)
    inputs = ["text", *extra]
    modality = f"{'+'.join(inputs)}->{model.output}"
    return {
        "modality": None if model.output == "embeddings" and model.slot % 2 else modality,
        "input_modalities": inputs,
        "output_modalities": [model.output],
        "tokenizer": "Router" if model.role in ("router", "alias") else "Other",
        "instruct_type": None,
    }


def _parameters(world: World, model: Model, now_us: int) -> list[str]:
    turn = count(Rhythm(world.seed, ("or parameters", model.slot), 30 * DAY), now_us)
    found = _all_parameters(world.seed, model.slot)[: 8 + turn % 5]
    return found if model.output == "text" else found[:2]


@lru_cache(maxsize=1 << 12)
def _all_parameters(seed: int, slot: int) -> list[str]:
    return sample(PARAMETERS, len(PARAMETERS), seed, "parameters", slot)


def _benchmarks(world: World, model: Model, now_us: int) -> Json | None:
    key = ("or benchmarks", model.slot, model.generation)
    if model.output != "text" or chance(0.4, world.seed, *key):
        return None
    turn = count(Rhythm(world.seed, key, 30 * HOUR), now_us)
    index = integer(100, 700, world.seed, *key, "index") / 10
    arena: Json = {
        "arena": "models",
        "category": pick(("3d", "website", "dataviz"), world.seed, *key, "c"),
        "elo": integer(1050, 1350, world.seed, *key, "elo", turn),
        "win_rate": pick((60, 59.9, 41.0, 132.5999999999999 / 2), world.seed, *key, "win", turn),
        "rank": integer(1, 90, world.seed, *key, "rank", turn),
    }
    return {
        "design_arena": [arena] if chance(0.7, world.seed, *key, "arena") else [],
        "artificial_analysis": {
            "intelligence_index": int(index) if index == int(index) else index,
            "coding_index": pick((None, 56, 76.1, 13.1, 97.0), world.seed, *key, "coding"),
            "agentic_index": pick((None, 3.1, 45.1, 60), world.seed, *key, "agentic"),
        },
    }


def _expiration(model: Model, now_us: int) -> str | None:
    if model.dies_us is not None and model.dies_us - now_us < 5 * DAY:
        return day(model.dies_us)
    return NO_END if model.slot % 23 == 9 else None


def _optional(world: World, model: Model, variant: str, now_us: int) -> Json:
    members: Json = {}
    benchmarks = _benchmarks(world, model, now_us)
    if benchmarks is not None:
        members["benchmarks"] = benchmarks
    kind = draw(world.seed, "or reasoning", model.slot) % 4
    if variant == "thinking" or kind == 1:
        efforts = ["high", "medium", "low"]
        members["reasoning"] = {"mandatory": True, "supported_efforts": efforts}
    elif kind == 2:
        members["reasoning"] = {"mandatory": False}
    return members


def _prices(world: World, model: Model, live: list[Endpoint], now_us: int) -> Json:
    if model.role == "router":
        return dict(ROUTER_PRICING)
    return pricing(world, live[0], now_us) if live else {"prompt": "0", "completion": "0"}


def model_object(world: World, model: Model, variant: str, now_us: int) -> Json:
    """Returns a row of `/models`, with the keys in the order of the real API."""
    target = alias_target(world, model, now_us) if model.role == "alias" else model
    live = endpoints(world, target, variant, now_us)
    context = None if model.role == "router" else _context(world, target, now_us)
    first = draw(world.seed, "or misc", model.slot)
    return {
        "id": identifier(model, variant),
        "canonical_slug": model.permaslug,
        **_alias(model, target),
        "hugging_face_id": ("", None, f"example/{model.slug.split('/')[1]}")[first % 3],
        "name": _name(model, variant),
        "created": model.born_us // SECOND,
        "description": description(world, target, now_us),
        "context_length": 2_000_000 if context is None else context,
        "architecture": _architecture(world.seed, model),
        "pricing": _prices(world, target, live, now_us),
        "top_provider": _top(context, first),
        "per_request_limits": None,
        "supported_parameters": sorted(_parameters(world, target, now_us)),
        "default_parameters": (dict(_NOTHING_SET), {}, None, {"temperature": 0.7})[first >> 8 & 3],
        "supported_voices": None if first & 32 else [],
        "knowledge_cutoff": ("2024-12-31", None)[first >> 10 & 1],
        "expiration_date": _expiration(model, now_us),
        "links": {"details": f"/api/v1/models/{model.permaslug}/endpoints"},
        **_optional(world, model, variant, now_us),
    }


def uptime(world: World, endpoint: Endpoint, window_us: int, now_us: int) -> float | int | None:
    """Returns the uptime in percent over a window; None for an idle endpoint.

    It changes every five minutes, for the window of a day every hour.
    """
    step = HOUR if window_us == DAY else 5 * MINUTE
    key = ("or uptime", endpoint.uuid, window_us, now_us // step)
    idle = chance(0.2, world.seed, "or idle", endpoint.uuid)
    if idle and chance(0.9, world.seed, *key, "idle"):
        return None
    return 100 if chance(0.1, world.seed, *key) else 100 - 4 * unit(world.seed, *key, "n") ** 3


def _top(context: int | None, chances: int) -> Json:
    return {
        "context_length": context,
        "max_completion_tokens": None if chances & 8 else (context or 65_536) // 2,
        "is_moderated": bool(chances & 16),
    }


def _alias(model: Model, target: Model) -> Json:
    if model.role != "alias":
        return {}
    return {"alias_target": {"name": target.name, "slug": target.slug}}


def endpoint_object(world: World, endpoint: Endpoint, now_us: int) -> Json:
    """Returns an endpoint as callers without a key see it: without UUID and latency."""
    off = discount(world, endpoint, now_us)
    prices = pricing(world, endpoint, now_us)
    context = _context(world, endpoint.model, now_us)
    supported = _parameters(world, endpoint.model, now_us)
    return {
        "name": f"{endpoint.provider[0]} | {endpoint.model.permaslug}",
        "model_id": identifier(endpoint.model, endpoint.variant),
        "model_name": _name(endpoint.model, endpoint.variant),
        "context_length": context,
        "pricing": {**prices, "discount": off / 100 if off else 0},
        "provider_name": endpoint.provider[0],
        "tag": tag(world, endpoint, now_us),
        "quantization": endpoint.quantization,
        "max_completion_tokens": None if endpoint.number % 2 else context // 2,
        "max_prompt_tokens": None,
        "supported_parameters": sample(supported, len(supported), world.seed, "p", endpoint.uuid),
        "status": (0, 0, 0, 0, 0, -2, -5)[draw(world.seed, endpoint.uuid, now_us // HOUR) % 7],
        "uptime_last_30m": uptime(world, endpoint, 30 * MINUTE, now_us),
        "uptime_last_5m": uptime(world, endpoint, 5 * MINUTE, now_us),
        "uptime_last_1d": uptime(world, endpoint, DAY, now_us),
        "supports_implicit_caching": endpoint.number == 0,
        "supports_voice_cloning": False,
        "latency_last_30m": None,
        "throughput_last_30m": None,
    }


def details_object(world: World, model: Model, variant: str, now_us: int) -> Json:
    """Returns the `data` of `/models/{author}/{slug}/endpoints`."""
    architecture = _architecture(world.seed, model)
    live = endpoints(world, model, variant, now_us)
    return {
        "id": identifier(model, variant),
        "name": _name(model, variant),
        "created": model.born_us // SECOND,
        "description": description(world, model, now_us),
        "architecture": {
            key: architecture[key]
            for key in (
                "tokenizer", "instruct_type", "modality", "input_modalities", "output_modalities"
            )
        },
        "endpoints": [endpoint_object(world, each, now_us) for each in live],
    }  # fmt: skip


def provider_objects(world: World, now_us: int) -> list[Json]:
    """Returns the rows of `/providers`; providers and their links change over months."""
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
