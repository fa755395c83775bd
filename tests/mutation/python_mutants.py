"""Mutants of Python source. The rules for single nodes are those of mutmut; three are ours.

mutmut's own runner is not used: it omits every decorated function (all commands of the command
line) and all code that runs in a process started by a test, and does not support SQL.
Not mutated: annotations, docstrings, and strings with a space (messages are not behaviour).
"""

from collections.abc import Iterable, Iterator

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper, PositionProvider
from mutmut.mutation import mutators

from tests.mutation.mutant import Mutant, apply

_SKIPPED_RULES = {"operator_string", "operator_lambda", "operator_augmented_assignment"}
_SKIPPED_CALLS = {"isinstance", "cast", "TypeVar"}


def mutants_of(path: str, source: str) -> list[Mutant]:
    """Returns every mutant of a module; a few of them may not compile (see `compiles`)."""
    wrapper = MetadataWrapper(cst.parse_module(source))
    collector = _Collector(path, source, wrapper.module)
    wrapper.visit(collector)
    return collector.mutants


def _text(node: cst.SimpleString) -> Iterator[cst.CSTNode]:
    value = node.raw_value
    if node.quote in ('"', "'") and value and " " not in value:
        yield node.with_changes(value=f"{node.prefix}{node.quote}XX{value}XX{node.quote}")


def _dropped_statement(node: cst.Expr) -> Iterator[cst.CSTNode]:
    """`f()` -> `pass`; docstrings are expressions, too, and stay."""
    if not isinstance(node.value, cst.SimpleString | cst.ConcatenatedString):
        yield cst.Pass()


def _dropped_condition(node: cst.BooleanOperation) -> Iterator[cst.CSTNode]:
    """`a and b` -> `a`, `b`."""
    yield node.left
    yield node.right


_RULES = (
    *(
        (kind, rule)
        for kind, rule in mutators.mutation_operators
        if rule.__name__ not in _SKIPPED_RULES
    ),
    (cst.SimpleString, _text),
    (cst.Expr, _dropped_statement),
    (cst.BooleanOperation, _dropped_condition),
)


class _Collector(cst.CSTVisitor):
    """Collects the mutants of each node; a visitor must be a class in libcst."""

    METADATA_DEPENDENCIES = (PositionProvider, ByteSpanPositionProvider)

    def __init__(self, path: str, source: str, module: cst.Module) -> None:
        super().__init__()
        self.mutants: list[Mutant] = []
        self._path = path
        self._data = source.encode()
        self._module = module

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Annotation | cst.Import | cst.ImportFrom):
            return False
        if isinstance(node, cst.Call) and _name(node.func) in _SKIPPED_CALLS:
            return False
        if isinstance(node, cst.If) and _name(node.test) == "TYPE_CHECKING":
            return False
        for kind, rule in _RULES:
            if isinstance(node, kind):
                self._add(node, rule.__name__, rule(node))
        return True

    def _add(self, node: cst.CSTNode, rule: str, changed: Iterable[cst.CSTNode]) -> None:
        span = self.get_metadata(ByteSpanPositionProvider, node, None)
        position = self.get_metadata(PositionProvider, node, None)
        if span is None or position is None:
            return
        start = len(self._data[: span.start].decode())
        end = start + len(self._data[span.start : span.start + span.length].decode())
        old = self._module.code_for_node(node).strip()
        for each in changed:
            new = self._module.code_for_node(each).strip()
            if new != old:
                self.mutants.append(
                    Mutant(self._path, position.start.line, rule.strip("_"), start, end, new)
                )


def _name(node: cst.CSTNode) -> str:
    return node.value if isinstance(node, cst.Name) else ""


def compiles(source: str, mutant: Mutant) -> bool:
    """Whether the changed module is valid Python."""
    try:
        compile(apply(source, mutant), mutant.path, "exec")
    except SyntaxError:
        return False
    return True
