"""Times in names: what is read in full, and what is refused instead of guessed."""

from pathlib import Path

import pytest

from eventlog.clock import parse_us
from eventlog.errors import Invalid
from fetcher.imports.name_time import check_observed_at, time_in_name

SAMPLES = Path("/work/shared/samples")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("20260810T120114Z.json", "2026-08-10T12:01:14Z"),
        ("2026-08-10T12:01:14Z.json.zst", "2026-08-10T12:01:14Z"),
        ("2026-08-10T12-01-14Z.models.json", "2026-08-10T12:01:14Z"),
        ("raw/2026-08-15/121622.json.gz", "2026-08-15T12:16:22Z"),
        ("models-2026-08-15.json", "2026-08-15T00:00:00Z"),
        ("2026-08-15-models.json", "2026-08-15T00:00:00Z"),
        ("2026-08-15.json.bz2", "2026-08-15T00:00:00Z"),
        ("models-2026-08-15.ndjson.BZ2", "2026-08-15T00:00:00Z"),
        (r"2026-08-15\xff.json", "2026-08-15T00:00:00Z"),
        ("2026/08/15/models.json", "2026-08-15T00:00:00Z"),
        ("2026-08-15/2026-08-15.json", "2026-08-15T00:00:00Z"),
        ("2026-08-15/glm-5.2.json", "2026-08-15T00:00:00Z"),
        ("2026-08-15/t5.json", "2026-08-15T00:00:00Z"),
        ("2026-08-15/hours-21.5.json", "2026-08-15T00:00:00Z"),
        ("2026-08-15T12/hour-9_1786752000.json", "2026-08-15T12:00:00Z"),
        ("20260810T1201.json", "2026-08-10T12:01:00Z"),
        ("2026-08-10/12-01.json", "2026-08-10T12:01:00Z"),
        ("2026-08-10_1201.json", "2026-08-10T12:01:00Z"),
        ("202608101201.json", "2026-08-10T12:01:00Z"),
        ("2026-08-10/20260810T120114Z.json", "2026-08-10T12:01:14Z"),
        ("20260810T120114Z-c1d2fb3.models.json", "2026-08-10T12:01:14Z"),
        ("2026-08-15_12_16_22.json", "2026-08-15T12:16:22Z"),
        ("2026-08-15.121622.json", "2026-08-15T12:16:22Z"),
        ("2026-08-15_21.30.00.json", "2026-08-15T21:30:00Z"),
        ("2026-08-15 09h16m00.json", "2026-08-15T09:16:00Z"),
        ("2026-11-29T21.json", "2026-11-29T21:00:00Z"),
        ("2026-08-15T12-16-22_UTC.json", "2026-08-15T12:16:22Z"),
        ("2026-08-15T12:16:22+02:00.json", "2026-08-15T10:16:22Z"),
        ("2026-08-15T12:16:22 +0200.json", "2026-08-15T10:16:22Z"),
        ("20260815T121622-0530.json", "2026-08-15T17:46:22Z"),
        ("20260815T1216+02.json", "2026-08-15T10:16:00Z"),
        ("2026-08-15T12:16:22.123456789Z.json", "2026-08-15T12:16:22.123456Z"),
        ("20260815T121622,5Z.json", "2026-08-15T12:16:22.5Z"),
        ("2026-08-15T12:16:22.25+02:00.json", "2026-08-15T10:16:22.25Z"),
    ],
)
def test_a_time_is_read_in_full(name: str, expected: str) -> None:
    assert time_in_name(name) == parse_us(expected)


