"""The choice of mutants, and of the tests that are run for them."""

from pathlib import Path

from tests.mutation.covering_tests import Suite, covering_tests
from tests.mutation.drawing import sample
from tests.mutation.mutant import Mutant

LINES = {"eventlog/a.py": {1: frozenset({""}), 5: frozenset({"tests/x.py::one|run"})}}
SECONDS = {"tests/x.py::one": 1.0, "tests/x.py::two": 1.0, "tests/y.py::three": 2.0}


def suite(
    lines: dict[str, dict[int, frozenset[str]]],
    sources: dict[str, str],
    texts: dict[str, str] | None = None,
) -> Suite:
    """Returns a suite in which `two` shares a fixture with `three`."""
    pair = frozenset({"tests/x.py::two", "tests/y.py::three"})
    sharing = {"tests/x.py::two": pair, "tests/y.py::three": pair}
    return Suite(lines, SECONDS, sharing, texts or {}, sources)


def mutant(path: str, line: int) -> Mutant:
    """Returns a mutant of a line."""
    return Mutant(path, line, "rule", 0, 1, "x")


def test_a_sample_is_the_same_for_the_same_seed_and_draws_no_line_twice(tmp_path: Path) -> None:
    (tmp_path / "eventlog").mkdir()
    (tmp_path / "eventlog/a.py").write_text("".join(f"a{n} = {n} + 1\n" for n in range(30)))
    (tmp_path / "eventlog/b.sql").write_text("SELECT 1\n" * 10)
    paths = ["eventlog/a.py", "eventlog/b.sql"]

    first = sample(tmp_path, paths, 20, seed=1)

    assert first == sample(tmp_path, paths, 20, seed=1)
    assert first != sample(tmp_path, paths, 20, seed=2)
    assert len({(each.path, each.line) for each in first}) == 20
    assert sum(each.path == "eventlog/b.sql" for each in first) == 5


def test_the_tests_that_execute_a_line_are_chosen() -> None:
    assert covering_tests(suite(LINES, {}), mutant("eventlog/a.py", 5)) == ["tests/x.py::one"]


def test_a_later_line_of_a_statement_belongs_to_its_first() -> None:
    assert covering_tests(suite(LINES, {}), mutant("eventlog/a.py", 7)) == ["tests/x.py::one"]


def test_a_line_executed_during_import_belongs_to_all_tests_of_the_module() -> None:
    assert covering_tests(suite(LINES, {}), mutant("eventlog/a.py", 1)) == ["tests/x.py::one"]


def test_lines_of_a_shared_fixture_belong_to_all_tests_that_use_it() -> None:
    lines = {"eventlog/a.py": {5: frozenset({"tests/y.py::three|setup"})}}

    chosen = covering_tests(suite(lines, {}), mutant("eventlog/a.py", 5))

    assert chosen == ["tests/x.py::two", "tests/y.py::three"]


def test_a_template_belongs_to_the_tests_of_the_lines_that_name_it() -> None:
    lines = {"projector/v.py": {2: frozenset({"tests/x.py::one|run"})}}
    sources = {"projector/v.py": "\nfill('changes')\nfill('other')\n"}

    chosen = covering_tests(suite(lines, sources), mutant("projector/templates/changes.sql", 9))

    assert chosen == ["tests/x.py::one"]


def test_a_constant_belongs_to_the_tests_of_files_that_name_its_module_too() -> None:
    known = suite(LINES, {}, {"tests/y.py": "from eventlog.a import LIMIT"})

    chosen = covering_tests(known, mutant("eventlog/a.py", 1))

    assert set(chosen) == {"tests/x.py::one", "tests/y.py::three"}
    assert covering_tests(known, mutant("eventlog/a.py", 5)) == ["tests/x.py::one"]
