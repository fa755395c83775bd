"""Vocabulary of the world; every name is invented for this project."""

AUTHORS = (
    ("halcyon-labs", "Halcyon Labs"),
    ("ostra-moln", "Östra Moln"),
    ("tinplate", "Tinplate"),
    ("xuanshi", "玄石"),
    ("brindle-ai", "Brindle AI"),
    ("kvarts", "Kvarts & Söner"),
    ("moth-lantern", "Moth + Lantern"),
    ("nopal", "Ñopal"),
    ("seventh-quay", 'The "Seventh" Quay'),
)

MODEL_WORDS = ("Heron", "Tessera", "Ombra", "Ptarmigan", "Quillon", "Sorrel", "Vireo", "Zephyrine")
MODEL_SIZES = ("mini", "8b", "27b", "70b", "235b-a22b", "pro", "flash", "ultra")

PROVIDERS = (
    ("Gantry", "gantry", "US"),
    ("Fjordkraft AI", "fjordkraft", "NO"),
    ("Kestrel Cloud", "kestrel-cloud", "DE"),
    ("Nimbostrat", "nimbostrat", "US"),
    ("雲端工坊", "yunduan", "SG"),
    ("O'Hare & Daughters", "ohare", None),
    ("Sable Compute", "sable", "FR"),
    ("Tundra", "tundra", "CA"),
    ("Petit Four", "petit-four", None),
    ("Lodestone", "lodestone", "US"),
    ("Wattle", "wattle", "AU"),
    ("Cinnabar", "cinnabar", "CN"),
)

REGIONS = ("us-south1", "eu-west4", "global")
QUANTIZATIONS = ("unknown", "fp8", "fp8", "bf16", "fp4", "int4", "fp16")
PARAMETERS = (
    "frequency_penalty", "include_reasoning", "logit_bias", "logprobs", "max_tokens", "min_p",
    "presence_penalty", "reasoning", "reasoning_effort", "repetition_penalty", "response_format",
    "seed", "stop", "structured_outputs", "temperature", "tool_choice", "tools", "top_k",
    "top_logprobs", "top_p",
)  # fmt: skip

PRAISE = (
    "built for long walks through large code bases",
    "tuned on letters, ledgers and lists — “plain words first”",
    "small enough for a kettle, they say 🫖",
    "made for translation between 日本語, Ελληνικά and عربى",
    'known to answer "maybe" where others say "yes"',
    "with a context that holds <b>every</b> footnote",
    "for agents that must not guess; 10 % cheaper & calmer",
)

USERNAMES = (
    "inkpot", "Řeka_77", "slow.glacier", "月下の猫", "q_quartz", "Ünal-renders", "mrs_teapot",
    "zero_pad", "o_o", "paper lantern", "Dżem", "cobalt42", "NaN", "null", "emoji🦊fan",
    "tab_and_spaces", "Ísafold", "the-other-one", "brushwork", "vitreous", "ember.exe",
    "latent_lake", "kölnisch", "сова", "plumbago", "ochre", "umbra", "sixpence", "tannin", "zinc",
)  # fmt: skip

ART_NOUNS = (
    "Watercolour", "Lighthouse", "機械", "Botanical", "Isometric", "Gouache", "Cathedral", "Mossy",
    "Papercut", "Vœux", "Diorama", "Nordlicht", "Tapestry", "Steam Engine", "Глина", "Marginalia",
)  # fmt: skip
ART_FORMS = (
    "Style", "LoRA", "XL", "v2 / fixed", '"Redux"', "Mix ✨", "& Friends", "<3", "Concept",
    "(beta)", "風", "— final", "🤖 robots", "Detailer",
)  # fmt: skip
TAGS = (
    "style", "landscape", "architecture", "base model", "concept", "animal", "tool", "clothing",
    "background", "poster", "Jules O'Neil", "水彩", "line art", "texture", "vehicle", "night",
    "food", "retro", "macro", "pattern",
)  # fmt: skip
MODEL_TYPES = ("LORA", "Checkpoint", "TextualInversion", "LoCon", "Hypernetwork", "VAE")
BASE_MODELS = ("SD 1.5", "SDXL 1.0", "Illustrious", "Flux.1 D", "Pony", "Other")
SUBJECTS = (
    "a red kettle on a stone sill", "an isometric library, dusk", "fog over terraced fields",
    "a fox reading a map, 墨絵", "blueprint of a tram, white on blue", "glass beetle, macro, f/2.8",
    "harbour at night, (lanterns:1.2)", "sourdough still life, north light",
)  # fmt: skip
SAMPLERS = ("Euler a", "DPM++ 2M Karras", "DPM++ SDE", "UniPC", "LCM")
REMARKS = (
    "<p>Works best between <strong>0.6</strong> and 0.8.</p>",
    "<p>Trained on my own photographs &amp; drawings 📷.</p>",
    '<p>See the <a target="_blank" rel="ugc" href="https://example.org/guide">guide</a>.</p>',
    "<p>推奨：ステップ数 20〜30。</p><hr /><p>Thanks!</p>",
    '<h3 id="notes-x1">Notes</h3><ul><li><p>"quoted" words</p></li><li><p>a \\ slash</p></li></ul>',
    "<p></p><p>Emoji: 🧶🦉 and a zero\u200bwidth space.</p>",
)
