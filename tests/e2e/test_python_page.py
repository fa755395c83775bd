"""The example of docs/python.md runs over a crawled archive, and its functions exist."""

import hashlib
import importlib
import json
import re
from pathlib import Path
from typing import Any

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text()


def test_the_functions_of_the_table_exist() -> None:
    names = re.findall(r"^\| `(eventlog[\w.]+)\(", PAGE, re.MULTILINE)

    for name in names:
        module, _, function = name.rpartition(".")
        assert callable(getattr(importlib.import_module(module), function)), name
    assert len(names) > 5


def test_the_example_reads_tails_and_verifies_an_archive(crawled: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {"root": crawled}

    exec(compile(example, "docs/python.md", "exec"), names)

    page = json.loads(names["page"].line)
    assert len(names["models"]) > 5
    assert all(body["id"] == name for name, body in names["models"].items())
    assert hashlib.sha256(names["response"]).hexdigest() == page["sha256"]
    assert (names["news"], names["checked"].damages) == ([], ())
