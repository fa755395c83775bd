"""The rows of OpenRouter's undocumented frontend API at an instant.

A catalogue row is a slug and variant with its top endpoint inside, null where nothing
serves it now; an endpoint has a UUID here, and telemetry that never rests. Pure.
"""

from fetcher.simulator.openrouter.prices import list_price, pricing
from fetcher.simulator.openrouter.shapes import description, model_object, provider_objects
from fetcher.simulator.openrouter.world import (
    Endpoint,
    Model,
    alias_target,
    endpoints,
    is_offered,
    known_models,
    price_version,
    retired_models,
    tag,
)
from fetcher.simulator.world.rhythms import DAY, MINUTE, Rhythm, count, instant, iso
from fetcher.simulator.world.seeded_random import chance, draw, unit, whole
from fetcher.simulator.world.world import Json, World


def catalog_rows(world: World, now_us: int) -> list[Json]:
    """`/catalog/models`: live rows, routers left out, and retired ones with endpoint null."""
    rows: list[Json] = []
    for what in known_models(world, now_us):
        if what.role == "router":
            continue
        live = [v for v in what.variants if is_offered(world, what, v, now_us)]
        rows += [_row(world, what, variant, now_us) for variant in live or (None,)]
    return rows + [_row(world, what, None, now_us) for what in retired_models(world, now_us)]


def _row(world: World, what: Model, variant: str | None, now_us: int) -> Json:
    live = _serving(world, what, variant, now_us) if variant else []
    top = endpoint_row(world, live[0], now_us) if live else None
    return {**_model(world, what, now_us), "endpoint": top}


def _serving(world: World, what: Model, variant: str, now_us: int) -> list[Endpoint]:
    target = alias_target(world, what, now_us) if what.role == "alias" else what
    return endpoints(world, target, variant, now_us)


def _model(world: World, what: Model, now_us: int, zone: str = "Z") -> Json:
    listed = model_object(world, what, "standard", now_us)
    edits = Rhythm(world.seed, ("or edit", what.slot), 25 * DAY)
    edited = max(what.born_us, instant(edits, count(edits, now_us)))
    digits = 3 if zone == "Z" else 6
    return {
        "slug": what.slug,
        "hf_slug": listed["hugging_face_id"],
        "updated_at": iso(edited, digits, zone),
        "created_at": iso(what.born_us, digits, zone),
        "hf_updated_at": None,
        "name": what.name,
        "short_name": what.name.split(": ")[-1],
        "author": what.author,
        "author_display_name": what.author_name,
        "description": description(world, what, now_us, whole_text=True),
        "model_version_group_id": None,
        **_abilities(listed, what),
        "hidden": False,
        "router": None,
        "warning_message": (None, "", "This model leaves soon.")[what.slot % 3],
        "promotion_message": None,
        "routing_error_message": None if what.slot % 2 else "",
        "is_private": False,
        "permaslug": what.permaslug,
        "limit_rpm": 0,
        "limit_rpd": 0,
    }


def _abilities(listed: Json, what: Model) -> Json:
    architecture = listed["architecture"]
    assert isinstance(architecture, dict)
    return {
        "context_length": listed["context_length"],
        "input_modalities": architecture["input_modalities"],
        "output_modalities": architecture["output_modalities"],
        "has_text_output": what.output == "text",
        "group": "Router" if what.role == "alias" else "Other",
        "instruct_type": None,
        "default_system": None,
        "default_stops": [],
        "supports_reasoning": "reasoning" in listed,
        "reasoning_config": {"start_token": None, "end_token": None},
        "features": {},
        "default_parameters": listed["default_parameters"],
        "knowledge_cutoff": listed["knowledge_cutoff"],
    }


