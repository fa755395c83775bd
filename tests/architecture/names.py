"""The names that a module defines, and how many lines each local variable lives."""

import ast
from collections import defaultdict
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yields every named function, nested ones and methods included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def public_functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yields the functions of a module whose names do not begin with an underscore."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_":
            yield node


def public_types(tree: ast.Module) -> Iterator[str]:
    """Yields the names of the classes and type aliases of a module, private ones excepted."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name[0] != "_":
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and _is_type_name(target.id):
                    yield target.id


def _is_type_name(name: str) -> bool:
    return name[0].isupper() and not name.isupper()


def lifetimes(tree: ast.Module) -> Iterator[tuple[str, int, int]]:
    """Yields (name, first line, last line) of the variables of every function and the module.

    A variable lives from the line that first binds it to the last line that uses it, in nested
    functions too. Attributes of classes are no variables.
    """
    scope = _Scope()
    _visit(tree, [scope])
    yield from scope.lives


class _Scope:
    """The lines of the names in a function, a class or the module."""

    def __init__(self) -> None:
        self.lines: dict[str, list[int]] = defaultdict(list)
        self.bound: set[str] = set()
        self.lives: list[tuple[str, int, int]] = []

    def close(self) -> list[tuple[str, int, int]]:
        return [(name, min(self.lines[name]), max(self.lines[name])) for name in sorted(self.bound)]


def _visit(node: ast.AST, scopes: list[_Scope]) -> None:
    """Adds the lives of the variables below a node to the first scope, that of the module."""
    inner = scopes
    if isinstance(node, Function | ast.ClassDef):
        inner = [*scopes, _Scope()]
        for argument in _arguments(node):
            inner[-1].lines[argument.arg].append(argument.lineno)
            inner[-1].bound.add(argument.arg)
    if isinstance(node, ast.Name):
        for scope in scopes:
            scope.lines[node.id].append(node.lineno)
        if isinstance(node.ctx, ast.Store):
            scopes[-1].bound.add(node.id)
    for child in ast.iter_child_nodes(node):
        _visit(child, inner)
    if isinstance(node, Function | ast.Module):
        scopes[0].lives += inner[-1].close()


def defined_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yields (name, line) of every function, class, parameter and attribute that is defined."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno
        if isinstance(node, Function):
            yield from ((argument.arg, argument.lineno) for argument in _arguments(node))
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    yield line.target.id, line.lineno


def _arguments(scope: ast.AST) -> list[ast.arg]:
    if not isinstance(scope, Function):
        return []
    given = scope.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return [argument for argument in every if argument is not None]
