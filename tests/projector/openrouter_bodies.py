"""Bodies of OpenRouter with a distinct value for every pointer, and the rows that they give."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

PRICES = (
    *("prompt", "completion", "request", "image", "audio", "web_search", "internal_reasoning"),
    *("input_cache_read", "input_cache_write", "input_cache_write_1h"),
)

PER_TOKEN = (
    *("prompt", "completion", "audio", "internal_reasoning", "input_cache_read"),
    *("input_cache_write", "input_cache_write_1h", "list_prompt", "list_completion"),
)


def per_mtok(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a row with each of its prices per million tokens, too."""
    prices = {name: row[name] for name in PER_TOKEN if name in row}
    return {
        **row,
        **{f"{name}_usd_per_mtok": float(10**6 * price) for name, price in prices.items()},
    }


def pricing(start: int, *fields: str) -> dict[str, str]:
    return {field: f"0.0{start + n}" for n, field in enumerate(fields)}


def decimals(start: int, *fields: str) -> dict[str, Decimal]:
    return {field: Decimal(f"0.0{start + n}") for n, field in enumerate(fields)}


MODEL = {
    "id": "~ann/m:free",
    "canonical_slug": "ann/m-1",
    "name": "M",
    "description": "about",
    "created": 1700000000,
    "context_length": 1001,
    "architecture": {
        "modality": "text->text",
        "input_modalities": ["text", "image"],
        "output_modalities": ["text"],
        "tokenizer": "GPT",
        "instruct_type": "chatml",
    },
    "top_provider": {"context_length": 1002, "max_completion_tokens": 1003, "is_moderated": True},
    "supported_parameters": ["tools", "seed"],
    "hugging_face_id": "ann/hf",
    "knowledge_cutoff": "2025-01-02",
    "expiration_date": "2026-12-31",
    "alias_target": {"slug": "ann/m-2"},
    "pricing": {**pricing(10, *PRICES), "discount": 0.5, "overrides": [{"prompt": "1"}]},
    "benchmarks": {"elo": 1},
    "reasoning": {"effort": "low"},
}
MODEL_ROW: dict[str, Any] = per_mtok(
    {
        "id": "~ann/m:free",
        "canonical_slug": "ann/m-1",
        "name": "M",
        "description": "about",
        "created": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        "context_length": 1001,
        "modality": "text->text",
        "input_modalities": ["text", "image"],
        "output_modalities": ["text"],
        "tokenizer": "GPT",
        "instruct_type": "chatml",
        "top_context_length": 1002,
        "max_completion_tokens": 1003,
        "is_moderated": True,
        "supported_parameters": ["tools", "seed"],
        "hugging_face_id": "ann/hf",
        "knowledge_cutoff": date(2025, 1, 2),
        "expiration_date": date(2026, 12, 31),
        "alias_target": "ann/m-2",
        **decimals(10, *PRICES),
        "discount": Decimal("0.5"),
        "overrides": '[{"prompt":"1"}]',
        "benchmarks": '{"elo":1}',
        "reasoning": '{"effort":"low"}',
        "is_router": False,
        "author": "ann",
        "variant": "free",
    }
)

ENDPOINT = {
    "name": "E",
    "model_id": "ann/canonical",
    "model_name": "MN",
    "provider_name": "P",
    "tag": "p/fp8",
    "quantization": "fp8",
    "context_length": 2001,
    "max_completion_tokens": 2002,
    "max_prompt_tokens": 2003,
    "supported_parameters": ["top_p"],
    "status": -2,
    "uptime_last_5m": 91.5,
    "uptime_last_30m": 92.5,
    "uptime_last_1d": 93.5,
    "latency_last_30m": {"p50": 1},
    "throughput_last_30m": {"p50": 2},
    "supports_implicit_caching": True,
    "data_policy": {"training": False},
    "deprecation_date": "2026-09-01",
    "is_disabled": False,
    "is_deranked": True,
    "pricing": {**pricing(30, *PRICES[:9]), "discount": 0.5, "overrides": []},
}
ENDPOINT_ROW: dict[str, Any] = per_mtok(
    {
        "id": "ann/m#p/fp8",
        "name": "E",
        "model_id": "ann/m",
        "canonical_model_id": "ann/canonical",
        "model_name": "MN",
        "provider_name": "P",
        "tag": "p/fp8",
        "quantization": "fp8",
        "context_length": 2001,
        "max_completion_tokens": 2002,
        "max_prompt_tokens": 2003,
        "supported_parameters": ["top_p"],
        "status": -2,
        "uptime_5m": 91.5,
        "uptime_30m": 92.5,
        "uptime_1d": 93.5,
        "latency": '{"p50":1}',
        "throughput": '{"p50":2}',
        "implicit_caching": True,
        "data_policy": '{"training":false}',
        "deprecation_date": "2026-09-01",
        "is_disabled": False,
        "is_deranked": True,
        **decimals(30, *PRICES[:9]),
        "discount": Decimal("0.5"),
        "overrides": "[]",
        "is_router": False,
        "list_prompt": Decimal("0.06"),
        "list_completion": Decimal("0.062"),
    }
)

