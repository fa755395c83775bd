"""Bodies of Civitai with a distinct value for every pointer, and the rows that they give."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

UUID = "cc242d6c-f960-4274-aa1d-f22a71e705ef"
OTHER = "dd242d6c-f960-4274-aa1d-f22a71e705ef"
BASE = "https://image.civitai.com/xG1"

MODEL = {
    "id": 7,
    "name": "n",
    "description": "d",
    "type": "LORA",
    "nsfw": True,
    "nsfwLevel": 31,
    "minor": False,
    "poi": True,
    "mode": "Archived",
    "availability": "Public",
    "status": "Published",
    "createdAt": "2024-01-02T03:04:05.678Z",
    "publishedAt": "2024-02-03T04:05:06Z",
    "creator": {"username": "ann", "image": "i"},
    "tags": ["t1", "t2"],
    "modelVersions": [{"id": 72, "name": "v"}, {"id": 71}],
    "stats": {
        "downloadCount": 101,
        "thumbsUpCount": 102,
        "thumbsDownCount": 103,
        "commentCount": 104,
        "tippedAmountCount": 105,
        "favoriteCount": 106,
        "rating": 4.25,
        "ratingCount": 107,
    },
    "allowCommercialUse": ["Image", "Rent"],
    "allowNoCredit": True,
    "allowDerivatives": False,
    "allowDifferentLicense": True,
    "supportsGeneration": False,
}

FILE = {
    "id": 501,
    "name": "f.safetensors",
    "type": "Model",
    "sizeKB": 1024.5,
    "primary": True,
    "metadata": {"format": "SafeTensor", "size": "pruned", "fp": "fp16"},
    "format": "Other",
    "hashes": {
        "SHA256": "a" * 64,
        "AutoV1": "b1b1b1b1",
        "AutoV2": "c2c2c2c2c2",
        "AutoV3": "d3d3d3d3d3d3",
        "CRC32": "e4e4e4e4",
        "BLAKE3": "f" * 64,
    },
    "pickleScanResult": "Success",
    "virusScanResult": "Danger",
    "scannedAt": "2024-03-04T05:06:07Z",
    "downloadUrl": "https://get/501",
}
BARE = {"id": 502, "format": "PickleTensor"}

VERSION = {
    "id": 71,
    "modelId": 7,
    "name": "v1",
    "baseModel": "SDXL",
    "baseModelType": "Standard",
    "createdAt": "2024-04-01T00:00:00Z",
    "publishedAt": "2024-04-02T00:00:00Z",
    "updatedAt": "2024-04-03T00:00:00Z",
    "trainedWords": ["w1", "w2"],
    "description": "about",
    "air": "urn:air:sdxl:lora:civitai:7@71",
    "nsfwLevel": 3,
    "stats": {"downloadCount": 201, "thumbsUpCount": 202},
    "status": "Draft",
    "availability": "EarlyAccess",
    "downloadUrl": "https://get/71",
    "files": [FILE, BARE],
    "images": [
        {"id": 91, "url": f"{BASE}/{UUID}/width=450/91.jpeg"},
        {"url": f"{BASE}/.../{OTHER}.jpeg"},
        {"id": 93, "url": f"{BASE}/{OTHER}/original=true/93.mp4"},
    ],
}

IMAGE = {
    "id": 91,
    "url": f"{BASE}/{UUID}/width=450/91.jpeg",
    "hash": "UBL_:rOpGG-oBUNG",
    "width": 640,
    "height": 480,
    "type": "image",
    "nsfw": True,
    "nsfwLevel": "Mature",
    "browsingLevel": 4,
    "createdAt": "2024-05-01T00:00:00Z",
    "postId": 301,
    "username": "bob",
    "baseModel": "Pony",
    "modelVersionIds": [71, 72],
    "stats": {
        "cryCount": 1,
        "laughCount": 20,
        "likeCount": 300,
        "dislikeCount": 4000,
        "heartCount": 50000,
        "commentCount": 600000,
    },
    "meta": {
        "prompt": "p",
        "negativePrompt": "np",
        "seed": 419750308183444,
        "steps": 25,
        "sampler": "Euler",
        "cfgScale": 7.5,
    },
}


def time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


MODEL_ROW: dict[str, Any] = {
    "id": 7,
    "name": "n",
    "description": "d",
    "type": "LORA",
    "nsfw": True,
    "nsfw_level": 31,
    "minor": False,
    "poi": True,
    "mode": "Archived",
    "availability": "Public",
    "status": "Published",
    "created_at": time("2024-01-02T03:04:05.678"),
    "published_at": time("2024-02-03T04:05:06"),
    "creator_username": "ann",
    "tags": ["t1", "t2"],
    "version_ids": [72, 71],
    "download_count": 101,
    "thumbs_up_count": 102,
    "thumbs_down_count": 103,
    "comment_count": 104,
    "tipped_amount_count": 105,
    "favorite_count": 106,
    "rating": 4.25,
    "rating_count": 107,
    "allow_commercial_use": ["Image", "Rent"],
    "allow_no_credit": True,
    "allow_derivatives": False,
    "allow_different_license": True,
    "supports_generation": False,
}


VERSION_ROW: dict[str, Any] = {
    "id": 71,
    "model_id": 7,
    "name": "v1",
    "base_model": "SDXL",
    "base_model_type": "Standard",
    "created_at": time("2024-04-01"),
    "published_at": time("2024-04-02"),
    "updated_at": time("2024-04-03"),
    "trained_words": ["w1", "w2"],
    "description": "about",
    "air": "urn:air:sdxl:lora:civitai:7@71",
    "nsfw_level": 3,
    "download_count": 201,
    "thumbs_up_count": 202,
    "status": "Draft",
    "availability": "EarlyAccess",
    "download_url": "https://get/71",
    "image_ids": [91, 93],
    "image_uuids": [UUID, OTHER],
    "files": [
        {
            "id": 501,
            "name": "f.safetensors",
            "type": "Model",
            "size_kb": 1024.5,
            "is_primary": True,
            "format": "SafeTensor",
            "fp": "fp16",
            "sha256": "a" * 64,
            "autov1": "b1b1b1b1",
            "autov2": "c2c2c2c2c2",
            "autov3": "d3d3d3d3d3d3",
            "crc32": "e4e4e4e4",
            "blake3": "f" * 64,
            "download_url": "https://get/501",
        },
        {
            **dict.fromkeys(
                ("name", "type", "size_kb", "fp", "sha256", "autov1", "autov2", "autov3")
            ),
            **dict.fromkeys(("crc32", "blake3", "download_url")),
            "id": 502,
            "is_primary": False,
            "format": "PickleTensor",
        },
    ],
}


FILE_ROW: dict[str, Any] = {
    "version_id": 71,
    "model_id": 7,
    "id": 501,
    "name": "f.safetensors",
    "type": "Model",
    "size_kb": 1024.5,
    "is_primary": True,
    "format": "SafeTensor",
    "fp": "fp16",
    "size": "pruned",
    "sha256": "A" * 64,
    "autov1": "B1B1B1B1",
    "autov2": "C2C2C2C2C2",
    "autov3": "D3D3D3D3D3D3",
    "crc32": "E4E4E4E4",
    "blake3": "F" * 64,
    "pickle_scan_result": "Success",
    "virus_scan_result": "Danger",
    "scanned_at": time("2024-03-04T05:06:07"),
    "download_url": "https://get/501",
}


IMAGE_ROW: dict[str, Any] = {
    "id": 91,
    "url": f"{BASE}/{UUID}/width=450/91.jpeg",
    "blurhash": "UBL_:rOpGG-oBUNG",
    "width": 640,
    "height": 480,
    "type": "image",
    "browsing_level": 4,
    "created_at": time("2024-05-01"),
    "post_id": 301,
    "username": "bob",
    "base_model": "Pony",
    "model_version_ids": [71, 72],
    "cry_count": 1,
    "laugh_count": 20,
    "like_count": 300,
    "dislike_count": 4000,
    "heart_count": 50000,
    "comment_count": 600000,
    "nsfw": True,
    "nsfw_level": "Mature",
    "uuid": UUID,
    "total_reactions": 54321,
    "prompt": "p",
    "negative_prompt": "np",
    "seed_text": "419750308183444",
    "seed": Decimal(419750308183444),
    "steps": 25,
    "sampler": "Euler",
    "cfg_scale": 7.5,
    "has_meta": True,
    "meta": orjson.dumps(IMAGE["meta"]).decode(),
}
