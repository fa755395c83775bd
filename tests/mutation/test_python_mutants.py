"""The mutants of Python: mutmut's rules, our own, and what is not mutated."""

from tests.mutation.mutant import apply, changed_text, diff
from tests.mutation.python_mutants import compiles, mutants_of


def changed(source: str) -> list[str]:
    """Returns the text of every mutant of a source text."""
    return [apply(source, each) for each in mutants_of("x.py", source)]


def test_a_boundary_is_moved() -> None:
    assert "if a <= b:\n    c = 1\n" in [
        text.replace("a<=", "a <=") for text in changed("if a < b:\n    c = 1\n")
    ]


def test_a_call_that_is_a_statement_is_dropped() -> None:
    source = "def f(file):\n    file.flush()\n    return 1\n"

    assert "def f(file):\n    pass\n    return 1\n" in changed(source)


def test_each_side_of_a_condition_is_dropped() -> None:
    made = changed("x = a and b\n")

    assert "x = a\n" in made
    assert "x = b\n" in made


def test_commands_with_decorators_are_mutated() -> None:
    source = '@option("--all", default=False)\ndef f():\n    return 1 + 2\n'

    made = changed(source)

    assert '@option("--all", default=True)\ndef f():\n    return 1 + 2\n' in made
    assert '@option("--all", default=False)\ndef f():\n    return 1 - 2\n' in made


def test_annotations_docstrings_and_messages_are_not_mutated() -> None:
    source = '"""Text."""\n\n\ndef f(a: "Literal[1]") -> None:\n    """Says 1 < 2."""\n'

    assert mutants_of("x.py", source) == []
    assert not [each for each in mutants_of("x.py", 'x = g("no key")\n') if "XX" in each.new]


def test_positions_count_characters_not_bytes() -> None:
    source = 'x = "äöü"\ny = 1\n'

    assert 'x = "äöü"\ny = 2\n' in changed(source)


def test_a_mutant_is_named_by_its_text_not_its_line() -> None:
    short, long = ("y = 1\n", "x = 0\n\n\ny = 1\n")
    last = [mutant for mutant in mutants_of("x.py", long) if mutant.line == 4]

    assert {changed_text(short, mutant) for mutant in mutants_of("x.py", short)} == {
        changed_text(long, mutant) for mutant in last
    }
    assert all(diff(long, mutant).startswith("-y = 1\n+y = ") for mutant in last)


def test_a_mutant_that_is_no_valid_python_is_recognized() -> None:
    broken = next(each for each in mutants_of("x.py", "y = 1\n"))

    assert compiles("y = 1\n", broken)
    assert not compiles("y = 1\n)", broken)