@pytest.mark.parametrize(
    "name", ["models.json", "model-15003.json", "20261301T000000Z.json", "2026081512.json"]
)
def test_a_name_without_a_time_is_never_guessed(name: str) -> None:
    with pytest.raises(Invalid, match="no time in this name"):
        time_in_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "2026-08-15 10:16 PM.json",
        "2026-08-15 10:16PM.json",
        "2026-08-15 at 10.16.22.json",
        "2026-08-15_10 pm.json",
        "2026-08-15 9:16.json",
        "2026-11-29_21.json",
        "2026-11-29/21.json",
        "2026-08-15/models-121622.json",
        "2026-08-15_glm-5.2.json",
        "2026-08-15/15003.json",
        "2026-08-15/1234.json",
        "2026-08-15/1234/endpoints.json",
        "2026/08/15/1234.json.gz",
        "2026-08-15 (1).json",
        "12-16-22_2026-08-15.json",
        "2026-08-15T12-16-22-02.json",
        "2026-08-15T12-16-22-123.json",
        "2026-08-15T12:16:22 CEST.json",
        "2026-08-15T12:16:22-cest.json",
        "2026-08-15_CET.json",
        "2026-08-15T12:16:22Zone.json",
        "2026-08-15T12:16:22+25:00.json",
        "2026-08-15T12%3A16.json",
        "2026-08-15T12:16:60Z.json",
        "2026-08-15T25:00:00Z.json",
        "2026-08-15T1216.5.json",
        "2026-08-15T10:16:00 p.m..json",
        "2026-08-15_noon.json",
        "2026-08-15T12:16:22 Europe-Berlin.json",
        "2026-08-15T12:16:22Z+02:00.json",
        "dt=2026-08-15/hour=21/models.json",
        "2026-08-15/hr-9.json",
        "2026-08-15/Hour_09/models.json",
        "2026-08-15/T21/models.json",
        "hour=21/2026-08-15.json",
        "2026-08-15/models-1786752000.json",
        "1786752000123/2026-08-15.json",
        "20260815120114123.json",
    ],
)
def test_text_after_a_date_that_is_not_understood_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="cannot be read in full") as refusal:
        time_in_name(name)
    assert "--observed-at TIME, or --time-from mtime" in (refusal.value.hint or "")


@pytest.mark.parametrize(
    "name",
    [
        "2024-01-01/20260810T120114Z.json",
        "2026-08-15/openai_gpt-4o-2024-05-13.json",
        "2026-08-15T12/openai_gpt-4o-2024-05-13.json",
        "2026/08/15/gpt-4o-2024-05-13.json",
        "2026-08/gpt-4o-2024-05-13.json",
        "2026-Q3/gpt-4o-2024-05-13.json",
        "15-08-2026/gpt-4o-2024-05-13.json",
        "2026-08-15_2026-08-16.json",
    ],
)
def test_several_different_dates_in_a_path_are_refused(name: str) -> None:
    with pytest.raises(Invalid, match="several dates"):
        time_in_name(name)


def test_two_different_times_of_one_day_are_refused() -> None:
    with pytest.raises(Invalid, match="several times"):
        time_in_name("20260815T1000Z/20260815T1100Z.json")


def test_an_hour_in_the_containing_folder_is_not_passed_over() -> None:
    assert time_in_name("2026-08-15T12.json", "/raw/hour=21") == parse_us("2026-08-15T12:00:00Z")
    assert time_in_name("2026-08-15.json", "/home/1786752000") == parse_us("2026-08-15T00:00:00Z")
    with pytest.raises(Invalid, match="cannot be read in full"):
        time_in_name("2026-08-15.json", "/raw/hour=21")


def test_a_date_of_the_containing_folder_must_be_the_same() -> None:
    assert time_in_name("121622/20260815.json", "/raw/2026-08-15")
    with pytest.raises(Invalid, match=r"several dates in the path /raw/2026-08-14/20260815\.json"):
        time_in_name("20260815.json", "/raw/2026-08-14")


@pytest.mark.parametrize("instant", [-1, 11, 10**20])
def test_a_time_before_1970_or_after_now_is_refused(instant: int) -> None:
    with pytest.raises(Invalid, match=r"before 1970|in the future"):
        check_observed_at(instant, now=10)


def test_the_first_and_the_present_instant_are_valid() -> None:
    assert [check_observed_at(instant, now=10) for instant in (0, 10)] == [0, 10]


@pytest.mark.skipif(not SAMPLES.exists(), reason="the recorded samples are not on this machine")
def test_names_of_real_recordings_are_read_or_have_no_time() -> None:
    times = 0
    for file in SAMPLES.rglob("*.json*"):
        try:
            times += time_in_name(str(file.relative_to(SAMPLES))) > 0
        except Invalid as error:
            assert "no time in this name" in error.what
    assert times > 50
