"""The same seed and time give the same answer in every order and process."""

import hashlib
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fetcher.simulator.catalog import Request, World, answer
from fetcher.simulator.civitai.world import make_model, versions
from fetcher.simulator.world.rhythms import DAY, HOUR, MINUTE, Rhythm, count, instant
from tests.extent import few_or_all
from tests.simulator.requesting import NOW, OR, C, F, get

PATHS = (
    f"{OR}/models",
    f"{OR}/providers",
    f"{F}/catalog/models",
    f"{C}/models",
    f"{C}/images",
    f"{C}/creators",
    f"{C}/tags",
)
INSTANTS = st.integers(18_000 * DAY, 24_000 * DAY)

PROGRAM = """
import hashlib, sys
from fetcher.simulator.catalog import Request, World, answer
digest = hashlib.sha256()
for path in sys.argv[2:]:
    digest.update(answer(World(7), Request(path, {}), int(sys.argv[1])).body)
print(digest.hexdigest())
"""


@settings(max_examples=few_or_all(10, 100))
@given(st.integers(0, 2**64), INSTANTS, st.sampled_from(PATHS))
def test_the_same_seed_and_time_give_the_same_bytes(seed: int, now_us: int, path: str) -> None:
    first = get(World(seed, 12, 12), path, now_us)
    get(World(seed, 12, 12), path, now_us + HOUR)

    assert get(World(seed, 12, 12), path, now_us) == first
    assert first.status == 200


def test_another_process_gives_the_same_bytes() -> None:
    digest = hashlib.sha256()
    for path in PATHS:
        digest.update(answer(World(7), Request(path, {}), NOW).body)
    env = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PROGRAM, str(NOW), *PATHS]
    other = subprocess.run(command, env=env, capture_output=True, text=True, check=True)

    assert other.stdout.strip() == digest.hexdigest()


@pytest.mark.parametrize("path", PATHS)
def test_two_seeds_give_two_worlds(path: str) -> None:
    assert path in (f"{OR}/providers", f"{C}/tags") or (
        get(World(1), path).body != get(World(2), path).body
    )


@pytest.mark.parametrize("path", PATHS)
def test_bodies_are_compact_utf8_without_escapes(path: str) -> None:
    body = get(World(3), path).body

    assert b'": ' not in body.replace(b'\\"', b"")[:200]
    assert b"\\u00" not in body
    assert body.decode("utf-8")


RHYTHMS = st.builds(
    Rhythm,
    seed=st.integers(0, 9),
    key=st.tuples(st.text(max_size=3)),
    period_us=st.integers(MINUTE, 100 * DAY),
    phase_us=st.integers(0, DAY),
)


@given(RHYTHMS, st.integers(-1000, 100_000))
def test_the_count_of_a_rhythm_becomes_n_at_its_nth_event(rhythm: Rhythm, number: int) -> None:
    at = instant(rhythm, number)

    assert count(rhythm, at) == number
    assert count(rhythm, at - 1) == number - 1


@given(RHYTHMS, INSTANTS, st.integers(0, 10 * DAY))
def test_the_count_of_a_rhythm_never_falls(rhythm: Rhythm, now_us: int, later_us: int) -> None:
    assert count(rhythm, now_us + later_us) >= count(rhythm, now_us)


@settings(max_examples=few_or_all(15, 200))
@given(
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(19_300 * DAY, 20_100 * DAY),
    st.sampled_from(PATHS),
)
def test_a_world_of_any_size_answers_at_any_instant_of_its_beginning(
    seed: int, size: int, now_us: int, path: str
) -> None:
    assert get(World(seed, size, size), path, now_us, sort="Newest").status == 200


def test_every_model_has_a_version_from_its_first_microsecond_on() -> None:
    world = World(5)
    for slot in range(world.civitai_models):
        model = make_model(world, slot, 77)
        assert versions(world, model, model.born_us)
        assert versions(world, model, model.born_us)[-1].born_us == model.born_us
