"""An archive of images that mention a version in several ways."""

from pathlib import Path

from projector.update.update import update
from tests.projector.logs import Page, Seen, hours, write_log
from tests.projector.projections import chosen

WRITER = "0a0b0c0d"
HELPERS = chosen(
    "civitai.version_of_hash",
    *(f"civitai.images_of_{kind}" for kind in ("model", "version", "lora", "user")),
)
SHA256 = "2E4A2D6B2C" + "0" * 54
"""Its first ten digits are the AutoV2."""


def image(id: int, meta: dict[str, object], **more: object) -> Seen:
    return Seen("image", str(id), {"id": id, "meta": meta, **more}, "list?withMeta=true")


FILE = {"id": 5, "name": "d", "hashes": {"SHA256": SHA256, "AutoV3": "AB12CD34EF56", "CRC32": "FF"}}
SEEN = [
    Seen("modelVersion", "22", {"id": 22, "modelId": 11, "name": "v1", "files": [FILE]}, "detail"),
    image(1, {"civitaiResources": [{"type": "lora", "modelVersionId": 22}]}, username="Ann"),
    image(2, {"resources": [{"type": "lora", "name": "Detail", "hash": "2e4a2d6b2c"}]}),
    image(3, {"additionalResources": [{"name": "urn:air:sdxl:lora:civitai:11@23"}]}),
    image(4, {"prompt": r"<lora:styles\detail.safetensors:1>"}, username="ann"),
    image(5, {"prompt": "nothing"}, modelVersionIds=[22]),
    image(6, {"prompt": "<lora:details:1>"}),
]


def write_shelf(root: Path) -> None:
    """Writes the archive into an empty folder, with the macros that find images and versions."""
    (root / "log").mkdir()
    write_log(root, "civitai", WRITER, [Page(hours(0), SEEN)])
    assert update(root, definitions=HELPERS).failed == ()
