"""Rows of OpenRouter's undocumented frontend API at a time. Pure.

A catalog row is a model and variant that contains its first endpoint, or null if it has
none. Endpoints have a UUID here, and telemetry that always changes.
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
from fetcher.simulator.world.seeded_random import chance, draw, integer, unit
from fetcher.simulator.world.world import Json, World


def catalog_rows(world: World, now_us: int) -> list[Json]:
    """Returns the rows of `/catalog/models`: offered models except routers, then retired ones."""
    rows: list[Json] = []
    for model in known_models(world, now_us):
        if model.role == "router":
            continue
        live = [v for v in model.variants if is_offered(world, model, v, now_us)]
        rows += [_row(world, model, variant, now_us) for variant in live or (None,)]
    return rows + [_row(world, model, None, now_us) for model in retired_models(world, now_us)]


def _row(world: World, model: Model, variant: str | None, now_us: int) -> Json:
    live = _serving(world, model, variant, now_us) if variant else []
    top = endpoint_row(world, live[0], now_us) if live else None
    return {**_model(world, model, now_us), "endpoint": top}


def _serving(world: World, model: Model, variant: str, now_us: int) -> list[Endpoint]:
    target = alias_target(world, model, now_us) if model.role == "alias" else model
    return endpoints(world, target, variant, now_us)


def _model(world: World, model: Model, now_us: int, zone: str = "Z") -> Json:
    listed = model_object(world, model, "standard", now_us)
    edits = Rhythm(world.seed, ("or edit", model.slot), 25 * DAY)
    edited = max(model.born_us, instant(edits, count(edits, now_us)))
    digits = 3 if zone == "Z" else 6
    return {
        "slug": model.slug,
        "hf_slug": listed["hugging_face_id"],
        "updated_at": iso(edited, digits, zone),
        "created_at": iso(model.born_us, digits, zone),
        "hf_updated_at": None,
        "name": model.name,
        "short_name": model.name.split(": ")[-1],
        "author": model.author,
        "author_display_name": model.author_name,
        "description": description(world, model, now_us, whole_text=True),
        "model_version_group_id": None,
        **_abilities(listed, model),
        "hidden": False,
        "router": None,
        "warning_message": (None, "", "This model leaves soon.")[model.slot % 3],
        "promotion_message": None,
        "routing_error_message": None if model.slot % 2 else "",
        "is_private": False,
        "permaslug": model.permaslug,
        "limit_rpm": 0,
        "limit_rpd": 0,
    }


def _abilities(listed: Json, model: Model) -> Json:
    architecture = listed["architecture"]
    assert isinstance(architecture, dict)
    return {
        "context_length": listed["context_length"],
        "input_modalities": architecture["input_modalities"],
        "output_modalities": architecture["output_modalities"],
        "has_text_output": model.output == "text",
        "group": "Router" if model.role == "alias" else "Other",
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
    """Returns the rows of `/stats/endpoint`: none means 404; an alias has its target's rows."""
    for model in known_models(world, now_us):
        if model.permaslug == permaslug and variant in model.variants:
            if not is_offered(world, model, variant, now_us):
                return []
            live = _serving(world, model, variant, now_us)
            return [endpoint_row(world, endpoint, now_us) for endpoint in live]
    return []


def endpoint_row(world: World, endpoint: Endpoint, now_us: int) -> Json:
    """Returns an endpoint as the frontend shows it, which contains its model again."""
    name, slug, country = endpoint.provider
    suffix = "" if endpoint.variant == "standard" else f":{endpoint.variant}"
    return {
        "id": endpoint.uuid,
        "name": f"{name} | {endpoint.model.permaslug}",
        "context_length": model_object(world, endpoint.model, "standard", now_us)["context_length"],
        "model": _model(world, endpoint.model, now_us, "+00:00"),
        "model_variant_slug": endpoint.model.slug + suffix,
        "model_variant_permaslug": endpoint.model.permaslug + suffix,
        "adapter_name": "PlainAdapter",
        "provider_name": name,
        "provider_info": {"name": name, "displayName": name, "slug": slug, "headquarters": country},
        "provider_display_name": name,
        "provider_slug": tag(world, endpoint, now_us),
        "provider_model_id": endpoint.model.slug.split("/")[1],
        "quantization": endpoint.quantization,
        "variant": endpoint.variant,
        "is_free": endpoint.variant == "free",
        "can_abort": endpoint.number != 1,
        "max_prompt_tokens": None,
        "supported_parameters": ["max_tokens", "temperature", "stop"],
        "moderation_required": False,
        "data_policy": {"training": False, "retainsPrompts": endpoint.number == 2},
        **_terms(world, endpoint, now_us),
        "created_at": iso(endpoint.born_us, 3),
        "status": 0,
        **_telemetry(world, endpoint, now_us),
    }


def _terms(world: World, endpoint: Endpoint, now_us: int) -> Json:
    """Returns the prices in two notations, and the limits."""
    prompt, completion = list_price(world, endpoint, now_us)
    return {
        "pricing": {**pricing(world, endpoint, now_us), "discount": 0},
        "pricing_json": {
            "plain:prompt_tokens": f"{prompt / 1e8:g}e-6",
            "plain:completion_tokens": f"{completion / 1e8:g}e-6".replace("0.", ".", 1),
            "plain:flex_tier_multiplier": 0.5,
            "plain:informational_note_count": "0",
        },
        "pricing_version_id": price_version(world, endpoint, now_us),
        "is_hidden": False,
        "is_private": False,
        "is_deranked": chance(0.05, world.seed, "deranked", endpoint.uuid, now_us // DAY),
        "is_disabled": False,
        "limit_rpm": integer(1, 9, world.seed, "rpm", endpoint.uuid) * 100
        if endpoint.number
        else None,
        "provider_region": endpoint.region,
        "deprecation_date": None,
    }


def _telemetry(world: World, endpoint: Endpoint, now_us: int) -> Json:
    if chance(0.15, world.seed, "no stats", endpoint.uuid):
        return {}
    key = ("stats", endpoint.uuid, now_us // (5 * MINUTE))
    latency = 300 + 4000 * unit(world.seed, *key)
    return {
        "stats": {
            "endpoint_id": endpoint.uuid,
            "p50_throughput": integer(8, 220, world.seed, *key),
            "p50_latency": round(latency),
            "p99_latency": latency * 3.3,
            "request_count": draw(world.seed, *key) % 60_000,
            "window_minutes": 30,
        }
    }


def provider_rows(world: World, now_us: int) -> list[Json]:
    """Returns the rows of `/all-providers`: fewer than `/providers` of v1, with other keys."""
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
