"""Fields: how the values of each source are compared. Pure.

Telemetry moves by itself (uptime, counts of downloads and reactions): it is kept like
everything else and left out of the change feed unless asked for. Lists that upstream
does not order are sets; lists of things with an id are compared by it.
"""

import re
from collections.abc import Mapping

TELEMETRY: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("openrouter", "model"): ("/benchmarks", "/top_provider/throughput"),
    ("openrouter", "endpoint"): (
        "/status",
        "/uptime_last_5m",
        "/uptime_last_30m",
        "/uptime_last_1d",
        "/latency_last_30m",
        "/throughput_last_30m",
        "/stats",
        "/statsByTier",
        "/status_heuristics",
    ),
    ("openrouter", "catalog"): (
        "/updated_at",
        "/endpoint/stats",
        "/endpoint/statsByTier",
        "/endpoint/status",
        "/endpoint/status_heuristics",
    ),
    ("civitai", "model"): ("/stats",),
    ("civitai", "modelVersion"): ("/stats",),
    ("civitai", "image"): ("/stats",),
    ("civitai", "creator"): ("/modelCount",),
    ("civitai", "tag"): ("/modelCount",),
}
"""Per source and type, the JSON Pointers below which everything is telemetry."""

KEYED: Mapping[str, str] = {
    "/modelVersions": "id",
    "/files": "id",
    "/images": "id",
    "/endpoints": "tag",
    "/data/endpoints": "tag",
}
"""Lists of things, and the member that names each."""

SETS = re.compile(
    r"(/endpoint)?/(supported_parameters|input_modalities|output_modalities|datacenters|tags)"
    r"|/architecture/(input|output)_modalities|/modelVersionIds|/tagIds|/allowCommercialUse"
)
"""Lists of words that upstream does not order."""


def is_telemetry(source: str, type: str, path: str) -> bool:
    """Whether what stands at a pointer moves by itself."""
    return any(
        path == each or path.startswith(each + "/") for each in TELEMETRY.get((source, type), ())
    )
