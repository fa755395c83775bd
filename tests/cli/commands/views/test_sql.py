"""`sql` and `export`: source, parameters and time limit of a query; the files of an export."""

from pathlib import Path

import orjson
import pyarrow.parquet
import pytest

from tests.cli.making import hindlog, spelled

COUNT = "SELECT count(*) AS n FROM openrouter.models"


def test_a_query_comes_from_its_argument_a_file_or_stdin(shared: Path, tmp_path: Path) -> None:
    file = tmp_path / "query.sql"
    file.write_text(COUNT)
    results = [
        hindlog("sql", COUNT, at=shared, stdin=b"SELECT 9"),
        hindlog("sql", "-f", file, at=shared, stdin=b"SELECT 9"),
        hindlog("sql", "--file", file, at=shared, terminals=["stdin"]),
        hindlog("sql", at=shared, stdin=COUNT.encode()),
    ]

    assert [(done.code, done.out, done.err) for done in results] == [(0, "n\n2\n", "")] * 4


def test_as_of_sets_the_instant_of_every_view_of_a_query(shared: Path) -> None:
    past = hindlog("sql", "--as-of", "2026-11-01T00:30", COUNT, at=shared)
    before = hindlog("sql", "--as-of", "2026-10-31", COUNT, at=shared)

    assert (past.out, before.out) == ("n\n3\n", "n\n0\n")
    assert past.err == "as of 2026-11-01T00:30:00Z\n"


def test_parameters_are_values_and_never_sql(shared: Path) -> None:
    done = hindlog(
        *("sql", "SELECT name FROM openrouter.models WHERE id = $id AND $x = '1=1'"),
        *("--param", "id=x/a", "--param", "x=1=1"),
        at=shared,
    )

    assert (done.code, done.out) == (0, "name\nA2\n")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("SELECT 1", "-f", __file__), 2, "QUERY and --file exclude each other"),
        (("SELECT 1", "--param", "x"), 2, "--param: expected name=value, found 'x'"),
        (("SELECT 1", "--param", "a b=x"), 2, "expected name=value"),
        (("SELECT $x",), 2, "x"),
        (("SELECT 1", "--timeout", "0"), 2, "expected a number of seconds above 0, found 0"),
        (("SELECT 1", "--timeout", "inf"), 2, "expected a number of seconds above 0, found inf"),
        (("-f", "no/such.sql"), 2, "no/such.sql"),
        (("SELECT * FROM no.such",), 2, "no"),
    ],
    ids=spelled,
)
def test_sql_refuses_invalid_arguments(
    shared: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = hindlog("sql", *arguments, at=shared)

    assert (done.code, done.raw) == (code, b"")
    assert message in done.err


def test_a_query_that_takes_too_long_exits_with_7(shared: Path) -> None:
    endless = "SELECT count(*) FROM range(1000000) a, range(10000000) b WHERE a.range * b.range < 0"
    done = hindlog("sql", "--timeout", "0.05", endless, at=shared)

    assert (done.code, done.raw) == (7, b"")
    assert "stopped after 0.05 s" in done.err


def test_parquet_keeps_the_types_of_a_query(shared: Path, tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    hindlog("sql", "SELECT 1::TINYINT AS t, NULL::DATE AS d", "-o", file, at=shared)

    assert [str(kind) for kind in pyarrow.parquet.read_schema(file).types] == [
        "int8",
        "date32[day]",
    ]


@pytest.mark.parametrize("format_", ["parquet", "ndjson", "csv"])
def test_export_writes_a_view_in_each_format_with_a_manifest(
    shared: Path, tmp_path: Path, format_: str
) -> None:
    to = tmp_path / "out"
    done = hindlog(
        *("export", "openrouter.models", "--to", to, "--format", format_),
        *("--as-of", "2026-11-01T00:30"),
        at=shared,
    )

    assert (done.code, done.raw) == (0, b"")
    assert done.err.splitlines() == [
        "as of 2026-11-01T00:30:00Z",
        f"openrouter.models: 3 rows in 1 file under {to}",
    ]
    assert (to / "openrouter" / f"models.{format_}").is_file()
    assert orjson.loads((to / "manifest.json").read_bytes())


def test_export_writes_parquet_by_default(shared: Path, tmp_path: Path) -> None:
    views = ("openrouter.models", "civitai.models")
    done = hindlog("export", *views, "--to", tmp_path / "out", at=shared)

    assert (done.code, len(done.err.splitlines())) == (0, 2)
    assert "openrouter.models: 2 rows in 1 file" in done.err
    assert "civitai.models: 1 row in 1 file" in done.err
    assert {path.suffix for path in (tmp_path / "out").rglob("*.*")} == {".parquet", ".json"}


def test_export_creates_a_folder_for_each_value_of_a_partition(
    shared: Path, tmp_path: Path
) -> None:
    to = tmp_path / "out"
    done = hindlog("export", "openrouter.models", "--to", to, "--partition", "name", at=shared)

    assert "2 rows in 2 files" in done.err
    assert {path.parent.name for path in to.rglob("*.parquet")} == {"name=A2", "name=B"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--to"),
        (("--to", "out", "--format", "json"), "--format"),
        (("openrouter.models", "--to", "out", "--partition", "nosuch"), "no column 'nosuch'"),
    ],
    ids=spelled,
)
def test_export_refuses_invalid_arguments(
    shared: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = hindlog("export", *arguments, at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert message in done.err
    assert not (tmp_path / "out").exists()
