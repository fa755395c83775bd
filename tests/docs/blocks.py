"""The blocks of commands in a page of the documentation."""

import re
from collections.abc import Iterator

import attrs

_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>.+?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```\n"
    r"(?:\n    (?P<message>[^\n]+)\n)?",
    re.M | re.S,
)
_EXIT_CODE = re.compile(r"^(?P<line>.*?)\s+# exits with (?P<code>\d+)$", re.M)
SHELL = {"sh", "crontab"}


@attrs.frozen
class Block:
    """A block of commands."""

    language: str
    text: str
    reason: str | None
    """Why no test runs it; None: a test does."""
    message: str | None
    """What it prints on stderr, if the page says so."""

    @property
    def script(self) -> str:
        """The commands, each of which must have the exit code that its comment names."""
        return _EXIT_CODE.sub(r"code=0; \g<line> || code=$?; test $code -eq \g<code>", self.text)


def blocks_of(page: str) -> Iterator[Block]:
    """Yields the blocks of a page in Markdown, in order."""
    for match in _BLOCK.finditer(page):
        yield Block(match["language"], match["text"], match["reason"], match["message"])
