"""Random bit flips and cuts in sealed segments and manifests are all detected and located."""

import random
from pathlib import Path

import pytest

from eventlog.check.segment_damage import Damage
from eventlog.check.verify import verify
from eventlog.files.listing import list_segments, read_manifest
from eventlog.format.paths import manifest_path, sealed_path
from eventlog.write.writer import close_stream, roll, wait_sealed
from tests.crash.rounds import FLIPS
from tests.eventlog.making import HOUR, SECOND, ManualClock, entity, opened, put

pytestmark = pytest.mark.sampled

SHARES = 4


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sealed hours of a little more than two frames each."""
    root = tmp_path_factory.mktemp("log")
    clock = ManualClock()
    stream = opened(root, clock)
    for _hour in range(3):
        for number in range(24):
            put(stream, entity(number, 50_000, type_="image" if number % 5 else "model"))
            clock.at += SECOND
        clock.at += HOUR
        roll(stream)
        wait_sealed(stream)
    close_stream(stream)
    assert verify(root).damages == ()
    return root


def damaged(data: bytes, chance: random.Random) -> tuple[bytes, int]:
    """Returns the bytes with one bit flipped, or cut short, and the offset of the damage."""
    if chance.random() < 0.3:
        at = chance.randrange(len(data))
        return data[:at], at
    at = chance.randrange(len(data))
    flipped = bytearray(data)
    flipped[at] ^= 1 << chance.randrange(8)
    return bytes(flipped), at


@pytest.mark.parametrize("seed", range(SHARES))
def test_every_flipped_bit_and_every_cut_is_detected_and_located(log: Path, seed: int) -> None:
    chance = random.Random(seed)
    names = [segment.name for segment in list_segments(log)]
    for _ in range(FLIPS // SHARES):
        name = chance.choice(names)
        sealed = chance.random() < 0.6
        path = sealed_path(log, name) if sealed else manifest_path(log, name)
        whole = path.read_bytes()
        manifest = read_manifest(log, name)
        frame_ends = [frame.offset + frame.bytes for frame in manifest.frames]
        bad, at = damaged(whole, chance)
        path.write_bytes(bad)
        damages = verify(log).damages
        path.write_bytes(whole)

        located = [damage for damage in damages if _names(damage, str(name), path)]
        assert located, f"{path} at {at}: {damages}"
        if sealed and located[0].frame is not None:
            assert located[0].frame == sum(end <= at for end in frame_ends)


def _names(damage: Damage, segment: str, path: Path) -> bool:
    return damage.place.startswith(segment) and damage.place.endswith(path.suffixes[-1])