def endpoint_rows(world: World, permaslug: str, variant: str, now_us: int) -> list[Json]:
    """`/stats/endpoint`; empty where upstream answers 404. An alias gives its target's rows."""
    for what in known_models(world, now_us):
        if what.permaslug == permaslug and variant in what.variants:
            if not is_offered(world, what, variant, now_us):
                return []
            live = _serving(world, what, variant, now_us)
            return [endpoint_row(world, each, now_us) for each in live]
    return []


def endpoint_row(world: World, what: Endpoint, now_us: int) -> Json:
    """One endpoint as the frontend shows it, with its model inside once more."""
    name, slug, country = what.provider
    suffix = "" if what.variant == "standard" else f":{what.variant}"
    return {
        "id": what.uuid,
        "name": f"{name} | {what.model.permaslug}",
        "context_length": model_object(world, what.model, "standard", now_us)["context_length"],
        "model": _model(world, what.model, now_us, "+00:00"),
        "model_variant_slug": what.model.slug + suffix,
        "model_variant_permaslug": what.model.permaslug + suffix,
        "adapter_name": "PlainAdapter",
        "provider_name": name,
        "provider_info": {"name": name, "displayName": name, "slug": slug, "headquarters": country},
        "provider_display_name": name,
        "provider_slug": tag(world, what, now_us),
        "provider_model_id": what.model.slug.split("/")[1],
        "quantization": what.quantization,
        "variant": what.variant,
        "is_free": what.variant == "free",
        "can_abort": what.number != 1,
        "max_prompt_tokens": None,
        "supported_parameters": ["max_tokens", "temperature", "stop"],
        "moderation_required": False,
        "data_policy": {"training": False, "retainsPrompts": what.number == 2},
        **_terms(world, what, now_us),
        "created_at": iso(what.born_us, 3),
        "status": 0,
        **_telemetry(world, what, now_us),
    }


def _terms(world: World, what: Endpoint, now_us: int) -> Json:
    """What it costs, twice in two spellings, and what else may hold it back."""
    prompt, completion = list_price(world, what, now_us)
    return {
        "pricing": {**pricing(world, what, now_us), "discount": 0},
        "pricing_json": {
            "plain:prompt_tokens": f"{prompt / 1e8:g}e-6",
            "plain:completion_tokens": f"{completion / 1e8:g}e-6".replace("0.", ".", 1),
            "plain:flex_tier_multiplier": 0.5,
            "plain:informational_note_count": "0",
        },
        "pricing_version_id": price_version(world, what, now_us),
        "is_hidden": False,
        "is_private": False,
        "is_deranked": chance(0.05, world.seed, "deranked", what.uuid, now_us // DAY),
        "is_disabled": False,
        "limit_rpm": whole(1, 9, world.seed, "rpm", what.uuid) * 100 if what.number else None,
        "provider_region": what.region,
        "deprecation_date": None,
    }


def _telemetry(world: World, what: Endpoint, now_us: int) -> Json:
    if chance(0.15, world.seed, "no stats", what.uuid):
        return {}
    key = ("stats", what.uuid, now_us // (5 * MINUTE))
    latency = 300 + 4000 * unit(world.seed, *key)
    return {
        "stats": {
            "endpoint_id": what.uuid,
            "p50_throughput": whole(8, 220, world.seed, *key),
            "p50_latency": round(latency),
            "p99_latency": latency * 3.3,
            "request_count": draw(world.seed, *key) % 60_000,
            "window_minutes": 30,
        }
    }


def provider_rows(world: World, now_us: int) -> list[Json]:
    """`/all-providers`: fewer rows than v1's `/providers`, other keys."""
    return [
        {
            "name": row["name"],
            "displayName": row["name"],
            "slug": row["slug"],
            "baseUrl": f"https://api.{row['slug']}.example/v1",
            "dataPolicy": {"training": False, "privacyPolicyURL": row["privacy_policy_url"]},
            "headquarters": row["headquarters"],
            "statusPageUrl": row["status_page_url"],
            "byokEnabled": True,
        }
        for row in provider_objects(world, now_us)[:-2]
    ]
