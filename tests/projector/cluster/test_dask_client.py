"""Connecting to a Dask cluster, and what its workers must be like."""

import socket
from importlib.metadata import version

import attrs
import pytest

from eventlog.errors import Invalid, Unavailable
from projector.cluster.dask_client import check_workers, connect_to_dask, describe_worker


@pytest.mark.parametrize(
    "address",
    ["dask", "dask://", "dask://host", "http://host:80", "dask://host:1/path", "dask://a:b@h:1"],
)
def test_other_addresses_are_refused(address):
    with (
        pytest.raises(Invalid, match=r"expected local, dask://HOST:PORT or dask\+tls://"),
        connect_to_dask(address),
    ):
        pass


@pytest.mark.slow  # distributed takes a second to import
def test_a_scheduler_that_does_not_answer_is_named():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        port = unused.getsockname()[1]
    with (
        pytest.raises(Unavailable, match=r"no Dask scheduler answered within 0.2 s") as caught,
        connect_to_dask(f"dask://127.0.0.1:{port}", 0.2),
    ):
        pass

    assert caught.value.hint == f"dask scheduler --port {port}"


def test_workers_say_whether_they_see_the_folder(tmp_path):
    states = {"tcp://a:1": describe_worker(str(tmp_path)), "tcp://b:1": describe_worker("/none")}

    assert check_workers(lambda *_: states, tmp_path) == {"tcp://a:1": True, "tcp://b:1": False}


def test_a_worker_with_another_duckdb_is_named_with_both_versions(tmp_path):
    own = describe_worker(str(tmp_path))
    other = attrs.evolve(own, versions=(own.versions[0], "1.0.0"), rules="0" * 32)
    states = {"tcp://a:1": own, "tcp://b:2": other}

    with pytest.raises(Invalid, match=r"^worker tcp://b:2: expected hindlog") as caught:
        check_workers(lambda *_: states, tmp_path)

    assert f"with DuckDB {version('duckdb')}; found" in caught.value.what
    assert "(code 00000000) with DuckDB 1.0.0" in caught.value.what


def test_a_worker_without_hindlog_is_named(tmp_path):
    states = {"tcp://b:2": ModuleNotFoundError("No module named 'projector'")}

    with pytest.raises(
        Invalid, match=r"^worker tcp://b:2: expected hindlog .*found none"
    ) as caught:
        check_workers(lambda *_: states, tmp_path)

    assert "pip install 'hindlog[dask]'" in str(caught.value.hint)
