"""Random bit flips and cuts over sealed segments and manifests: all found, all placed."""

import random
from pathlib import Path

import pytest

from eventlog.check.segment_damage import Damage
from eventlog.check.verify import verify
from eventlog.files.listing import list_segments, read_manifest
from eventlog.format.paths import manifest_path, sealed_path
from eventlog.write.writer import close_stream, roll, wait_sealed
from tests.crash.rounds import FLIPS
from tests.eventlog.making import HOUR, SECOND, Hand, entity, opened, put

pytestmark = pytest.mark.sampled

SHARES = 4


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sealed hours of two frames and a bit."""
    root = tmp_path_factory.mktemp("log")
    hand = Hand()
    stream = opened(root, hand)
    for _hour in range(3):
        for number in range(24):
            put(stream, entity(number, 50_000, type_="image" if number % 5 else "model"))
            hand.at += SECOND
        hand.at += HOUR
        roll(stream)
        wait_sealed(stream)
    close_stream(stream)
    assert verify(root).damages == ()
    return root


def harmed(data: bytes, chance: random.Random) -> tuple[bytes, int]:
    """The bytes with one bit flipped, or cut; and where."""
    if chance.random() < 0.3:
        at = chance.randrange(len(data))
        return data[:at], at
    at = chance.randrange(len(data))
    flipped = bytearray(data)
    flipped[at] ^= 1 << chance.randrange(8)
    return bytes(flipped), at


@pytest.mark.parametrize("seed", range(SHARES))
def test_every_flipped_bit_and_every_cut_is_found_and_placed(log: Path, seed: int) -> None:
    chance = random.Random(seed)
    names = [each.name for each in list_segments(log)]
    for _ in range(FLIPS // SHARES):
        name = chance.choice(names)
        sealed = chance.random() < 0.6
        path = sealed_path(log, name) if sealed else manifest_path(log, name)
        whole = path.read_bytes()
        manifest = read_manifest(log, name)
        frames = [frame.offset + frame.bytes for frame in manifest.frames]
        bad, at = harmed(whole, chance)
        path.write_bytes(bad)
        damages = verify(log).damages
        path.write_bytes(whole)

        placed = [each for each in damages if _names(each, str(name), path)]
        assert placed, f"{path} at {at}: {damages}"
        if sealed and placed[0].frame is not None:
            assert placed[0].frame == sum(end <= at for end in frames)


def _names(damage: Damage, segment: str, path: Path) -> bool:
    return damage.place.startswith(segment) and damage.place.endswith(path.suffixes[-1])
