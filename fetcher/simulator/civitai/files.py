"""Files of a version: names, sizes, scans and hashes, none of which ever change. Pure."""

from functools import lru_cache

from fetcher.simulator.civitai.world import Version
from fetcher.simulator.world.rhythms import MINUTE, iso
from fetcher.simulator.world.seeded_random import draw, hex_digits, integer
from fetcher.simulator.world.world import Json

DOWNLOADS = "https://civitai.com/api/download/models"


@lru_cache(maxsize=1 << 14)
def files(seed: int, version: Version) -> list[Json]:
    """Returns the one or two files of a version; the second has no `primary`."""
    return [_file(seed, version, number) for number in range(1 + (version.id % 5 == 0))]


def _file(seed: int, version: Version, number: int) -> Json:
    digest = hex_digits(64, seed, "file", version.id, number)
    hashes = {
        "AutoV1": hex_digits(8, seed, "av1", version.id, number),
        "AutoV2": digest[:10],
        "SHA256": digest,
        "CRC32": hex_digits(8, seed, "crc", version.id, number),
        "BLAKE3": hex_digits(64, seed, "b3", version.id, number),
        "AutoV3": hex_digits(12, seed, "av3", version.id, number),
    }
    kept = draw(seed, "hashes", version.id, number) % 16
    few = {} if kept == 0 else dict(list(hashes.items())[:3])
    checkpoint = version.model.type == "Checkpoint"
    metadata = {"format": "SafeTensor", "size": "pruned" if checkpoint else None}
    return {
        "id": version.id * 4 + number,
        "sizeKB": integer(8_000, 7_000_000, seed, "size", version.id, number) + number / 7,
        "name": f"{version.model.name.split()[0]}_v{version.number + 1}.safetensors",
        "type": ("Model", "Training Data")[number],
        "pickleScanResult": "Success",
        "pickleScanMessage": "No Pickle imports",
        "virusScanResult": "Success",
        "virusScanMessage": None,
        "scannedAt": iso(version.born_us + 5 * MINUTE),
        "metadata": {**metadata, "fp": "fp16" if checkpoint else None},
        "hashes": few if kept < 3 else hashes,
        "downloadUrl": f"{DOWNLOADS}/{version.id}" + ("?type=Training%20Data" if number else ""),
        **({} if number else {"primary": True}),
    }
