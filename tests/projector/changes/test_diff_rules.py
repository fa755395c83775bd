"""Rules of differences: which fields are telemetry, and which lists are sets or have keys."""

import pytest

from projector.changes.diff_rules import KEYED, SETS, TELEMETRY, is_telemetry


@pytest.mark.parametrize(
    ("source", "type", "path", "expected"),
    [
        ("openrouter", "endpoint", "/stats", True),
        ("openrouter", "endpoint", "/stats/p50", True),
        ("openrouter", "endpoint", "/statsByTier/0", True),
        ("openrouter", "endpoint", "/statsx", False),
        ("openrouter", "endpoint", "/data/stats", False),
        ("openrouter", "endpoint", "/pricing/prompt", False),
        ("openrouter", "model", "/stats", False),
        ("civitai", "model", "/stats/downloadCount", True),
        ("civitai", "post", "/stats", False),
        ("shop", "model", "/stats", False),
    ],
)
def test_telemetry_is_a_field_of_the_table_or_below_one(
    source: str, type: str, path: str, expected: bool
) -> None:
    assert is_telemetry(source, type, path) is expected


def test_every_rule_is_a_json_pointer() -> None:
    pointers = [*KEYED, *(pointer for group in TELEMETRY.values() for pointer in group)]

    assert [pointer for pointer in pointers if not pointer.startswith("/")] == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/tags", True),
        ("/endpoint/supported_parameters", True),
        ("/architecture/input_modalities", True),
        ("/allowCommercialUse", True),
        ("/data/tags", False),
        ("/tags/0", False),
        ("/trainedWords", False),
    ],
)
def test_a_list_is_a_set_only_at_the_exact_pointer(path: str, expected: bool) -> None:
    assert (SETS.fullmatch(path) is not None) is expected
