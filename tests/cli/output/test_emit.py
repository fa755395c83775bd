"""Output: destination and format of rows; a file appears complete or not at all."""

from collections.abc import Iterator
from pathlib import Path

import click
import pyarrow.parquet
import pytest

from cli.output.emit import OutputTarget, atomic_file, choose_output, emit
from eventlog.errors import Invalid
from tests.cli.making import hindlog, replaced, stream


@pytest.mark.parametrize(
    ("fmt", "as_json", "output", "expected"),
    [
        (None, False, None, OutputTarget("tsv", None)),
        (None, True, None, OutputTarget("json", None)),
        (None, False, Path("-"), OutputTarget("tsv", None)),
        ("csv", False, Path("-"), OutputTarget("csv", None)),
        (None, False, Path("x.csv"), OutputTarget("csv", Path("x.csv"))),
        ("csv", False, Path("x.json"), OutputTarget("csv", Path("x.json"))),
        (None, True, Path("x.txt"), OutputTarget("json", Path("x.txt"))),
        (None, False, Path("x.parquet"), OutputTarget("parquet", Path("x.parquet"))),
        ("parquet", False, Path("x.bin"), OutputTarget("parquet", Path("x.bin"))),
        ("csv", False, Path("x.parquet"), OutputTarget("csv", Path("x.parquet"))),
    ],
)
def test_the_options_decide_format_and_destination(
    fmt: str | None, as_json: bool, output: Path | None, expected: OutputTarget
) -> None:
    with replaced(stream(), stream(), stream()):
        assert choose_output(fmt, as_json, output) == expected


def test_rows_on_a_terminal_are_a_table_and_rows_in_a_file_are_not() -> None:
    with replaced(stream(), stream(is_terminal=True), stream()):
        assert choose_output(None, False, None) == OutputTarget("table", None)
        assert choose_output(None, False, Path("x.csv")) == OutputTarget("csv", Path("x.csv"))


def test_parquet_needs_a_file() -> None:
    with pytest.raises(click.UsageError, match=r"-o FILE\.parquet"):
        choose_output("parquet", False, None)


@pytest.mark.parametrize("suffix", ["csv", "json", "ndjson", "tsv", "md", "txt", "parquet"])
def test_the_suffix_of_a_file_decides_its_format(shared: Path, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"rows.{suffix}"
    done = hindlog("sql", "SELECT 1 AS n, 'x' AS t", "-o", file, at=shared)

    assert (done.code, done.raw, done.err) == (0, b"", "")
    if suffix == "parquet":
        assert pyarrow.parquet.read_table(file).to_pylist() == [{"n": 1, "t": "x"}]
    else:
        texts = {
            "csv": "n,t\n1,x\n",
            "json": '[\n{"n":1,"t":"x"}\n]\n',
            "ndjson": '{"n":1,"t":"x"}\n',
            "tsv": "n\tt\n1\tx\n",
            "md": "| n | t |\n| --- | --- |\n| 1 | x |\n",
            "txt": "n  t\n1  x\n",
        }
        assert file.read_text() == texts[suffix]
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_is_replaced_only_after_all_rows_are_written(tmp_path: Path) -> None:
    def rows() -> Iterator[tuple[int]]:
        yield (1,)
        assert file.read_text() == "old"
        raise Invalid("no more")

    file = tmp_path / "rows.csv"
    file.write_text("old")
    with pytest.raises(Invalid, match="no more"):
        emit(("n",), rows(), OutputTarget("csv", file))

    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_disk_error_names_the_requested_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full") as caught, atomic_file(tmp_path / "x.csv"):
        raise OSError(28, "full", str(tmp_path / ".x.csv.tmp"))

    assert caught.value.filename == str(tmp_path / "x.csv")


def test_a_file_in_a_missing_folder_and_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for path, word in (("no/x.csv", "does not exist"), ("folder.csv", "found a folder")):
        with pytest.raises(Invalid, match=word), atomic_file(tmp_path / path):
            raise AssertionError("nothing is written")

    assert [path.name for path in tmp_path.iterdir()] == ["folder.csv"]


def test_a_terminal_gets_color_and_a_file_never_does(shared: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.txt"
    query = ("sql", "SELECT 1 AS n", "--color", "always")
    shown = hindlog(*query, at=shared, terminals=["stdout"])
    hindlog(*query, "-o", file, at=shared, terminals=["stdout"])
    dash = hindlog("sql", "SELECT 1 AS n", "-o", "-", at=shared)

    by_default = hindlog(*query[:2], at=shared, terminals=["stdout"])
    assert shown.out == by_default.out
    assert "\x1b[1m" in shown.out
    assert file.read_text() == "n\n1\n"
    assert dash.out == "n\n1\n"
