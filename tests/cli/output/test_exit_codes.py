import errno
import io
import json
import pickle

import click
import pytest

from cli.options.times import BadTime
from cli.output.exit_codes import CODES, MEANINGS, exit_code, report
from cli.process.signals import Terminated
from cli.process.streams import STDOUT
from eventlog import errors
from eventlog.errors import HindlogError, Invalid, Unavailable

CLOSED_STDOUT = BrokenPipeError(errno.EPIPE, "Broken pipe", STDOUT)


def said(error: BaseException, as_json: bool = False) -> str:
    err = io.StringIO()
    report(error, as_json, err)
    return err.getvalue()


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.Invalid, 2),
        (errors.Partial, 3),
        (errors.Corrupt, 4),
        (errors.Refused, 5),
        (errors.NotFound, 6),
        (errors.Unavailable, 7),
        (errors.LocalResource, 8),
        (errors.NoArchive, 10),
        (errors.Locked, 11),
        (BadTime, 2),
    ],
)
def test_every_error_kind_has_its_documented_code(kind: type[Exception], code: int) -> None:
    assert exit_code(kind("x")) == code


def test_every_error_class_of_hindlog_has_a_code() -> None:
    assert all(kind in CODES for kind in HindlogError.__subclasses__())


def test_every_code_has_a_meaning() -> None:
    assert set(CODES.values()) <= set(MEANINGS)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (CLOSED_STDOUT, 0),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 1),
        (BrokenPipeError(errno.EPIPE, "Broken pipe", "git"), 1),
        (click.UsageError("x"), 2),
        (click.ClickException("x"), 1),
        (click.exceptions.Exit(6), 6),
        (SystemExit(), 0),
        (SystemExit(143), 143),
        (SystemExit("x"), 1),
        (OSError(errno.ENOSPC, "No space left on device"), 8),
        (PermissionError(errno.EACCES, "Permission denied"), 8),
        (FileNotFoundError(errno.ENOENT, "No such file"), 1),
        (ValueError("x"), 1),
        (HindlogError("x"), 1),
        (ExceptionGroup("tasks", [Unavailable("a"), Unavailable("b")]), 7),
        (ExceptionGroup("tasks", [Unavailable("a"), Invalid("b")]), 1),
    ],
    ids=repr,
)
def test_errors_of_other_libraries_have_a_code(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_a_subclass_has_the_code_of_its_base() -> None:
    class Slow(Unavailable):
        pass

    assert exit_code(Slow("x")) == 7


def test_the_text_of_an_error_does_not_contain_its_hint() -> None:
    error = Invalid("place: expected a, found b", "hindlog config check")

    assert str(error) == "place: expected a, found b"
    assert error.hint == "hindlog config check"


def test_an_error_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(Unavailable("x", "y")))

    assert (type(copy), copy.what, copy.hint) == (Unavailable, "x", "y")


def test_a_report_is_the_message_and_then_the_indented_hint() -> None:
    assert said(Invalid("a\nb", "c\nd")) == "hindlog: a\nhindlog: b\n  c\n  d\n"
    assert said(Invalid("a")) == "hindlog: a\n"


def test_the_last_line_of_a_report_is_json_if_requested() -> None:
    lines = said(Invalid("a", "b"), as_json=True).splitlines()

    assert lines[:-1] == ["hindlog: a", "  b"]
    assert json.loads(lines[-1]) == {
        "message_type": "exit_error",
        "code": 2,
        "message": "a",
        "hint": "b",
    }


def test_the_json_is_one_line_for_any_message() -> None:
    last = said(Invalid("a\n\u2028\x85\x1b[2J\ud800"), as_json=True).split("\n")[-2]

    assert json.loads(last)["message"] == "a\n\u2028\x85\x1b[2J\ud800"
    assert last.isascii()


def test_a_report_contains_no_control_characters() -> None:
    assert said(Unavailable("<\x1b[2J\r\x9b>")) == r"hindlog: <\x1b[2J\r\x9b>" + "\n"


def test_a_bug_shows_its_traceback() -> None:
    def broken() -> None:
        raise ZeroDivisionError("x")

    with pytest.raises(ZeroDivisionError) as caught:
        broken()
    text = said(caught.value)

    assert "in broken" in text
    assert "hindlog: ZeroDivisionError: x\n  this is a bug in hindlog" in text


def test_an_expected_error_shows_no_traceback() -> None:
    for error in (Invalid("x"), click.UsageError("x"), OSError(errno.ENOSPC, "full"), BadTime("x")):
        assert "Traceback" not in said(error)
        assert "bug" not in said(error)


@pytest.mark.parametrize("error", [CLOSED_STDOUT, SystemExit(0), click.exceptions.Exit(0)])
def test_a_successful_end_prints_nothing(error: BaseException) -> None:
    assert said(error, as_json=True) == ""


def test_an_exit_with_a_code_is_reported_only_in_json() -> None:
    assert said(click.exceptions.Exit(1)) == ""
    assert json.loads(said(SystemExit(6), as_json=True))["code"] == 6


def test_a_group_reports_each_of_its_errors() -> None:
    group = ExceptionGroup("tasks", [Unavailable("a", "wait"), Unavailable("b", "wait")])

    assert said(group) == "hindlog: a\nhindlog: b\n  wait\n"


def test_a_usage_error_names_the_help_of_its_command() -> None:
    context = click.Context(click.Command("tail"), info_name="hindlog tail")

    assert said(click.UsageError("no such option", context)) == (
        "hindlog: no such option\n  hindlog tail --help\n"
    )


FULL = ("ENOSPC", "EDQUOT", "EFBIG")


@pytest.mark.parametrize("name", [*FULL, "EACCES", "EPERM", "EROFS", "EBADF", "EMFILE", "ENFILE"])
def test_an_error_of_the_local_machine_has_code_8_and_names_the_file(name: str) -> None:
    error = OSError(getattr(errno, name), "refused", "x/y.csv")
    lines = said(error).splitlines()

    assert exit_code(error) == 8
    assert lines[0] == "hindlog: x/y.csv: refused"
    assert lines[1:] == (["  " + ROOM] if name in FULL else [])


ROOM = "make room there, then run it again: nothing was lost"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (click.Abort(), 130, "interrupted"),
        (Terminated(), 143, "ended by SIGTERM"),
        (SystemExit("no such thing"), 1, "no such thing"),
        (OSError(errno.EACCES, "refused"), 8, "refused"),
    ],
    ids=repr,
)
def test_an_interruption_is_reported_in_one_line(
    error: BaseException, code: int, message: str
) -> None:
    assert exit_code(error) == code
    assert said(error) == f"hindlog: {message}\n"


def test_a_report_is_flushed() -> None:
    raw = io.BytesIO()
    err = io.TextIOWrapper(raw, encoding="utf-8")
    report(Invalid("x"), False, err)

    assert raw.getvalue() == b"hindlog: x\n"


def test_a_report_in_json_has_no_other_line_except_the_traceback_of_a_bug() -> None:
    err, bug = io.StringIO(), io.StringIO()
    report(Invalid("a", "b"), False, err, only_json=True)
    report(ValueError("x"), False, bug, only_json=True)

    assert json.loads(err.getvalue())["hint"] == "b"
    assert json.loads(bug.getvalue().splitlines()[-1])["code"] == 1
    assert "ValueError: x" in bug.getvalue().splitlines()[-2]
