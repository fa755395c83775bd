"""The coverage of each package must reach a minimum, which is raised with the coverage."""

from tests.coverage_floor import by_package, counts_by_module, percent, verdict

REPORT = {
    "files": {
        "cli/a.py": {
            "summary": {
                "covered_lines": 8, "num_statements": 10, "covered_branches": 1, "num_branches": 2,
            }
        },
        "cli/b.py": {"summary": {"covered_lines": 0, "num_statements": 0}},
        "eventlog/c.py": {"summary": {"covered_lines": 3, "num_statements": 4}},
    }
}  # fmt: skip


def test_lines_and_branches_count_alike() -> None:
    modules = counts_by_module(REPORT)

    assert modules["cli/a.py"] == (9, 12)
    assert by_package(modules) == {"cli": 75.0, "eventlog": 75.0}
    assert percent(modules["cli/b.py"]) == 100


def test_a_package_below_its_floor_fails() -> None:
    lines, passed = verdict({"cli": 89.9, "eventlog": 95.0}, {"cli": 90.0, "eventlog": 95.0})

    assert not passed
    assert "cli" in lines[0] and "below its floor" in lines[0]
    assert lines[1].endswith("ok")


def test_a_package_that_is_not_measured_fails() -> None:
    assert not verdict({}, {"cli": 90.0})[1]


def test_a_floor_far_below_the_measured_coverage_must_be_raised() -> None:
    lines, passed = verdict({"cli": 92.1}, {"cli": 90.0})

    assert passed
    assert "raise its floor to 91.6" in lines[0]
