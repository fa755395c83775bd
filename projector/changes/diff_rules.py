"""Rules for comparing the fields of each source. Pure.

Telemetry changes without anybody's decision: uptime, counts of downloads and reactions. It is
stored like all other fields, and the change feed leaves it out by default. Lists without a defined
order are compared as sets, lists of objects with an id by that id.
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
"""JSON Pointers, by source and type; the values at and below them are telemetry."""

KEYED: Mapping[str, str] = {
    "/modelVersions": "id",
    "/files": "id",
    "/images": "id",
    "/endpoints": "tag",
    "/data/endpoints": "tag",
}
"""Lists of objects, by JSON Pointer, and the member that identifies an object."""

SETS = re.compile(
    r"(/endpoint)?/(supported_parameters|input_modalities|output_modalities|datacenters|tags)"
    r"|/architecture/(input|output)_modalities|/modelVersionIds|/tagIds|/allowCommercialUse"
)
"""JSON Pointers of lists of words whose order upstream does not define."""


def is_telemetry(source: str, type: str, path: str) -> bool:
    """Returns whether the value at a JSON Pointer is telemetry."""
    return any(
        path == each or path.startswith(each + "/") for each in TELEMETRY.get((source, type), ())
    )
