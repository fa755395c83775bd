"""Bodies of OpenRouter: recognises the endpoint of a recorded response. Pure."""

import msgspec

from fetcher.source import Params, RecogniseBody, decode_as


class _Architecture(msgspec.Struct):
    output_modalities: list[str] | None = None


class _Row(msgspec.Struct):
    id: str
    pricing: msgspec.Raw
    context_length: msgspec.Raw
    architecture: _Architecture | None = None


class _Models(msgspec.Struct):
    data: list[_Row]


def recognise_models(body: bytes) -> Params | None:
    """Recognises the list of models. If a model has no text output, it is the list of all
    modalities; else the default list, which contains text models only."""
    page = decode_as(body, _Models)
    if page is None or not page.data:
        return None
    outputs = (row.architecture and row.architecture.output_modalities for row in page.data)
    is_text = all("text" in modalities for modalities in outputs if modalities)
    return {} if is_text else {"output_modalities": "all"}


class _Details(msgspec.Struct):
    id: str
    endpoints: list[msgspec.Raw]


class _OneModel(msgspec.Struct):
    data: _Details


def recognise_endpoints(body: bytes) -> Params | None:
    """Recognises the endpoints of a model, whose id names the request."""
    page = decode_as(body, _OneModel)
    author, _, slug = page.data.id.partition("/") if page else ("", "", "")
    return {"author": author, "slug": slug} if slug else None


class _Rows(msgspec.Struct):
    data: list[dict[str, msgspec.Raw]]


def recognise_list_with(*names: str) -> RecogniseBody:
    """Recognises a list whose first element has these members."""

    def recognise(body: bytes) -> Params | None:
        page = decode_as(body, _Rows)
        return {} if page and page.data and set(names) <= page.data[0].keys() else None

    return recognise
