"""A rule keeps its version number until its text changes; then the number is raised."""

import ast
import hashlib
import re
from pathlib import Path

import pytest

from eventlog.errors import Invalid
from projector.definition import parse_definition
from projector.rule_versions import (
    DIFFERENCE_RULES,
    KEYFRAME_RULES,
    MACRO_RULES,
    ROW_CACHE_RULES,
    ROW_RULES,
    START_RULES,
)

PROJECTOR = Path(__file__).parents[2] / "projector"

PINNED = {
    "event": (2, "1713901e1140"),
    "lines": (2, "b864dea2c4a9"),
    "casts": (2, "d8fc7bafb348"),
    "civitai_meta": (2, "c28705f810fc"),
    "starts": (1, "e514cd311a55"),
    "differences": (2, "ef4c3dbf56f5"),
    "keyframes": (2, "ac70e623a6b1"),
    "row cache": (2, "b537361385fc"),
}
"""Version of each rule, and the digest of its text without comments and white space."""

TEMPLATES = {
    "starts": ("value_starts",),
    "keyframes": (
        "keyframe_seen",
        "keyframe_pages",
        "keyframe_moved",
        "listings",
        "missed",
        "ended_after",
    ),
    "row cache": (
        *("presence", "listings", "missed", "ended_after", "pages_until", "moved", "resolved"),
        *("near_bodies", "because", "rows_schema", "rows"),
    ),
}
"""Rules that consist of several templates."""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def sql_digest(*names: str) -> str:
    """Returns a digest of templates without comments and white space."""
    texts = []
    for name in names:
        (file,) = PROJECTOR.rglob(f"templates/**/{name}.sql")
        texts.append(" ".join(re.sub(r"--[^\n]*", "", file.read_text()).split()))
    return digest("\0".join(texts))


def python_digest(*names: str) -> str:
    """Returns a digest of modules without comments, docstrings and imports, wherever they are."""
    texts = []
    for name in names:
        (file,) = PROJECTOR.rglob(f"{name}.py")
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                node.body = [each for each in body if not is_text_or_import(each)]  # type: ignore[attr-defined]
        texts.append(ast.unparse(tree))
    return digest("\0".join(texts))


def is_text_or_import(node: ast.AST) -> bool:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_text or isinstance(node, ast.Import | ast.ImportFrom)


@pytest.mark.parametrize("name", PINNED)
def test_a_rule_whose_text_changed_has_a_new_version(name: str) -> None:
    versions = {
        **ROW_RULES,
        **MACRO_RULES,
        "starts": START_RULES,
        "differences": DIFFERENCE_RULES,
        "keyframes": KEYFRAME_RULES,
        "row cache": ROW_CACHE_RULES,
    }
    templates = TEMPLATES.get(name, (name,))
    is_python = name == "differences"
    text_digest = python_digest("diff", "diff_rules") if is_python else sql_digest(*templates)

    assert (versions[name], text_digest) == PINNED[name], (
        f"the text of {name} changed: if rows or differences can differ, raise its number in "
        f"projector/rule_versions.py; then pin {(versions[name], text_digest)} here"
    )


def test_a_definition_names_the_macros_it_uses() -> None:
    macros = {
        rule: set(re.findall(r"MACRO (\w+)\(", next(PROJECTOR.rglob(f"{rule}.sql")).read_text()))
        for rule in MACRO_RULES
    }

    for path in (PROJECTOR / "projections").rglob("*.sql"):
        text = path.read_text()
        head = re.search(r"-- macros:(.*)", text)
        named = set(head[1].split()) if head else set()
        calls = set(re.findall(r"\b(\w+)\(", text))
        assert named == {rule for rule, names in macros.items() if calls & names}, path.name


def test_macros_that_do_not_exist_are_refused() -> None:
    with pytest.raises(Invalid, match=r"shop\.item: no macros 'other'"):
        parse_definition("-- item: x\n-- macros: other\n", "shop", "item")


def test_macros_are_part_of_the_hash() -> None:
    plain = parse_definition("-- item: x\n", "shop", "item")
    other = parse_definition("-- item: x\n-- macros: civitai_meta\n", "shop", "item")

    assert plain.hash != other.hash
