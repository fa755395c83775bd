"""Patterns: those that can never match are refused with the nearest known name."""

from pathlib import Path

import pytest

from cli.options.patterns import check_patterns
from eventlog.errors import Invalid
from tests.cli.conftest import WRITER
from tests.cli.making import damage, hindlog, new_archive
from tests.projector.few import make_archive
from tests.projector.logs import Page, Seen, hours, write_log

COMMANDS = (("log",), ("tail",), ("changes", "--since", "2026-11-01"))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("openruter/model/x/a", "no source is named 'openruter'; the nearest known one is openrou"),
        ("OpenRouter", "no source is named 'OpenRouter'; the nearest known one is openrouter\n"),
        ("civit/*", "no source is named 'civit'; the nearest known one is civitai\n"),
        ("zz*", "no source is named 'zz*'; "),
        (
            "openrouter/modle/*",
            "no type of openrouter is named 'modle'; the nearest known one is m",
        ),
        (
            "civitai/images",
            "no type of civitai is named 'images'; the nearest known one is image\n",
        ),
        ("civitai/images*/1", "no type of civitai is named 'images*'; "),
    ],
)
def test_a_pattern_that_can_never_match_is_refused_with_the_nearest_name(
    shared: Path, command: tuple[str, ...], pattern: str, message: str
) -> None:
    done = hindlog(*command, pattern, at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert f"hindlog: pattern {pattern!r}: {message}" in done.err


@pytest.mark.parametrize(
    "pattern",
    [
        *("openrouter", "openrouter/model", "openrouter/model/no/such", "open*", "o?enrouter/x"),
        *("*/modle/x", "civitai/mod*", "civitai/i?age", "civitai/tag/a[1]", "openrouter/"),
    ],
)
def test_a_pattern_that_may_match_is_accepted_even_if_nothing_matches_yet(
    shared: Path, empty: Path, pattern: str
) -> None:
    check_patterns(shared, [pattern])
    check_patterns(empty, [pattern])


def test_other_sources_and_types_are_known_once_they_are_in_the_log(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no source is named 'my-shop'"):
        check_patterns(tmp_path, ["my-shop/thing"])
    (tmp_path / "log").mkdir()
    write_log(tmp_path, "my-shop", WRITER, [Page(hours(0), [Seen("thing", "1", {})])])
    page = Page(hours(1), [Seen("part", "1", {})])
    write_log(tmp_path, "my-shop", WRITER, [page], seal=False)
    check_patterns(tmp_path, ["my-shop/thing", "my-shop/part/1"])

    with pytest.raises(Invalid, match=r"no type of my-shop is named 'prat'; .* is part"):
        check_patterns(tmp_path, ["my-shop/prat"])


def test_a_damaged_segment_may_contain_any_type(archive: Path) -> None:
    manifest = archive / "log" / f"openrouter/2026-11-01/00-{WRITER}-000.manifest.json"
    damage(manifest)

    check_patterns(archive, ["openrouter/strange"])


def test_brackets_in_a_pattern_are_themselves(tmp_path: Path) -> None:
    tags = [Seen("tag", name, {"name": name}) for name in ("a1", "a[1]")]
    root = new_archive(tmp_path / "archive")
    make_archive(root, "civitai", [Page(hours(0), tags)], "civitai.tags")
    pattern = "civitai/tag/a[1]"

    for command in COMMANDS:
        done = hindlog(*command, pattern, at=root)
        assert (done.code, done.out.count("a[1]") > 0, "a1" in done.out) == (0, True, False)
