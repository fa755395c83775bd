"""Every mutant in the list of equivalent ones exists in the code, and has a reason."""

from pathlib import Path

from tests.mutation.report import load_equivalent

ROOT = Path(__file__).parents[2]


def test_an_equivalent_mutant_is_about_code_that_exists() -> None:
    reasons = load_equivalent(Path(__file__).parent / "equivalent.toml")

    for (path, old, _), reason in reasons.items():
        lines = " ".join(line.strip() for line in (ROOT / path).read_text().splitlines())
        assert old in lines, (path, old)
        assert reason.endswith(".")
    assert reasons
