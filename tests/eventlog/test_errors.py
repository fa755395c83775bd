"""Errors: what they contain, and that they can be pickled."""

import pickle

import pytest

from eventlog import errors
from eventlog.errors import Corrupt, HindlogError

KINDS = sorted(HindlogError.__subclasses__(), key=lambda kind: kind.__name__)


def test_the_text_of_an_error_is_what_without_the_hint() -> None:
    error = Corrupt("a.ndjson: damaged", "hindlog verify")

    assert str(error) == "a.ndjson: damaged"
    assert (error.what, error.hint) == ("a.ndjson: damaged", "hindlog verify")
    assert Corrupt("damaged").hint is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_can_be_pickled(kind: type[HindlogError]) -> None:
    error = pickle.loads(pickle.dumps(kind("what", "hint")))

    assert type(error) is kind
    assert (error.what, error.hint) == ("what", "hint")


def test_every_kind_of_error_says_what_to_do_next() -> None:
    in_module = {kind for kind in KINDS if kind.__module__ == errors.__name__}

    assert len(in_module) == 9
    assert all(kind.__doc__ for kind in in_module)
