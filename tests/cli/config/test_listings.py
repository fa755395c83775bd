"""Listings and their parameters in the configuration: only those that the source declares."""

from pathlib import Path

import pytest

from cli.config.load import values_with_origin
from tests.cli.config.loading import load, refusal

TOML = """[source.civitai]
listings = ["models", "images"]
[source.civitai.params.models]
baseModels = ["Pony", "SDXL 1.0"]
nsfw = false
[source.civitai.params.images]
browsingLevel = 3
"""


def test_parameters_are_texts_as_they_are_sent(archive: Path) -> None:
    params = load(archive, TOML).source["civitai"].params

    assert params == {
        "models": {"baseModels": ("Pony", "SDXL 1.0"), "nsfw": ("false",)},
        "images": {"browsingLevel": ("3",)},
    }


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        (
            "[source.civitai]\nlistings = ['modles']",
            "civitai.listings: unknown listing 'modles'; the nearest known one is models",
        ),
        (
            "[source.openrouter.params.modles]\ncategory = 'a'",
            "openrouter.params.modles: unknown listing 'modles'; the nearest known one is models",
        ),
        (
            "[source.civitai.params.models]\nbaseModel = 'Pony'",
            "params.models.baseModel: unknown parameter 'baseModel'; the nearest known one is",
        ),
        (
            "[source.civitai.params.images]\nbrowsingLevel = 32",
            "browsingLevel: expected the sum of 1 (PG), 2 (PG-13), 4 (R), 8 (X) and 16 (XXX)",
        ),
        (
            "[source.civitai.params.models]\nlimit = 7",
            "params.models.limit: unknown parameter 'limit'",
        ),
        (
            "[source.openrouter.params.endpoints]\nauthor = 'a'",
            "params.endpoints.author: this listing has no parameters that can be set",
        ),
        ("[source.civitai]\nparams = 3", "civitai.params: "),
        ("[source.civitai.params]\nmodels = 3", "civitai.params.models: "),
        (
            "[source.civitai.params.models]\ntag = []",
            "models.tag: expected a text, a number, true, false, or a list of these, found []",
        ),
        ("[source.civitai.params.models]\ntag = 1.5", "params.models.tag: expected a text"),
    ],
)
def test_what_the_source_does_not_declare_is_an_error_with_its_place(
    archive: Path, toml: str, problem: str
) -> None:
    message = refusal(archive, toml).what

    assert message.startswith(f"{archive / 'hindlog.toml'}: source.")
    assert problem in message
    assert "\n" not in message


def test_a_variable_sets_parameters_as_json_and_names_its_problems(archive: Path) -> None:
    name = "HINDLOG_CIVITAI_PARAMS"
    env = {name: '{"models": {"nsfw": false}}'}

    assert load(archive, "", env).source["civitai"].params == {"models": {"nsfw": ("false",)}}
    assert values_with_origin(archive, env)["source.civitai.params"][1] == name
    assert refusal(archive, "", {name: "models"}).what.startswith(f"{name}: expected JSON such as")
    assert "unknown listing" in refusal(archive, "", {"HINDLOG_CIVITAI_LISTINGS": "modles"}).what


def test_a_file_is_the_origin_of_its_parameters(archive: Path) -> None:
    load(archive, TOML)

    values = values_with_origin(archive, {})

    assert values["source.civitai.params"][1] == "hindlog.toml"
