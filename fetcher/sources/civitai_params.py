"""Parameters of Civitai's listings that the configuration may set."""

from fetcher.listing_params import ListingParam
from fetcher.sources.civitai_pages import MEDIA

_BASE_MODEL = ListingParam("baseModels", "a base model, such as SDXL 1.0")
_USER = ListingParam("username", "the name of a creator")

MODEL_PARAMS = (
    _BASE_MODEL,
    _USER,
    ListingParam("types", "a type of models, such as LORA or Checkpoint"),
    ListingParam("tag", "a tag"),
    ListingParam("nsfw", "true for all levels, false for safe ones", ("true", "false")),
)
IMAGE_PARAMS = (
    _BASE_MODEL,
    _USER,
    ListingParam("modelId", "the id of a model"),
    ListingParam("modelVersionId", "the id of a version"),
    ListingParam("type", "image, video or audio", MEDIA),
    ListingParam(
        "browsingLevel",
        "the sum of 1 (PG), 2 (PG-13), 4 (R), 8 (X) and 16 (XXX)",
        tuple(str(level) for level in range(1, 32)),
    ),
)