SITE = {
    "id": "uuid-1",
    "name": "S",
    "model_variant_slug": "ann/m",
    "model_variant_permaslug": "ann/m-1",
    "variant": "standard",
    "provider_name": "SP",
    "provider_slug": "p/fp8",
    "provider_model_id": "m-at-p",
    "provider_region": "eu",
    "quantization": "bf16",
    "context_length": 3001,
    "max_completion_tokens": 3002,
    "max_prompt_tokens": 3003,
    "supported_parameters": ["stop"],
    "status": -5,
    "is_deranked": True,
    "is_disabled": False,
    "is_hidden": True,
    "is_byok": False,
    "deprecation_date": "2026-10-01",
    "created_at": "2026-01-02T03:04:05Z",
    "data_policy": {
        "training": True,
        "retainsPrompts": False,
        "retentionDays": 30,
        "canPublish": True,
    },
    "pricing": {
        **pricing(
            50,
            *("prompt", "completion", "request", "image"),
            *("input_cache_read", "input_cache_write", "discount"),
        ),
        "overrides": [1],
    },
    "pricing_json": {"a": 1},
    "display_pricing": [{"b": 2}],
    "pricing_version_id": "pv",
    "stats": {"p50_throughput": 81.5, "p50_latency": 82.5, "request_count": 83},
}
SITE_ROW: dict[str, Any] = per_mtok(
    {
        "uuid": "uuid-1",
        "name": "S",
        "model_id": "ann/m",
        "model_permaslug": "ann/m-1",
        "variant": "standard",
        "provider_name": "SP",
        "tag": "p/fp8",
        "provider_model_id": "m-at-p",
        "provider_region": "eu",
        "quantization": "bf16",
        "context_length": 3001,
        "max_completion_tokens": 3002,
        "max_prompt_tokens": 3003,
        "supported_parameters": ["stop"],
        "status": -5,
        "is_deranked": True,
        "is_disabled": False,
        "is_hidden": True,
        "is_byok": False,
        "deprecation_date": "2026-10-01",
        "created_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "trains": True,
        "retains_prompts": False,
        "retention_days": 30,
        "can_publish": True,
        **decimals(
            50,
            *("prompt", "completion", "request", "image"),
            *("input_cache_read", "input_cache_write", "discount"),
        ),
        "overrides": "[1]",
        "pricing_json": '{"a":1}',
        "display_pricing": '[{"b":2}]',
        "pricing_version_id": "pv",
        "p50_throughput": 81.5,
        "p50_latency": 82.5,
        "request_count": 83,
    }
)

CATALOG = {
    "slug": "ann/m",
    "permaslug": "ann/m-1",
    "author": "ann",
    "name": "Ann: M",
    "short_name": "M",
    "hf_slug": "ann/hf",
    "created_at": "2026-02-03T00:00:00Z",
    "updated_at": "2026-02-04T00:00:00Z",
    "context_length": 4001,
    "input_modalities": ["text"],
    "output_modalities": ["image"],
    "knowledge_cutoff": "2024-05",
    "warning_message": "careful",
    "hidden": True,
    "endpoint": {
        "id": "uuid-1",
        "variant": "free",
        "provider_name": "CP",
        "provider_slug": "cp",
        "pricing": {"prompt": "0.071", "completion": "0.072"},
        "is_disabled": True,
        "is_deranked": False,
    },
}
CATALOG_ROW: dict[str, Any] = per_mtok(
    {
        "id": "ann/m:free",
        "slug": "ann/m",
        "permaslug": "ann/m-1",
        "author": "ann",
        "name": "Ann: M",
        "short_name": "M",
        "hf_slug": "ann/hf",
        "created_at": datetime(2026, 2, 3, tzinfo=UTC),
        "updated_at": datetime(2026, 2, 4, tzinfo=UTC),
        "context_length": 4001,
        "input_modalities": ["text"],
        "output_modalities": ["image"],
        "knowledge_cutoff": "2024-05",
        "warning_message": "careful",
        "hidden": True,
        "endpoint_uuid": "uuid-1",
        "variant": "free",
        "provider_name": "CP",
        "provider_slug": "cp",
        "prompt": Decimal("0.071"),
        "completion": Decimal("0.072"),
        "is_disabled": True,
        "is_deranked": False,
        "is_orphan": False,
    }
)

PROVIDER = {
    "slug": "p",
    "name": "P",
    "privacy_policy_url": "https://privacy",
    "terms_of_service_url": "https://terms",
    "status_page_url": "https://status",
    "headquarters": "DE",
    "datacenters": ["FR", "US"],
}
