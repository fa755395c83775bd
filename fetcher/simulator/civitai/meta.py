"""`meta` of an image: how it was generated, in the many notations that occur. Pure."""

from functools import lru_cache

from fetcher.simulator.civitai.world import Image
from fetcher.simulator.world.seeded_random import chance, draw, hex_digits, integer, pick
from fetcher.simulator.world.vocabulary import SAMPLERS, SUBJECTS
from fetcher.simulator.world.world import Json

_TAGS = (
    "<lora:Watercolour_v1:0.8>", "<lora:水彩 v2:.65>", "<lyco:moss-000006:1>", "",
    "<lora:paper cut:0.6:0.4,0.4>", "< lora : harbour_v2:1>", "<lora:tram.safetensors:-0.5>",
    "<hypernet:dusk:0,7>", "<lora::1>",
)  # fmt: skip
_SEEDS = (-1, 0, 418_650_226, 419_750_308_183_444, -3_258_557_518)


@lru_cache(maxsize=1 << 14)
def generation_meta(seed: int, image: Image) -> Json | None:
    """Returns the `meta` of an image, None for some images. It never changes."""
    if chance(0.1, seed, "no meta", image.id):
        return None
    key = ("meta", image.id)
    big = 2**53 + draw(seed, *key, "seed") % 2**60
    lora = pick(_TAGS, seed, *key, "tag")
    return {
        "Size": "832x1216",
        "seed": big if chance(0.3, seed, *key) else pick(_SEEDS, seed, *key, "small"),
        "steps": integer(8, 50, seed, *key, "steps"),
        "prompt": f"{pick(SUBJECTS, seed, *key, 'subject')} {lora}".strip(),
        "sampler": pick(SAMPLERS, seed, *key, "sampler"),
        "cfgScale": pick((7, 7.0, 4.5, 1), seed, *key, "cfg"),
        "negativePrompt": "blurry, «watermark»",
        **_resources(seed, image, draw(seed, *key, "form") % 6),
    }


def _resources(seed: int, image: Image, form: int) -> Json:
    digest = hex_digits(64, seed, "file", image.version.id, 0)
    version, model = image.version.id, image.version.model
    if form == 0:
        used = {"type": "lora", "weight": 0.65, "modelVersionId": version}
        return {"resources": [], "civitaiResources": [used, {"modelVersionId": version}]}
    if form == 1:
        resource = {"hash": digest[:10].lower(), "name": model.name, "type": "lora", "weight": None}
        return {"resources": [resource], "hashes": {"lora:" + model.name: digest[:12].lower()}}
    if form == 2:
        return {"Model": model.name, "Model hash": digest[:10].lower(), "Clip skip": "2"}
    if form == 3:
        air = f"urn:air:sdxl:lora:civitai:{model.id}@{version}"
        return {"additionalResources": [{"name": air, "type": "lora", "strength": 1}]}
    if form == 4:
        workflow = '{"prompt":{"4":{"inputs":{"seed":NaN,"lora_name":"moss.safetensors"}}}}'
        return {"comfy": workflow, "hashes": [digest[:10]], "Created Date": "2025-01-11T1343:22.2Z"}
    return {"TI hashes": f"neg: {digest[:12].lower()}", "Hires upscale": "2"}
