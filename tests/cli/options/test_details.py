"""`show_details`: which log records become messages, and for how long."""

import logging

import pytest

from cli.options.details import PACKAGES, show_details


@pytest.mark.parametrize(
    ("level", "expected"), [(1, ["sealed"]), (2, ["sealed", "written"]), (3, ["sealed", "written"])]
)
def test_level_1_shows_info_and_higher_levels_also_debug(level: int, expected: list[str]) -> None:
    shown: list[str] = []
    end = show_details(level, shown.append)
    logging.getLogger("eventlog.write.seal").info("sealed")
    logging.getLogger("eventlog.write.append").debug("written")
    end()

    assert shown == expected


def test_records_of_other_libraries_are_not_shown() -> None:
    shown: list[str] = []
    end = show_details(2, shown.append)
    logging.getLogger("aiohttp.client").info("connected")
    end()

    assert shown == []


def test_after_the_end_nothing_is_shown_and_the_loggers_are_as_before() -> None:
    shown: list[str] = []
    show_details(2, shown.append)()
    logging.getLogger("fetcher.net.http").info("GET")

    assert shown == []
    for name in PACKAGES:
        assert logging.getLogger(name).level == logging.NOTSET
        assert logging.getLogger(name).handlers == []


def test_a_second_call_replaces_the_first() -> None:
    first: list[str] = []
    second: list[str] = []
    show_details(1, first.append)
    end = show_details(1, second.append)
    logging.getLogger("projector.parts.build").info("built")
    end()

    assert (first, second) == ([], ["built"])
